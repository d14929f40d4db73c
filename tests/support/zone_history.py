"""What was done to a zone, as its server tells it: each change by IXFR (RFC 1995), and when it was asked for by BIND's update log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import dns.message
import dns.query
import dns.rdatatype
import dns.rrset

from migrator.testbed.name_server import ZONE, NameServer

_LINE = re.compile(r"^(\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d)\.(\d{3}) client @\S+ [\d.]+#(\d+)/key \S+: updating zone '[^']+': (.*)$")


class Entry(NamedTuple):
    """One record of a zone."""

    name: str
    """Without the zone."""
    kind: str
    value: str


@dataclass(slots=True)
class Change:
    """What one update did."""

    serial: int
    removed: set[Entry] = field(default_factory=set)
    added: set[Entry] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """The names that it touched."""
        return {entry.name for entry in self.removed | self.added}


def records(server: NameServer) -> set[Entry]:
    """Return all records of the zone but its SOA."""
    return {entry for _, entry in _transfer(server, dns.rdatatype.AXFR) if entry.kind != "SOA"}


def serial(server: NameServer) -> int:
    """Return the zone's serial."""
    question = dns.message.make_query(ZONE, "SOA", flags=0)
    answer = dns.query.tcp(question, "127.0.0.1", port=server.port, timeout=10)
    return int(answer.answer[0][0].serial)


def changes_since(server: NameServer, first: int) -> list[Change]:
    """Return each change after a serial, in order."""
    rows = list(_transfer(server, dns.rdatatype.IXFR, first))[1:-1]
    found: list[Change] = []
    removing = False
    for number, entry in rows:
        if entry.kind != "SOA":
            (found[-1].removed if removing else found[-1].added).add(entry)
            continue
        removing = not removing
        if removing:
            found.append(Change(number))
        else:
            found[-1].serial = number
    return found


def missing_after(before: set[Entry], changes: Iterable[Change], wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Return which of the wanted names had no record of their kind, after which change."""
    have, names = set(before), list(wanted)
    found = []
    for change in changes:
        have = (have - change.removed) | change.added
        there = {(entry.name, entry.kind) for entry in have}
        found += [f"{kind} of {name} after serial {change.serial}" for name, kind in names if (name, kind) not in there]
    return found


def update_times(server: NameServer) -> list[float]:
    """Return when updates were made, in seconds since the epoch, one for each that changed something."""
    seen: dict[tuple[str, str], float] = {}
    for line in (server.folder / "log").read_text().splitlines():
        match = _LINE.match(line)
        if match and match[4].startswith(("adding", "deleting")):
            local = datetime.strptime(match[1], "%d-%b-%Y %H:%M:%S").astimezone().timestamp()
            seen.setdefault((match[3], match[1]), local + int(match[2]) / 1000)
    return sorted(seen.values())


def _transfer(server: NameServer, kind: dns.rdatatype.RdataType, first: int = 0) -> Iterator[tuple[int, Entry]]:
    """Yield each record as it comes, with the serial of an SOA."""
    for message in dns.query.xfr("127.0.0.1", ZONE, kind, port=server.port, serial=first, timeout=30, relativize=False):
        for rrset in message.answer:
            for item in rrset:
                kind_name = dns.rdatatype.to_text(rrset.rdtype)
                number = int(item.serial) if kind_name == "SOA" else 0
                name = str(rrset.name).removesuffix(f".{ZONE}.")
                yield number, Entry(name, kind_name, item.to_text())


def by_name(entries: Iterable[Entry], kind: str) -> Mapping[str, set[str]]:
    """Return the values of one kind of record, by name."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        if entry.kind == kind:
            found.setdefault(entry.name, set()).add(entry.value)
    return found
