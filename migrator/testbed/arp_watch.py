"""Ask who has an address, many times a second, and hear every answer and announcement: who held it, and when nobody did.

Times are those of the kernel, when a packet came; each question has a sender's address of its own, so that answers are told apart.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from migrator.testbed.lan import ADDRESS, NETWORK, Lan, within
from migrator.testbed.threads import beside

# EtherType and operations of ARP (RFC 826).
_ETHERNET_ARP = 0x0806
_REQUEST, _REPLY = 1, 2
# SO_TIMESTAMPNS of Linux; Python's socket has no name for it.
_TIMESTAMPNS = 35
_ARP = struct.Struct("!6s6sHHHBBH6s4s6s4s")
# Senders' addresses: the upper half of the network.
_SPAN = 32768


@dataclass(slots=True)
class Seen:
    """What was on the wire."""

    answers: dict[int, list[tuple[float, str]]] = field(default_factory=dict)
    """Time and hardware address of each answer, by question."""
    asked: dict[int, float] = field(default_factory=dict)
    """Time of each question, by the client's clock."""
    announced: list[tuple[float, str]] = field(default_factory=list)
    """Time and hardware address of each gratuitous ARP for the address."""

    @property
    def most_holders(self) -> int:
        """The largest number of hosts that answered one question."""
        return max((len({mac for _, mac in found}) for found in self.answers.values()), default=0)

    @property
    def holders(self) -> list[str]:
        """Who answered, in order, without repetition."""
        every = sorted(found for answers in self.answers.values() for found in answers)
        return [mac for number, (_, mac) in enumerate(every) if not number or every[number - 1][1] != mac]

    @property
    def longest_gap_ms(self) -> float:
        """The longest time between two answers."""
        times = sorted(moment for answers in self.answers.values() for moment, _ in answers)
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0) * 1000

    def announcements(self, mac: str) -> list[float]:
        """Return when a host announced that it has the address."""
        return [moment for moment, who in self.announced if who == mac]


@contextmanager
def watching(lan: Lan, *, pause: float = 0.005) -> Iterator[Seen]:
    """Watch until the block ends."""
    seen, done = Seen(), threading.Event()
    mac = bytes.fromhex(lan.mac("client").replace(":", ""))
    wire = within(lan.namespace("client"), _socket)
    with closing(wire), beside(done, partial(_ask, wire, mac, seen, done, pause), partial(_hear, wire, mac, seen, done)):
        yield seen


def _socket() -> socket.socket:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERNET_ARP))
    wire.bind(("eth0", _ETHERNET_ARP))
    wire.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
    wire.settimeout(0.2)
    return wire


def _ask(wire: socket.socket, mac: bytes, seen: Seen, done: threading.Event, pause: float) -> None:
    number = 0
    while not done.wait(pause):
        number = (number + 1) % _SPAN
        sender = socket.inet_aton(f"{NETWORK}.{128 + number // 256}.{number % 256}")
        seen.asked[number] = time.time()
        body = (1, 0x0800, 6, 4, _REQUEST, mac, sender, bytes(6), socket.inet_aton(ADDRESS))
        wire.send(_ARP.pack(b"\xff" * 6, mac, _ETHERNET_ARP, *body))


def _hear(wire: socket.socket, mac: bytes, seen: Seen, done: threading.Event) -> None:
    address = socket.inet_aton(ADDRESS)
    while not done.is_set():
        try:
            frame, extra, *_ = wire.recvmsg(2048, socket.CMSG_SPACE(16))
        except TimeoutError:
            continue
        if len(frame) < _ARP.size:
            continue
        *_, kind, who, sender, _, target = _ARP.unpack_from(frame)
        if who == mac or sender != address:
            continue
        seconds, nanoseconds = struct.unpack("qq", extra[0][2])
        moment, host = seconds + nanoseconds / 1e9, who.hex(":")
        if target == address:
            seen.announced.append((moment, host))
        elif kind == _REPLY:
            number = (target[2] - 128) * 256 + target[3]
            seen.answers.setdefault(number, []).append((moment, host))
