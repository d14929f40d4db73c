"""What must be true after a round. Each check returns one sentence for each violation."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.faults import relay, workload
from tests.support.faults.api_proxy import Change
from tests.support.faults.faults import Fault
from tests.support.faults.plan import OF_BALANCER, Kind
from tests.support.faults.recovery import Said, is_locked_out
from tests.support.faults.running import HUNG, LIMIT_SECONDS
from tests.support.faults.world import Stage
from tests.support.sandbox import TYPES

_SHARE = {"cutover": 100.0, "retire": 100.0, "rollback": 0.0, "copy": 0.0}
_MOMENT_SECONDS = 5
"""How far in a minute a controller has surely begun what it wrongly begins."""
_CONTROLLER_SECONDS = 60
"""How long a CronJob's controller may take to start what is due, after an outage and on a busy machine."""
_GRACE_SECONDS = 2.0
"""A thread that was stopped between its look at the lock and its request sends that one request, late on a busy machine."""
_ARCHIVE = "blue-archive"
_LEFT = "`migrator rollback` finishes it"
"""What a cutover says of each thing that it could not take back."""


def ending(stage: Stage, said: Said) -> Iterator[str]:
    """Judge how one run of a verb ended."""
    what = " ".join(said.command)
    if said.code == HUNG:
        yield f"{what} did not end in {LIMIT_SECONDS:.0f} s"
    if said.code == 70 or "Traceback" in said.text:
        yield f"{what} met a bug: {said.text[-600:]}"
    if said.code < 0 and said.code != HUNG and stage.plan.kind is not Kind.KILL:
        yield f"{what} was ended by signal {-said.code} and undid nothing"
    if said.verb == "cutover" and said.code > 0 and stage.plan.kind not in OF_BALANCER and not is_locked_out(said):
        share = relay.green_percent(stage.balancer.socket)
        if share != 0:
            yield f"cutover ended with {said.code}, and green still has {share:g} % of the traffic: {said.err[-300:]!r}"
        active = _active(stage)
        if active != {"blue"} and _LEFT not in said.text:
            yield f"cutover ended with {said.code}, and the CronJob is active on {sorted(active) or 'no side'}: {said.err[-300:]!r}"


def always(stage: Stage, fault: Fault) -> Iterator[str]:
    """Judge what holds however a round ended."""
    yield from _secrets(stage)
    yield from _failed_requests(stage)
    yield from _created_once(stage)
    yield from _lock_lost(stage, fault)


def after(stage: Stage, fault: Fault, final: str) -> Iterator[str]:
    """Judge the end of a round that a verb has ended well."""
    yield from _objects(stage)
    yield from _journal(stage)
    yield from _traffic(stage, final)
    yield from _cronjobs(stage, final)
    yield from _runs(stage, fault)


def _objects(stage: Stage) -> Iterator[str]:
    blue, green = (workload.held(stage.sandbox, side) for side in ("blue", "green"))
    for name in sorted(blue.keys() | green.keys()):
        if name not in green:
            yield f"{name} is lost: blue has it, green has not"
        elif name not in blue:
            yield f"{name} is on green only"
        elif workload.content(blue[name]) != workload.content(green[name]):
            yield f"{name} differs between blue and green"
        elif {owner for owner, _ in workload.owners(blue[name])} != {owner for owner, _ in workload.owners(green[name])}:
            yield f"{name} has other owners on green"
    uids = {item["metadata"]["uid"] for item in green.values()}
    for name, item in green.items():
        lost = [owner for owner, uid in workload.owners(item) if uid not in uids]
        if lost:
            yield f"{name}: its owners {lost} are not linked to objects of green"


def _journal(stage: Stage) -> Iterator[str]:
    report = stage.sandbox.run("report", "--out", "report.html")
    if report.code:
        yield f"the journal cannot be reported: {report.err}"
    for file in (stage.sandbox.journal, *stage.sandbox.journal.parent.glob(f"{_ARCHIVE}*")):
        if file.exists() and file.stat().st_mode & 0o077:
            yield f"{file.name} can be read by others: {file.stat().st_mode & 0o777:o}"


def _traffic(stage: Stage, final: str) -> Iterator[str]:
    share = relay.green_percent(stage.balancer.socket)
    if share != _SHARE[final]:
        yield f"after {final} green has {share:g} % of the traffic"
    status = stage.sandbox.json("status")
    if status.code == 0 and status.document["greenPercent"] != share:
        yield f"status says {status.document['greenPercent']} % on green, HAProxy says {share:g} %"
    expected = {"green"} if _SHARE[final] else {"blue"}
    found = _answers(stage.balancer.port, 6)
    if found != expected:
        yield f"after {final} requests are answered by {sorted(found)}"


def _answers(port: int, count: int) -> set[str]:
    """Return who answers new connections."""
    found = set()
    for _ in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/", headers={"Connection": "close"})
            response = connection.getresponse()
            found.add(response.read().decode().strip() if response.status == 200 else f"status {response.status}")
    return found


def _cronjobs(stage: Stage, final: str) -> Iterator[str]:
    active = _active(stage)
    expected = {"green"} if _SHARE[final] else {"blue"}
    if active != expected:
        yield f"after {final} the CronJob is active on {sorted(active) or 'no side'}, not on {sorted(expected)}"


def _active(stage: Stage) -> set[str]:
    return {side for side in ("blue", "green") if not _tick(stage, side)["spec"].get("suspend")}


def _runs(stage: Stage, fault: Fault) -> Iterator[str]:
    """Judge that each Job ran once, on both sides together, and no minute was left out."""
    left_out = _left_out(stage, fault)
    ran = {side: workload.runs(stage.sandbox, side) for side in ("blue", "green")}
    times = Counter(job for side in ran.values() for job in side)
    for job, count in sorted(times.items()):
        if count > 1 and not (workload.minute(job) and _said_of_green(stage)):
            yield f"Job {job} ran on both sides"
    for side, jobs in ran.items():
        yield from (f"Job {job} ran {len(pods)} times on {side}" for job, pods in jobs.items() if len(pods) > 1)
    for minute in sorted(left_out):
        yield f"the CronJob left out minute {minute} ({time.strftime('%H:%M', time.gmtime(minute * 60))})"


def _left_out(stage: Stage, fault: Fault) -> set[int]:
    """Return the minutes since the CronJob was made that no side has run, once its controllers have had the time for it."""
    into = time.time() % 60
    if into < _MOMENT_SECONDS:
        time.sleep(_MOMENT_SECONDS - into)
    ended = time.time()
    created = datetime.datetime.fromisoformat(_tick(stage, "blue")["metadata"]["creationTimestamp"]).timestamp()
    due = {minute for minute in range(int(created // 60) + 1, int(ended // 60) + 1) if not _excused(minute, fault, ended)}
    deadline = time.monotonic() + _CONTROLLER_SECONDS
    while left := due - {workload.minute(job) for side in ("blue", "green") for job in workload.runs(stage.sandbox, side)}:
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    return left


def _excused(minute: int, fault: Fault, ended: float) -> bool:
    """Return whether the CronJob may have stood still for this minute and the next: controllers catch up on the last one only."""
    return fault.began_at is not None and fault.began_at <= minute * 60 and (minute + 1) * 60 <= ended


def _said_of_green(stage: Stage) -> bool:
    """Return whether the tool has said that a CronJob may still run on green, which it could not reach."""
    return any(b"may still run" in text for text in stage.said)


def _secrets(stage: Stage) -> Iterator[str]:
    traces = workload.traces(stage.secret)
    if any(trace in text for text in stage.said for trace in traces):
        yield "the Secret's value was printed, or was an argument"
    for file in stage.sandbox.folder.rglob("*"):
        if file.is_file() and not file.name.startswith(_ARCHIVE) and any(trace in _read(file) for trace in traces):
            yield f"the Secret's value is in {file.relative_to(stage.sandbox.folder)}"


def _failed_requests(stage: Stage) -> Iterator[str]:
    failed = [one for one in stage.load.failures if not any(a <= one.ended and one.began <= b for a, b in stage.excused)]
    if failed:
        yield f"{len(failed)} of {stage.load.requests} requests failed: {sorted({one.why for one in failed})[:3]}"


def _created_once(stage: Stage) -> Iterator[str]:
    changes = stage.world.proxies["green"].changes
    made = Counter(
        (change.path.partition("?")[0], change.name)
        for change in changes
        if change.method == "POST" and change.status == 201 and "/leases" not in change.path and "dryRun" not in change.path
    )
    yield from (f"{path}/{name} was created {count} times" for (path, name), count in made.items() if count > 1 and name)


def _lock_lost(stage: Stage, fault: Fault) -> Iterator[str]:
    if stage.taken_over_at is None or fault.ended_at is None:
        return
    late = [
        f"{change.method} {change.path.partition('?')[0]} on {change.side}"
        for proxy in stage.world.proxies.values()
        for change in proxy.changes
        if stage.taken_over_at + _GRACE_SECONDS < change.at < fault.ended_at
        and "/leases" not in change.path
        and not goes_back(change)
    ]
    if late:
        yield f"{len(late)} changes after another run had taken the lock, such as {late[0]}"


def goes_back(change: Change) -> bool:
    """Return whether a change is a part of a way back to blue, which asks no lock: what ran on blue runs there again.

    The time of the last run travels before it, as a change of the status.
    """
    path = change.path.partition("?")[0]
    if not path.endswith((f"/cronjobs/{workload.TICK}", f"/cronjobs/{workload.TICK}/status")):
        return False
    if path.endswith("/status"):
        return change.side == "blue"
    return change.suspends is (change.side == "green")


def _tick(stage: Stage, side: str) -> dict[str, Any]:
    cluster = getattr(stage.sandbox.pair, side)
    found: dict[str, Any] = cluster.get(TYPES["CronJob"], stage.sandbox.namespace, workload.TICK)
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
