"""What may be said of a name in DNS."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from migrator.config.dns import DnsConfig, host_and_port

SHOP = {
    "name": "shop.example.com",
    "zone": "example.com",
    "blue": ["192.0.2.1"],
    "green": ["192.0.2.2"],
    "server": "192.0.2.53",
    "keyFile": "k",
}


def dns(**more: Any) -> DnsConfig:
    """Return the configuration of the shop's name."""
    return DnsConfig.model_validate({**SHOP, **more})


def test_shares_are_counts_of_addresses() -> None:
    """Of one share the most addresses; a CNAME has all or nothing."""
    assert dns().levels == (0, 50, 100)
    two = dns(blue=["192.0.2.1", "192.0.2.3"], green=["192.0.2.2", "192.0.2.4"])
    assert two.levels == (0, 33.3, 50, 66.7, 100)
    assert two.mixtures[50] == ("192.0.2.1", "192.0.2.3", "192.0.2.2", "192.0.2.4")
    assert dns(type="CNAME", blue=["blue.example.com"], green=["green.example.com."]).levels == (0, 100)


def test_a_value_is_what_a_server_writes() -> None:
    """So that it can be compared."""
    assert dns(type="AAAA", blue=["FD00:0::1"], green=["fd00::2"]).plain("FD00:0::1") == "fd00::1"
    assert dns(type="CNAME", blue=["a"], green=["b"]).plain("Blue.Example.com.") == "blue.example.com"
    assert (dns(name="Shop.Example.com.").name, dns(name="*.example.com").places) == ("shop.example.com", ("A *.example.com",))


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("[fd00::53]:5353", ("fd00::53", 5353)),
        ("[fd00::53]", ("fd00::53", 53)),
        ("fd00::53", ("fd00::53", 53)),
        ("ns1.example.com", ("ns1.example.com", 53)),
    ],
)
def test_a_server_is_an_address_with_or_without_a_port(server: str, place: tuple[str, int]) -> None:
    """Of both kinds, or a name."""
    assert (dns(server=server).host_and_port, host_and_port(server)) == (place, place)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": "shop.example.org"}, "is not in zone example.com"),
        ({"name": "notexample.com"}, "is not in zone example.com"),
        ({"name": "a b"}, "is not a name in DNS"),
        ({"name": "münchen.example.com"}, "write xn--mnchen-3ya.example.com"),
        ({"name": "example.com", "type": "CNAME", "blue": ["a"], "green": ["b"]}, "the zone itself cannot be a CNAME"),
        ({"name": "x" * 64 + ".example.com"}, "is not a name in DNS"),
        ({"blue": ["192.0.2.300"]}, "Octet 300"),
        ({"blue": ["fd00::1"]}, "Expected 4 octets"),
        ({"green": ["192.0.2.1"]}, "192.0.2.1 is named twice"),
        ({"type": "AAAA"}, "At least 3 parts expected"),
        ({"type": "AAAA", "blue": ["fd00::1"], "green": ["fd00:0::1"]}, "fd00::1 is named twice"),
        ({"type": "CNAME", "blue": ["a", "c"], "green": ["b"]}, "a CNAME has one target"),
        ({"type": "MX"}, "'A', 'AAAA' or 'CNAME'"),
        ({"green": []}, "at least 1 item"),
        ({"server": "http://192.0.2.53"}, "is not a server"),
        ({"servers": ["192.0.2.53 "]}, "is not a server"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], words: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValidationError, match=words):
        dns(**more)
