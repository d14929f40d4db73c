"""A zone that answers on a real TCP port and takes signed updates, as far as one name goes."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.update

from migrator.testbed.name_server import write_key
from migrator.traffic.dns_server import read_key

ZONE = "example.test"


class FakeZone:
    """Answers for its zone; a test says what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.key = folder / "tsig.key"
        write_key(self.key)
        self.records: dict[tuple[str, str], tuple[set[str], int]] = {
            (f"shop.{ZONE}", "A"): ({"192.0.2.1"}, 300),
            (ZONE, "NS"): ({f"ns1.{ZONE}."}, 300),
        }
        """Name and type to values and TTL."""
        self.port = 0
        self.updates = 0
        """Changes that were made."""
        self.code = dns.rcode.NOERROR
        """What it answers to an update that it does not make."""
        self.authoritative = True
        self.shown: set[str] | None = None
        """What the shop's address is for who asks without the key, in a view of its own; None: the same."""
        self.knows_key = True
        """Whether it answers questions that are signed; updates it passes on."""
        self.hidden = False
        """Refuses questions that are not signed."""
        self.deaf = False
        """Says that it has made a change, and has not."""
        self.garbled: bytes | None = None
        """What it answers instead of a message."""
        self.before_update: Callable[[], None] = lambda: None

    @property
    def values(self) -> set[str]:
        """What the shop's address is."""
        return self.records[(f"shop.{ZONE}", "A")][0]

    @values.setter
    def values(self, values: set[str]) -> None:
        self.records[(f"shop.{ZONE}", "A")] = (values, 300)

    def answer(self, wire: bytes) -> bytes:
        """Answer one message."""
        if self.garbled is not None:
            return self.garbled
        message = dns.message.from_wire(wire, keyring=read_key(self.key).ring)
        response = dns.message.make_response(message)
        if isinstance(message, dns.update.UpdateMessage):
            response.set_rcode(self._update(message))
        else:
            if self.authoritative:
                response.flags |= dns.flags.AA
            if message.had_tsig and not self.knows_key:
                response.use_tsig(read_key(self.key).ring, tsig_error=dns.rcode.BADKEY)
                return response.to_wire()
            if self.hidden and not message.had_tsig:
                response.flags &= ~dns.flags.AA
                response.set_rcode(dns.rcode.REFUSED)
                return response.to_wire()
            (question,) = message.question
            place = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
            found = self.records.get(place)
            if self.shown is not None and not message.had_tsig and place == (f"shop.{ZONE}", "A"):
                found = self.shown, 300
            if found and found[0]:
                response.answer.append(dns.rrset.from_text_list(question.name, found[1], "IN", question.rdtype, sorted(found[0])))
        return response.to_wire()

    def _update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        self.before_update()
        if not message.had_tsig:
            return dns.rcode.REFUSED
        if self.code != dns.rcode.NOERROR:
            return self.code
        wanted: dict[tuple[str, str], set[str]] = {}
        for rrset in message.prerequisite:  # one for each record
            wanted.setdefault(self._place(rrset), set()).update(str(rdata) for rdata in rrset)
        if any(self.records.get(place, (set(), 0))[0] != values for place, values in wanted.items()):
            return dns.rcode.NXRRSET
        if self.deaf:
            return dns.rcode.NOERROR
        self.updates += 1
        for rrset in message.update:
            place = self._place(rrset)
            if rrset.deleting == dns.rdataclass.ANY:
                self.records[place] = (set(), 0)
            else:
                self.records[place] = (self._at(rrset)[0] | {str(rdata) for rdata in rrset}, rrset.ttl)
        return dns.rcode.NOERROR

    def _at(self, rrset: dns.rrset.RRset) -> tuple[set[str], int]:
        return self.records.get(self._place(rrset), (set(), 0))

    @staticmethod
    def _place(rrset: dns.rrset.RRset) -> tuple[str, str]:
        name = rrset.name.derelativize(dns.name.from_text(ZONE))
        return name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rrset.rdtype)


@contextmanager
def answering(zone: FakeZone) -> Iterator[FakeZone]:
    """Serve it on a port of loopback."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Answer one message."""
            (length,) = struct.unpack("!H", self.rfile.read(2))
            answer = zone.answer(self.rfile.read(length))
            self.wfile.write(struct.pack("!H", len(answer)) + answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: a test sees it at the client."""

    with Server(("127.0.0.1", 0), Answer) as server:
        zone.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield zone
        server.shutdown()
