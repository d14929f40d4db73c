"""Asks an API server all the while, and tells for each time at which it did not answer what was restarted then."""

from __future__ import annotations

import datetime
import http.client
import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.support.project import Project

# What is worth a look at its cause, and how long before its beginning the cause may lie.
_LONG_SECONDS, _BEFORE_SECONDS = 0.3, 3.0
# Containers and units as CRI-O and systemd tell of them, and what etcd and the API server say of their own beginning and end.
_READ = r"""
for unit in kubelet crio migrator-second-api migrator-second-etcd; do
  journalctl -u $unit --since @SINCE -o short-unix --no-pager 2>/dev/null |
    grep -E "systemd\[1\]: (Start|Stopp)|(Started|Stopped|Created|Removed) container|Killing container|@WORDS" | grep -v -E "Starting|Stopping"
done
for log in /var/log/pods/kube-system_etcd-*/etcd/*.log /var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log; do
  grep -H -E "@WORDS" $log
done
true
"""
# A second server writes to the journal, a static pod to a file.
_WORDS = (
    "opened backend db|elected leader|ready to serve client requests|received signal|Serving securely|caught signal|MsgTimeoutNow"
)
_OF_JOURNAL = re.compile(r"(\d+\.\d+) \S+ (\S+?)(?:\[\d+\])?: (.*)")
_OF_POD = re.compile(r"\S*/(\S+?)/\d+\.log:(\d{4}-\S+?)(\.\d+)?(Z|[+-]\d\d:\d\d) \S+ \S+ (.*)")


class Gap(NamedTuple):
    """A time without a good answer."""

    begun: float
    """Seconds since 1970."""
    seconds: float
    kept: bool
    """Whether on a kept connection."""
    why: str


class Event(NamedTuple):
    """Something that a node, or the tool, tells of."""

    at: float
    """Seconds since 1970."""
    text: str


class ApiProbe:
    """Asks an API server ten times a second whether it is ready, and tells each time at which no good answer came within a second.

    Of several, any one may answer: the next one is asked at once, as a client does that knows all of them.
    One way asks on a new connection each time, as a program that starts; the other one keeps its connection, as a program that
    runs, and asks once more on a new one when it is cut.
    """

    def __init__(self, *addresses: str) -> None:
        self.away = self.longest = 0.0
        self.answers = 0
        self.gaps: list[Gap] = []
        self.since = time.time()
        self._addresses = addresses
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(kept,), daemon=True) for kept in (False, True)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _watch(self, kept: bool) -> None:  # noqa: FBT001
        away, last_good, why = 0.0, time.monotonic(), ""
        connections = [self._connection(address) for address in self._addresses]
        while not self._done.wait(0.1):
            for connection in connections:
                failure = _asked(connection)
                if failure and kept:
                    connection.close()
                    failure = _asked(connection)
                if failure or not kept:
                    connection.close()
                if not failure:
                    break
            if failure:
                why = why or failure
                continue
            now = time.monotonic()
            # An answer that is only late is no outage.
            if why:
                self.gaps.append(Gap(time.time() - (now - last_good), now - last_good, kept, why))
                print(f"e2e: {shown(self.gaps[-1])}", file=sys.__stderr__)
                away += now - last_good
                self.longest = max(self.longest, now - last_good)
            last_good, why = now, ""
            self.away = max(self.away, away)
            self.answers += 1

    def _connection(self, address: str) -> http.client.HTTPSConnection:
        # Anybody may ask for /readyz; whose certificate it is does not matter here.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(address, 6443, timeout=1, context=context)


def _asked(connection: http.client.HTTPSConnection) -> str:
    """Ask once; return what was wrong with the answer. A server that does not know anybody yet says 403, and is not ready."""
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    failed = " ".join(line for line in said.splitlines() if line.startswith("[-]"))
    return "" if answer.status == 200 else f"{answer.status} {failed}"


def shown(gap: Gap) -> str:
    """Return a gap as a line."""
    way = "on a kept connection" if gap.kept else "on new connections"
    return f"{_clock(gap.begun)}: API server was away for {gap.seconds:.2f} s {way}: {gap.why}"


def causes(probe: ApiProbe, project: Project, node: str, journal: Path) -> Iterator[str]:
    """Yield each gap that is worth it, and what the node and the tool tell of that time."""
    if not any(gap.seconds > _LONG_SECONDS for gap in probe.gaps):
        return
    said = project.root(node, _READ.replace("@WORDS", _WORDS).replace("@SINCE", f"@{probe.since:.0f}"))
    events = sorted((*events_of_node(said.splitlines()), *_of_tool(journal.read_text().splitlines())))
    for gap in sorted(probe.gaps):
        if gap.seconds > _LONG_SECONDS:
            yield shown(gap)
            yield from (f"  {_clock(event.at)} {event.text}" for event in around(gap, events))


def around(gap: Gap, events: Iterable[Event]) -> list[Event]:
    """Return what happened from a little before a gap until its end."""
    return [event for event in events if gap.begun - _BEFORE_SECONDS <= event.at <= gap.begun + gap.seconds]


def events_of_node(lines: Iterable[str]) -> Iterator[Event]:
    """Yield what the journal of a node tells, and the logs of its pods, each in its own form of time."""
    for line in lines:
        if match := _OF_POD.match(line):
            at = datetime.datetime.fromisoformat(f"{match[2]}{match[4]}").timestamp() + float(match[3] or 0)
            yield Event(at, f"{match[1]}: {match[5][:200]}")
        elif match := _OF_JOURNAL.match(line):
            yield Event(float(match[1]), f"{match[2]}: {match[3][:200]}")


def _of_tool(lines: Iterable[str]) -> Iterator[Event]:
    for line in lines:
        record: dict[str, Any] = json.loads(line)
        if record["event"] in ("step", "step-done"):
            yield Event(record["at"], f"{record['event']}: {record['node']}: {record['action']}")


def _clock(moment: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.gmtime(moment))}.{int(moment * 1000) % 1000:03d}"
