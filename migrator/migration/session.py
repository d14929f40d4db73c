"""The ports that one run of a verb uses, and the reading of both clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from migrator.config.schema import Migration
from migrator.errors import BlockedError
from migrator.journal.records.migration import HookStarted
from migrator.migration.discover import discover, handed_over, read_green
from migrator.migration.fence import BLUE_SECONDS, GREEN_SECONDS, Guarding, Limits, Side, WayBack
from migrator.migration.inventory import GreenReading, Live
from migrator.migration.memory import Meter
from migrator.migration.one_side.look import asking, findings
from migrator.migration.plan import make_plan
from migrator.migration.plan_on_green import with_green
from migrator.migration.run import Run
from migrator.model.events import Note, Step
from migrator.model.plan import Plan
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, ClusterReader, CommandRunner, Green, ImageRegistry, Prober, TrafficSwitch
from migrator.rules.context import RuleContext
from migrator.side_by_side import side_by_side

if TYPE_CHECKING:
    from migrator.migration.data.passes import Movers
    from migrator.migration.holders import Holders

# NTP keeps clocks within a second. A certificate that was just issued is not valid yet for a clock that is behind.
_MOST_SKEW_SECONDS = 60.0


def _no_hosts() -> Movers:
    raise BlockedError("volumes.hosts names no hosts", hint="docs/volumes.md shows how")


@dataclass(slots=True)
class Session:
    """The ports of one run of a verb."""

    config: Migration
    blue: Blue
    green: Green
    run: Run
    switch: TrafficSwitch | None
    prober: Prober
    registry: ImageRegistry
    runner: CommandRunner
    holder: str
    """Who holds the lock on green during this run: `user@host/pid`."""
    allow_older: bool = False
    """Whether green may be of an older version than blue."""
    undo_on: WayBack | None = None
    """Blue and green as an undo asks for them: at once, and without the lock on green."""
    free_memory: Callable[[], int | None] = lambda: None
    """Bytes that this machine can still give, where it tells."""
    movers: Callable[[], Movers] = _no_hosts
    """What moves folders of volumes; raises MigratorError where no hosts are named."""

    def preflight(self) -> dict[str, str]:
        """Return both clusters' identities; raises BlockedError when they cannot be a pair.

        Raises ApiError when one cannot be reached.
        """
        blue, green = side_by_side(partial(_looked_at, self.blue), partial(_looked_at, self.green))
        identities = {"blue": blue.identity, "green": green.identity}
        require_two(**identities)
        if green.version[:2] < blue.version[:2] and not self.allow_older:
            raise BlockedError(
                f"green is older than blue ({green.version[2]} < {blue.version[2]})",
                hint="--allow-older continues; objects of newer API versions will be blocked",
            )
        skew = abs(blue.time - green.time)
        if skew > _MOST_SKEW_SECONDS:
            self.run.reporter.emit(
                Note(
                    f"the clocks of blue and green differ by {skew:.0f} s: leases and certificates may fail",
                    warning=True,
                )
            )
        self.run.reporter.emit(Step(f"blue is {blue.version[2]}, green is {green.version[2]}"))
        return identities

    def context(self) -> RuleContext:
        """Return what rules may know before anything was read."""
        state = self.run.state
        copied = frozenset(name for name, known in state.data.items() if known.proven)
        before = frozenset(name for name, known in state.data.items() if known.passes)
        return RuleContext(self.config, handed=state.handed, copied_claims=copied, copied_before=before)

    def read_and_plan(self) -> tuple[Plan, GreenReading]:
        """Read both clusters and decide about every object of blue."""
        self.run.reporter.emit(Step("reading blue and green"))
        context = self.context()
        if self.config.volumes.hosts is not None or self.config.volumes.hands_over:
            from migrator.migration.claims import with_data

            context = with_data(context, self.blue)
        meter = Meter(self.free_memory, self.run.reporter)
        discovery = discover(self.blue, self.green, context, self.run.reporter, meter)
        with ThreadPoolExecutor(1) as pool:
            # Green answers while the plan is made: one waits for the network, the other for this machine's CPU.
            reading = pool.submit(read_green, self.green, discovery.moving, self.run.reporter)
            plan = make_plan(handed_over(discovery.objects), discovery.inventory, context)
            green = reading.result()
        plan = with_green(plan, green)
        plan = replace(plan, warnings=(*plan.warnings, *filter(None, [meter.warning])))
        self.warn_of_both_sides(plan, green.live)
        return plan, green

    def warn_of_both_sides(self, plan: Plan, live: Mapping[ObjectRef, Live]) -> None:
        """Tell a person what runs on both sides, and who has started it."""
        for finding in findings(plan, live, self.run.state.turned, asking(self.blue, self.green)):
            self.run.reporter.emit(Note(f"{finding.subject} {finding.reason}; {finding.hint}", warning=True))

    def way_back(self) -> WayBack:
        """Return blue and green as an undo asks for them."""
        from migrator.migration.data.home import DataHome  # a copy of objects moves no data

        blue, green = Side(lambda: self.blue, BLUE_SECONDS), Side(lambda: self.green, GREEN_SECONDS)
        on = self.undo_on or WayBack(blue, green, Limits.of(self.config.cutover), guarding=self.guarding)
        home = DataHome(self.run, self.config, self.movers, on.green, blue=on.blue)
        return replace(on, bring=home, ready=home.ready, release=home.release)

    def holders(self, movers: Movers) -> Holders:
        """Return the pods that hold volumes mounted during this verb: none yet."""
        from migrator.migration.holders import Holders

        return Holders(self.run, self.config, lambda side: self.blue if side == "blue" else self.green, movers.nodes)

    @property
    def guarding(self) -> Guarding:
        """Where a person allows guards."""
        return Guarding(self.config.cutover.guard, self.config.name)

    def hooks(self, name: str, commands: tuple[tuple[str, ...], ...]) -> None:
        """Run the person's commands of one moment; raises CommandFailedError at the first that fails."""
        for command in commands:
            self.run.reporter.emit(Step(f"hook {name}: {command[0]}"))
            self.run.write(HookStarted(name, command[0]))
            self.runner.run(command, self.config.hooks.timeout.total_seconds())


def require_two(blue: str, green: str) -> None:
    """Raise BlockedError where both identities are those of one cluster."""
    if blue == green:
        raise BlockedError("blue and green are the same cluster", hint="name two contexts that lead to two clusters")


class _Look(NamedTuple):
    """What a cluster says of itself."""

    version: tuple[int, int, str]
    identity: str
    time: float
    """Seconds since 1970 by its clock."""


def _looked_at(cluster: ClusterReader) -> _Look:
    with ThreadPoolExecutor(3) as pool:
        version, identity, time = pool.submit(cluster.version), pool.submit(cluster.identity), pool.submit(cluster.server_time)
        return _Look(version.result(), identity.result(), time.result())
