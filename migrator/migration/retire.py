"""Retire blue: check that it gets no traffic, archive its objects, and close the migration."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

import orjson

from migrator.errors import BlockedError
from migrator.journal.records.migration import Retired
from migrator.migration.ages import Moment
from migrator.migration.run import Run
from migrator.migration.state import Stage
from migrator.model.events import Progress, Step
from migrator.model.ref import ResourceType
from migrator.ports import ClusterReader, Reporter, TrafficSwitch

_WATCH_SECONDS = 5.0


def require_retirable(run: Run, switch: TrafficSwitch | None, *, soak: float, green_time: float) -> None:
    """Raise BlockedError unless green has had all traffic for the soak time and blue gets none now.

    A clock that jumped ahead does not end the soak: it has to be over by this machine's clock and by green's.
    """
    state = run.state
    if state.stage is Stage.RETIRED:
        raise BlockedError("blue is retired already")
    if state.stage is not Stage.ON_GREEN or state.on_green is None:
        raise BlockedError("traffic is not on green", hint="`migrator cutover` first")
    ages = state.on_green.ages(Moment(run.clock.now(), green_time))
    # A clock that was set back since tells nothing; the other one does.
    age = min((age for age in ages if age >= 0), default=-1.0)
    if age < 0:
        raise BlockedError("the cutover lies ahead of now: a clock went back", hint="set the clock of this machine")
    if age < soak:
        raise BlockedError(
            f"green has had all traffic for {age / 3600:.1f} h, and retire.soak is {soak / 3600:.1f} h",
            hint="wait, or lower retire.soak",
        )
    if switch is None:
        return
    before = switch.read()
    if before.green_percent < 100:
        raise BlockedError(
            f"traffic still reaches blue: green has {before.green_percent:g} %",
            hint="`migrator cutover` again, or look at the load balancer",
        )
    run.reporter.emit(Step(f"watching for {_WATCH_SECONDS:.0f} s whether anything still reaches blue"))
    run.clock.sleep(_WATCH_SECONDS)
    blue = switch.read().blue
    if blue.since(before.blue).requests or blue.sessions:
        raise BlockedError(
            f"traffic still reaches blue: {blue.since(before.blue).requests} requests, {blue.sessions} in flight",
            hint="wait until they end",
        )


def archive(blue: ClusterReader, kinds: Iterable[ResourceType], path: Path, reporter: Reporter) -> int:
    """Write every readable object of blue into one gzip file of JSON lines, mode 0600; return the number of objects."""
    reporter.emit(Step(f"archiving blue to {path}"))
    partial = path.with_name(path.name + ".new")
    count = 0
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
        for resource in kinds:
            for manifest in blue.list(resource):
                file.write(orjson.dumps(manifest) + b"\n")
                count += 1
                if count % 500 == 0:
                    reporter.emit(Progress("archiving", count, 0))
    partial.replace(path)
    return count


def record_retirement(run: Run, path: Path, count: int) -> None:
    """Record the end of the migration, on disk."""
    run.write(Retired(str(path), count))
    run.ledger.sync()
