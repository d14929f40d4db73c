"""A name is swapped only if it is what it was; every server is asked; what somebody else has is left alone."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from migrator.config.dns import DnsConfig
from migrator.errors import TrafficError
from migrator.model.traffic import Abilities
from migrator.traffic.dns import Dns
from migrator.traffic.dns_server import DnsServer, Key, Records
from tests.contract.switches import Place, SwitchContract
from tests.support.clock import FakeClock
from tests.support.dns_zone import ZONE, FakeZone, answering

BLUE, GREEN = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[FakeZone]:
    """Serve a zone whose shop is on blue."""
    with answering(FakeZone(tmp_path)) as running:
        yield running


def adapter(zone: FakeZone, *others: FakeZone, **more: Any) -> Dns:
    """Return the adapter under test."""
    servers = tuple(f"127.0.0.1:{one.port}" for one in (zone, *others))
    given = {"blue": (BLUE,), "green": (GREEN,), "key_file": str(zone.key), "servers": servers, **more}
    config = DnsConfig(name=f"shop.{ZONE}", zone=ZONE, server=servers[0], **given)
    return Dns(config, relative_to=Path(), clock=FakeClock())


class TestDns(SwitchContract):
    """A name is a switch like any other."""

    @pytest.fixture
    def place(self, zone: FakeZone) -> Place:
        """Return it."""
        sides = {frozenset({BLUE}): "blue", frozenset({GREEN}): "green"}
        return Place(adapter(zone), lambda: sides.get(frozenset(zone.values), "either"))


def test_what_it_can_do_follows_from_its_addresses_and_its_ttl(zone: FakeZone) -> None:
    """Shares are counts of addresses; nothing is counted; clients stay behind for the TTL."""
    assert adapter(zone).abilities() == Abilities(
        (0, 50, 100), counters=False, uncounted=("A shop.example.test",), stale_seconds=300
    )
    more = adapter(zone, green=(GREEN, "192.0.2.3"))
    assert more.abilities().levels == (0, 50, 66.7, 100)
    more.shift(67)
    assert zone.values == {BLUE, GREEN, "192.0.2.3"}


def test_the_records_are_put_in_their_own_place_to_know_whether_that_is_allowed(zone: FakeZone) -> None:
    """What a person should know is the TTL."""
    told = adapter(zone).require_shares()
    assert told == (
        "A shop.example.test has a TTL of 300 s: clients may stay behind for so long after each step and after a rollback",
        "`migrator prepare` lowers the TTL to 30 s; it counts once the old one is over",
    )
    assert (zone.values, zone.updates) == ({BLUE}, 1)
    zone.code = dns.rcode.REFUSED
    with pytest.raises(TrafficError, match="it refuses the update") as caught:
        adapter(zone).require_shares()
    assert "read-only" in caught.value.hint


def test_what_the_switch_does_not_move_of_a_name_is_told(zone: FakeZone) -> None:
    """Clients of the other family stay, and browsers where an HTTPS record hints at blue."""
    name = f"shop.{ZONE}"
    assert not any("records (" in text for text in adapter(zone).require_shares())
    zone.records[name, "AAAA"] = ({"2001:db8::1"}, 300)
    zone.records[name, "HTTPS"] = ({f'1 . alpn="h2" ipv4hint={GREEN},{BLUE}'}, 300)
    *_, family, hint = adapter(zone).require_shares()
    assert f"{name} also has AAAA records (2001:db8::1)" in family
    assert f"the HTTPS record of {name} hints at {BLUE}, and" in hint
    zone.records[name, "HTTPS"] = ({f'1 . alpn="h2" ipv4hint={GREEN}'}, 300)
    assert not any("HTTPS" in text for text in adapter(zone).require_shares())


def test_a_server_that_does_not_answer_for_what_is_not_moved_keeps_nothing_from_moving(
    zone: FakeZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some know no HTTPS records."""
    answers = DnsServer.records

    def records(self: DnsServer, name: str, kind: str, key: Key | None = None) -> Records:
        if kind == "HTTPS":
            raise TrafficError("dns: not authoritative")
        return answers(self, name, kind, key)

    monkeypatch.setattr(DnsServer, "records", records)
    assert any("is unknown: dns: not authoritative" in text for text in adapter(zone).require_shares())


def test_a_change_between_the_look_and_the_swap_is_refused(zone: FakeZone) -> None:
    """The server compares; what is there then is neither blue nor green."""

    def meanwhile() -> None:
        zone.values = {"192.0.2.77"}

    zone.before_update = meanwhile
    with pytest.raises(TrafficError, match=r"A shop\.example\.test is 192\.0\.2\.77, which is neither blue nor green"):
        adapter(zone).shift(100)
    assert (zone.values, zone.updates) == ({"192.0.2.77"}, 0)


def test_a_change_between_the_sides_is_looked_at_once_more(zone: FakeZone) -> None:
    """A way back that meets a cutover ends on blue; what never stands still is an error."""
    zone.values = {GREEN}
    changes = iter([{BLUE, GREEN}])

    def meanwhile() -> None:
        zone.values = next(changes, zone.values)

    zone.before_update = meanwhile
    assert adapter(zone).withdraw(end_connections=True).reading.green_percent == 0

    def always() -> None:
        zone.values = {GREEN} if zone.values == {BLUE} else {BLUE}

    zone.before_update = always
    with pytest.raises(TrafficError, match="is changed all the time by something else"):
        adapter(zone).shift(50)


@pytest.mark.parametrize("values", [{"198.51.100.9"}, {BLUE, "198.51.100.9"}])
def test_a_name_that_leads_elsewhere_is_refused(zone: FakeZone, values: set[str]) -> None:
    """Also where one of its addresses is ours, and on the way back."""
    zone.values = values
    for act in (adapter(zone).read, adapter(zone).require_shares, lambda: adapter(zone).withdraw(end_connections=True)):
        with pytest.raises(TrafficError, match=r"198\.51\.100\.9, which is neither blue nor green"):
            act()
    assert zone.updates == 0


def test_a_name_that_is_not_there_is_refused(zone: FakeZone) -> None:
    """That there is none is in caches, too."""
    zone.values = set()
    with pytest.raises(TrafficError, match=r"has no A shop\.example\.test") as caught:
        adapter(zone).read()
    assert "cached" in caught.value.hint


def test_an_update_that_does_nothing_is_seen(zone: FakeZone) -> None:
    """The primary is asked again."""
    zone.deaf = True
    with pytest.raises(TrafficError, match=r"is 192\.0\.2\.1 after the update"):
        adapter(zone).shift(100)


def test_a_server_that_stays_behind_is_waited_for_and_named(zone: FakeZone, tmp_path: Path) -> None:
    """A step fails; the way back is done, and says so. One that does not answer misleads nobody."""
    (tmp_path / "second").mkdir()
    with ExitStack() as stack:
        second = stack.enter_context(answering(FakeZone(tmp_path / "second")))
        switch = adapter(zone, second)
        with pytest.raises(TrafficError, match=rf"127\.0\.0\.1 port {second.port} still answers 192\.0\.2\.1"):
            switch.shift(100)
        second.values = {GREEN}
        assert switch.read().percents == (100, 100)
        withdrawal = switch.withdraw(end_connections=True)
        assert withdrawal.missed == (f"A shop.example.test: 127.0.0.1 port {second.port} still answers {GREEN}",)
        assert (withdrawal.reading.green_percent, withdrawal.stale_seconds) == (0, 300)
    assert switch.shift(100).green_percent == 100
    assert "do not answer now" in switch.require_shares()[-1]


@pytest.mark.parametrize("name", [f"shop.{ZONE}", f"a-shop.{ZONE}", f"cname-shop.{ZONE}"])
def test_a_name_of_external_dns_is_left_alone(zone: FakeZone, name: str) -> None:
    """Unless the person says that its owner does; both forms of its registry are looked for."""
    text = '"heritage=external-dns,external-dns/owner=home,external-dns/resource=ingress/shop/shop"'
    zone.records[(name, "TXT")] = ({text, '"v=spf1 -all"'}, 300)
    with pytest.raises(TrafficError, match=r"is external-dns' \(home\), which would set it back") as caught:
        adapter(zone).require_shares()
    assert "externalDnsOwner: home" in caught.value.hint
    assert adapter(zone, external_dns_owner="Home").require_shares()


def test_an_encrypted_record_of_external_dns_needs_a_word(zone: FakeZone) -> None:
    """Nobody can read its owner. A token of the same form at the name itself is no such record."""
    encrypted = base64.b64encode(os.urandom(200)).decode()
    record = ({f'"{encrypted[:255]}" "{encrypted[255:]}"'}, 300)
    zone.records[(f"shop.{ZONE}", "TXT")] = record
    assert adapter(zone).require_shares()
    zone.records[(f"a-shop.{ZONE}", "TXT")] = record
    with pytest.raises(TrafficError, match=rf"the TXT record a-shop\.{ZONE} is encrypted: .* may be external-dns'") as caught:
        adapter(zone).require_shares()
    assert "--txt-owner-id as `externalDnsOwner`" in caught.value.hint
    assert adapter(zone, external_dns_owner="home").require_shares()


def test_a_registry_with_a_prefix_is_found_where_it_is_named(zone: FakeZone) -> None:
    """Without that nobody knows where to look."""
    zone.records[(f"own.a-shop.{ZONE}", "TXT")] = ({'"heritage=external-dns,external-dns/owner=home"'}, 300)
    assert adapter(zone).require_shares()
    with pytest.raises(TrafficError, match=r"is external-dns' \(home\)"):
        adapter(zone, txt_prefix="own.").require_shares()


def test_a_ttl_is_lowered_beforehand_once(zone: FakeZone) -> None:
    """It counts when the old one is over; the shares stay, and later changes keep it."""
    switch = adapter(zone)
    assert (switch.prepare(), switch.prepare(), switch.abilities().stale_seconds) == (300, 0, 30)
    assert zone.records[(f"shop.{ZONE}", "A")] == ({BLUE}, 30)
    switch.shift(100)
    assert zone.records[(f"shop.{ZONE}", "A")] == ({GREEN}, 30)


def test_a_cname_has_one_target(zone: FakeZone) -> None:
    """All or nothing; the last dot is the server's."""
    zone.records[(f"shop.{ZONE}", "CNAME")] = ({"blue.example.test."}, 60)
    switch = adapter(zone, type="CNAME", blue=("Blue.example.test",), green=("green.example.test.",))
    assert switch.abilities().levels == (0, 100)
    assert switch.shift(100).servers == {"blue.example.test": 0, "green.example.test": 1}
    assert zone.records[(f"shop.{ZONE}", "CNAME")] == ({"green.example.test."}, 60)


def test_it_keeps_what_was_set(zone: FakeZone) -> None:
    """A zone is on a disk."""
    assert adapter(zone).after_restart() == ()


def test_a_server_that_finds_a_change_where_there_is_none_is_told(zone: FakeZone) -> None:
    """Some compare what RFC 2136 leaves out (Technitium's issue 1888); nobody else has changed the name."""
    zone.code = dns.rcode.NXRRSET
    with pytest.raises(TrafficError, match=r"says that A shop\.example\.test has changed, and answers the same as before"):
        adapter(zone).shift(100)


def test_a_view_that_clients_do_not_see_is_not_moved(zone: FakeZone) -> None:
    """Servers choose a view by the key (certbot#8804); a change of it is taken back, also where both were alike before."""
    zone.shown = {"192.0.2.7"}
    with pytest.raises(
        TrafficError, match=r"answers 192\.0\.2\.1 for A shop\.example\.test with the key, and 192\.0\.2\.7 without"
    ):
        adapter(zone).require_shares()
    zone.shown = {BLUE}
    adapter(zone).require_shares()
    with pytest.raises(TrafficError, match=r"still answers 192\.0\.2\.1"):
        adapter(zone).shift(100)
    assert zone.values == adapter(zone)._now().values == {GREEN}
    assert adapter(zone).withdraw(end_connections=True).missed == ()
    assert zone.values == {BLUE}


def test_a_primary_that_answers_nobody_without_the_key_is_moved(zone: FakeZone) -> None:
    """A hidden one: its secondaries, which its NS records name, answer clients."""
    zone.hidden = True
    zone.records[ZONE, "NS"] = {"localhost."}, 300
    one = adapter(zone, servers=())
    one.require_shares()
    assert one.shift(100).green_percent == 100
    assert one.withdraw(end_connections=True).missed == ()
    assert zone.values == {BLUE}


def test_a_server_that_passes_updates_on_need_not_know_the_key(zone: FakeZone) -> None:
    """A hidden primary alone has it (certbot#9671); another one answers nobody without it."""
    zone.knows_key = False
    adapter(zone).require_shares()
    assert adapter(zone).shift(100).green_percent == 100
    zone.knows_key, zone.shown = True, set()
    with pytest.raises(TrafficError, match="and nothing without it"):
        adapter(zone).require_shares()
