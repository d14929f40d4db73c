"""One authoritative server: questions, and updates signed with a TSIG key (RFC 2136, RFC 8945). Each unexpected answer is an error.

TCP only: an answer is then whole, and nobody can answer in the server's place without seeing the traffic.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from migrator.errors import TrafficError
from migrator.untrusted import printable

SECONDS = 3.0
"""How long a server may take for one answer."""
_KEY = re.compile(r'key\s+"?(?P<name>[\w.-]+)"?\s*\{(?P<body>[^}]*)\}')
_ALGORITHM = re.compile(r'algorithm\s+"?([\w.-]+)"?\s*;')
_SECRET = re.compile(r'secret\s+"?([A-Za-z0-9+/=]+)"?\s*;')
# BIND's short name for it, which old guides have.
_MD5 = dns.name.from_text("hmac-md5")
# The three forms of comments in files of BIND; `//` is also part of a secret, within its quotes or behind a letter.
_COMMENT = re.compile(r"/\*.*?\*/|(?:^|(?<=[\s;{}]))(?://|#)[^\n]*", re.DOTALL)
_RCODES = {
    dns.rcode.REFUSED: (
        "it refuses the update",
        "is the zone read-only there? See `update-policy` or `allow-update`, and this key",
    ),
    dns.rcode.NOTAUTH: ("it is not the zone's primary, or does not know the key", "see `server`, `zone` and `keyFile`"),
    dns.rcode.NOTZONE: ("the name is not in that zone", "see `zone`"),
    dns.rcode.SERVFAIL: ("it failed", "see its log: may it write the zone's file and journal?"),
    dns.rcode.NOTIMP: ("it takes no updates", "see `server`"),
}


class Changed(Exception):  # noqa: N818 - an answer, not a mistake
    """The records are not what they were when they were read."""


class KeyNotTakenError(TrafficError):
    """A server does not know the key, or its time is another one; nothing was done."""


class Records(NamedTuple):
    """The records of one name and type."""

    values: frozenset[str]
    ttl: int
    """Seconds."""


@dataclass(slots=True, frozen=True)
class Key:
    """A TSIG key; it has no text."""

    name: str
    _key: dns.tsig.Key

    @property
    def ring(self) -> dict[dns.name.Name, dns.tsig.Key]:
        """The key as the library takes it."""
        return {self._key.name: self._key}

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


def read_key(path: Path) -> Key:
    """Return the key of a file as BIND has it; raises TrafficError when others may read it, or it holds no key."""
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise TrafficError(f"dns: {path}: {why}", hint="`tsig-keygen NAME > FILE` makes one; the server needs it, too") from error
    # Whoever has the key can change the zone.
    if mode & 0o077:
        raise TrafficError(f"dns: {path}: others may read this key", hint=f"chmod 600 {path}")
    found = _KEY.search(_COMMENT.sub("", text))
    algorithm, secret = (pattern.search(found["body"]) if found else None for pattern in (_ALGORITHM, _SECRET))
    if not (found and algorithm and secret):
        raise TrafficError(f"dns: {path}: holds no TSIG key", hint='key "NAME" { algorithm hmac-sha256; secret "..."; };')
    try:
        name = dns.name.from_text(algorithm[1])
        key = dns.tsig.Key(found["name"], secret[1], dns.tsig.HMAC_MD5 if name == _MD5 else name)
        # An algorithm that the library does not know, or that takes no secret, is seen only where something is signed.
        trial = dns.message.make_query(dns.name.root, "SOA")
        trial.use_tsig({key.name: key})
        trial.to_wire()
        return Key(found["name"], key)
    # Not chained, and without the library's words: they may hold the secret.
    except (ValueError, LookupError, AttributeError, NotImplementedError, dns.exception.DNSException) as error:
        raise TrafficError(f"dns: {path}: the key cannot be used: {type(error).__name__}", hint="make a new one") from None


class DnsServer:
    """One server, by host and port."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def __str__(self) -> str:
        return f"{self._host} port {self._port}"

    def records(self, name: str, kind: str, key: Key | None = None) -> Records:
        """Return the records of a name, none of which may come from a cache; raises TrafficError.

        With a key they are those that an update with it would change: servers choose a view by it (certbot#8804).
        """
        # Without RD: a server that also resolves must not ask others (RFC 1035, 4.1.1).
        question = dns.message.make_query(name, kind, flags=0)
        if key:
            question.use_tsig(key.ring)
        answer = self._ask(question)
        if not answer.flags & dns.flags.AA:
            raise TrafficError(f"dns: {self} is not authoritative for {name}", hint="name the zone's own servers")
        wanted = dns.name.from_text(name)
        # A chain of CNAMEs may come with it; only the name itself counts.
        for rrset in answer.answer:
            if rrset.name == wanted and rrset.rdtype == dns.rdatatype.from_text(kind):
                return Records(frozenset(_text(rdata) for rdata in rrset), rrset.ttl)
        return Records(frozenset(), 0)

    def change(self, zone: str, key: Key, name: str, kind: str, before: Records, after: Records) -> None:
        """Put records in the place of others, if those are still there (RFC 2136, 2.4.2); raises Changed, TrafficError.

        The server does all of it, or nothing.
        """
        update = dns.update.UpdateMessage(zone)
        update.use_tsig(key.ring)
        owner = dns.name.from_text(name)
        # The whole set is compared, without its TTL.
        update.present(owner, *_rdatas(kind, before.values))
        # An addition joins what is there (RFC 2136, 3.4.2.2), so the old records are deleted first.
        if after != before:
            update.delete(owner, kind)
        update.add(owner, after.ttl, *_rdatas(kind, after.values))
        code = self._ask(update).rcode()
        # How servers say that a prerequisite does not hold (RFC 2136, 3.2.5).
        if code in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
            raise Changed
        if code != dns.rcode.NOERROR:
            reason, hint = _RCODES.get(code, (f"it answers {dns.rcode.to_text(code)}", "see its log"))
            raise TrafficError(f"dns: {self}: {reason} ({zone}, key {key.name})", hint=hint)

    def _ask(self, message: dns.message.Message) -> dns.message.Message:
        try:
            # dnspython takes one address; this tries those of a name until one takes the connection.
            with socket.create_connection((self._host, self._port), timeout=SECONDS) as connection:
                connection.setblocking(False)
                return dns.query.tcp(message, self._host, timeout=SECONDS, sock=connection)
        except (dns.tsig.PeerBadTime, dns.tsig.BadTime) as error:
            what = f"dns: {self}: its clock and this machine's differ too much for TSIG"
            raise KeyNotTakenError(what, hint="set both") from error
        except (dns.tsig.PeerError, dns.tsig.BadSignature) as error:
            hint = f"see `keyFile`: name, algorithm, secret ({type(error).__name__})"
            raise KeyNotTakenError(f"dns: {self}: it does not take the TSIG key", hint=hint) from error
        except (dns.exception.Timeout, TimeoutError) as error:
            raise TrafficError(f"dns: {self}: no answer within {SECONDS:g} s", hint="is it on, and reachable by TCP?") from error
        except OSError as error:
            raise TrafficError(f"dns: {self}: {error.strerror or error}", hint="is it on, and reachable by TCP?") from error
        except (dns.exception.DNSException, EOFError) as error:
            raise TrafficError(f"dns: {self}: no answer that can be read: {type(error).__name__}", hint="see its log") from error


def _text(rdata: dns.rdata.Rdata) -> str:
    # Names are equal whatever their case (RFC 4343).
    return printable(str(rdata)).rstrip(".").lower()


def _rdatas(kind: str, values: frozenset[str]) -> list[dns.rdata.Rdata]:
    rooted = [f"{value}." if kind == "CNAME" else value for value in sorted(values)]
    return [dns.rdata.from_text(dns.rdataclass.IN, kind, value) for value in rooted]
