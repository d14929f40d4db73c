"""Each unexpected answer of a server is one line; a key is nobody else's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from migrator.errors import TrafficError
from migrator.testbed.name_server import write_key
from migrator.traffic.dns_server import Changed, DnsServer, Records, read_key
from tests.support.dns_zone import ZONE, FakeZone, answering

SHOP = f"shop.{ZONE}"
NOW = Records(frozenset({"192.0.2.1"}), 300)


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[FakeZone]:
    """Serve a zone."""
    with answering(FakeZone(tmp_path)) as running:
        yield running


def server(zone: FakeZone) -> DnsServer:
    """Return how it is asked."""
    return DnsServer("127.0.0.1", zone.port)


def test_records_come_with_their_ttl(zone: FakeZone) -> None:
    """What is not there has none; a name is one in any case."""
    assert server(zone).records(SHOP, "A") == NOW
    assert server(zone).records(f"other.{ZONE}", "A") == Records(frozenset(), 0)


def test_a_cache_is_not_asked(zone: FakeZone) -> None:
    """Its answer may be old."""
    zone.authoritative = False
    with pytest.raises(TrafficError, match=r"is not authoritative for shop\.example\.test"):
        server(zone).records(SHOP, "A")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (dns.rcode.REFUSED, "it refuses the update"),
        (dns.rcode.NOTAUTH, "it is not the zone's primary"),
        (dns.rcode.SERVFAIL, "it failed"),
        (dns.rcode.NOTIMP, "it takes no updates"),
        (dns.rcode.FORMERR, "it answers FORMERR"),
    ],
)
def test_a_refusal_says_why_and_names_the_key(zone: FakeZone, code: dns.rcode.Rcode, words: str) -> None:
    """Never its secret."""
    zone.code = code
    with pytest.raises(TrafficError, match=words) as caught:
        server(zone).change(ZONE, read_key(zone.key), SHOP, "A", NOW, NOW)
    assert "(example.test, key migrator)" in caught.value.message
    assert caught.value.hint


def test_records_that_are_not_there_any_more_are_told(zone: FakeZone) -> None:
    """The server compares all of them."""
    with pytest.raises(Changed):
        server(zone).change(ZONE, read_key(zone.key), SHOP, "A", Records(frozenset({"192.0.2.9"}), 300), NOW)


@pytest.mark.parametrize("garbled", [b"", b"\x00\x01", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_answer_is_an_error(zone: FakeZone, garbled: bytes) -> None:
    """Somebody else listens there, or it ended in between."""
    zone.garbled = garbled
    with pytest.raises(TrafficError, match="no answer that can be read"):
        server(zone).records(SHOP, "A")


def test_each_address_of_a_server_is_tried(zone: FakeZone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name has often an address of IPv6, and its server listens at the other one only."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, zone.port)) for address in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert DnsServer("ns.example.test", zone.port).records(SHOP, "A") == NOW


def test_a_server_that_is_not_there_is_an_error() -> None:
    """With what the system says; a name that cannot be looked up, too."""
    with pytest.raises(TrafficError, match=r"127\.0\.0\.1 port 1: Connection refused"):
        DnsServer("127.0.0.1", 1).records(SHOP, "A")
    with pytest.raises(TrafficError, match=r"dns: no such host\.invalid port 53"):
        DnsServer("no such host.invalid", 53).records(SHOP, "A")


def test_a_key_is_read_as_bind_writes_it(tmp_path: Path) -> None:
    """Its text has no secret."""
    path = tmp_path / "key"
    write_key(path, "home.key")
    assert (read_key(path).name, repr(read_key(path))) == ("home.key", "Key('home.key')")
    secret = path.read_text().split('"')[3]
    assert secret not in f"{read_key(path)!r}{read_key(path)!s}"


@pytest.mark.parametrize(
    "text",
    [
        "key b { algorithm hmac-sha256; secret QQ==; };",
        '# key "old" { algorithm hmac-md5; secret "eA=="; };\nkey "b" { algorithm hmac-sha256; secret "//AA"; };',
        '/* key "old" { algorithm hmac-md5; secret "eA=="; }; */ key "b" {\n\talgorithm "HMAC-SHA256"; // new\n\tsecret "QQ==";\n};',
    ],
    ids=["without quotes", "an older one as a comment", "each form of comment"],
)
def test_a_key_is_read_as_people_write_it(tmp_path: Path, text: str) -> None:
    """BIND takes all of these (named.conf(5))."""
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    assert read_key(path).name == "b"


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (None, 0, "No such file"),
        ('key "a" { algorithm hmac-sha256; secret "QQ=="; };', 0o644, "others may read this key"),
        ("secret", 0o600, "holds no TSIG key"),
        ('key "a" { algorithm hmac-sha256; };', 0o600, "holds no TSIG key"),
        ('key "a" { algorithm hmac-sha256; secret "QQQ"; };', 0o600, "the key cannot be used"),
        ('key "a" { algorithm gss-tsig; secret "QQQQ"; };', 0o600, "the key cannot be used"),
        ('key "a" { algorithm hmac-sha3; secret "QQQQ"; };', 0o600, "the key cannot be used"),
        ("\udcff", 0o600, "no text"),
    ],
)
def test_a_file_without_a_key_is_told_without_what_it_holds(tmp_path: Path, text: str | None, mode: int, words: str) -> None:
    """And one that others may read is not used."""
    path = tmp_path / "key"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))
        path.chmod(mode)
    with pytest.raises(TrafficError, match=words) as caught:
        read_key(path)
    assert "QQ" not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"


def test_the_short_name_of_md5_is_understood(tmp_path: Path) -> None:
    """As guides of ISC's DHCP server have it; it ended a cutover with a bug."""
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text('key "ddns" { algorithm hmac-md5; secret "QUJD"; };')
    question = dns.message.make_query(SHOP, "A")
    question.use_tsig(read_key(path).ring)
    assert b"hmac-md5\x07sig-alg\x03reg\x03int" in question.to_wire().lower()
