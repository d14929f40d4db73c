"""The data of what goes back to blue: what green has written is brought and proven, or a person chose to give it up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from migrator.config.schema import Migration
from migrator.errors import BlockedError, MigratorError
from migrator.journal.records.data import DataSwitched, VolumeHandedOver, VolumeHandOverAnnounced
from migrator.migration.bounded import InBackground
from migrator.migration.claims import read_volumes
from migrator.migration.data.passes import Movers, bring_back_pass, once_closed, take_back, to_blue
from migrator.migration.data.pause import Pause
from migrator.migration.data.state import ClaimData
from migrator.migration.detached import await_let_go
from migrator.migration.fence import GREEN_SECONDS, Side
from migrator.migration.holders import Holders
from migrator.migration.one_side.groups import Group
from migrator.migration.run import Run
from migrator.model.events import Note, Step
from migrator.model.one_side import Where
from migrator.model.volumes import Direction, Job, Place, VolumePlan, Way
from migrator.ports import Blue
from migrator.rules.volumes import ClusterVolumes

DataFrom = Literal["", "switch", "last-pass"]
"""Which state of the data blue starts with when green's is given up; empty: it is not given up."""
_POLL_SECONDS = 0.2
# What takes longer to mount is waited for when green has stopped; until then it is without traffic, and blue stopped.
_HOLD_SECONDS = 20.0
# Longer than any command on a host may take: two that prepare one pass must not meet.
_PREPARE_SECONDS = 150.0
# A host that is away must not keep this program from its end; what it has begun there the next run ends.
_RELEASE_SECONDS = 5.0


@dataclass(slots=True)
class DataHome:
    """Fills `Bring`, with what the journal knows: clusters need not answer, and no lock is taken."""

    run: Run
    config: Migration
    movers: Callable[[], Movers]
    """Called once, when there is data to move."""
    green: Side
    """Asked only for volumes that green has itself."""
    data_from: DataFrom = ""
    blue: Side = field(kw_only=True)
    """Asked only for what holds a volume mounted there."""
    _holders: Holders | None = None
    _movers: Movers | None = None
    _making: threading.Lock = field(default_factory=threading.Lock)
    # By claim: its pass is being prepared.
    _preparing: dict[str, InBackground[None]] = field(default_factory=dict)

    def __call__(self, group: Group, /, *, lost: str) -> None:
        """Bring what green has written since the switch; a group that never started there has written nothing.

        Raises MigratorError when blue must not start: its data would lack what green has written.
        """
        claims = [claim for claim in group.claims if self._known(claim).green_writes]
        if not claims:
            return
        itself = [claim for claim in claims if self._known(claim).handed]
        for claim in itself:
            self._let_go(claim, self._known(claim), lost)
        copied = [claim for claim in claims if claim not in itself]
        holders = self._holding()
        try:
            with ThreadPoolExecutor(self.config.volumes.parallel) as pool:
                failures = [error for error in pool.map(lambda claim: self._tried(claim, lost, holders), copied) if error]
        finally:
            holders.remove(copied)
        if failures:
            raise failures[0]
        for claim in claims:
            how = "hand-over" if claim in itself else self.data_from or "pass"
            self.run.write(DataSwitched(claim=claim, direction="to-blue", how=how))
        self.run.ledger.sync()

    def ready(self, groups: Sequence[Group]) -> None:
        """Do what takes time before green is stopped, and tell the downtime of each group. Raises nothing.

        Traffic is on blue already, so that nobody is asked; a pause beyond the budget is told.
        """
        if self.data_from:
            return
        self._hold_both(claim for group in groups for claim in group.claims)
        self._begin_to_prepare(claim for group in groups for claim in group.claims)
        budget = self.config.volumes.downtime_budget.total_seconds()
        for group in groups:
            written = {claim: self._known(claim) for claim in group.claims if self._known(claim).green_writes}
            copied = {claim: known for claim, known in written.items() if not known.handed}
            if not written:
                continue
            handed = [known for known in written.values() if known.handed]
            before = self.run.state.sides.paused.get(group.row)
            pause = Pause.of(copied, handed, self.config.volumes.parallel, before)
            self.run.reporter.emit(Step(f"{group.row}: back to blue: {pause}; the budget is {budget:g} s"))
            if pause.seconds > budget:
                text = f"{group.row}: the predicted downtime is longer than the budget"
                self.run.reporter.emit(Note(text, warning=True))

    def release(self) -> None:
        """Take back what was prepared for groups that were not brought, and what holds their volumes mounted. Raises nothing."""
        for claim in list(self._preparing):
            self._await_prepared(claim, _RELEASE_SECONDS)
        if self._movers:
            self._movers.to_blue.release()
        if self._holders:
            self._holders.remove()

    def _hosts(self) -> Movers:
        with self._making:
            self._movers = self._movers or self.movers()
            return self._movers

    def _holding(self) -> Holders:
        self._holders = self._holders or Holders(self.run, self.config, self._side, lambda side: self._hosts().nodes(side))
        return self._holders

    def _hold_both(self, claims: Iterable[str]) -> None:
        """Hold volumes of drivers mounted on both sides while green still runs; what cannot be is held once that has stopped."""
        written = [claim for claim in claims if self._known(claim).green_writes and not self._known(claim).handed]
        if not any(Place.of(self._known(claim).on_green).of_driver for claim in written):
            return
        with suppress(MigratorError), ThreadPoolExecutor(self.config.volumes.parallel) as pool:
            green = InBackground(lambda: read_volumes(self._side("green")), self.run.clock).result(GREEN_SECONDS)
            list(pool.map(lambda claim: self._hold(claim, green), written))

    def _hold(self, claim: str, green: ClusterVolumes) -> None:
        known = self._known(claim)
        source, target = Place.of(known.on_green), Place.of(known.on_blue)
        with suppress(MigratorError):
            if target.of_driver:
                self._holding().held("blue", claim, target, _HOLD_SECONDS)
            if source.of_driver and green.is_beside(self._there(claim), source.node):
                self._holding().held("green", claim, source, _HOLD_SECONDS)

    def _begin_to_prepare(self, claims: Iterable[str]) -> None:
        """Connect the passes that come first while green is being stopped; nobody waits for that before."""
        written = [claim for claim in claims if self._known(claim).green_writes and not self._known(claim).handed]
        for claim in written[: self.config.volumes.parallel]:
            job = self._job(claim, self._known(claim))
            if self._holding().has(job):
                self._preparing[claim] = InBackground(lambda job=job: self._prepare(job), self.run.clock)  # type: ignore[misc]

    def _prepare(self, job: Job) -> None:
        self._hosts().to_blue.prepare(self._holding().placed(job), connected=True)

    def _await_prepared(self, claim: str, seconds: float) -> None:
        """Wait until the pass of a claim is prepared, or is not: then it begins without that, and tells what is wrong."""
        preparing = self._preparing.pop(claim, None)
        if preparing:
            with suppress(Exception):  # going back goes on
                preparing.result(seconds)

    def _there(self, claim: str) -> str:
        """Return a claim's name on green."""
        namespace, _, name = claim.partition("/")
        return f"{self.config.map.namespaces.get(namespace, namespace)}/{name}"

    def _known(self, claim: str) -> ClaimData:
        return self.run.state.data.get(claim, ClaimData())

    def _let_go(self, claim: str, known: ClaimData, lost: str) -> None:
        """Wait until green no longer uses a volume itself, so that blue may use it again; blue's objects never left."""
        if lost and not self.data_from:
            raise BlockedError(
                f"{claim}: green does not answer ({lost}), and may still use volume {known.volume}: two users would destroy it",
                hint="`migrator rollback` again when it answers; or see that green's machines are off, then `--data-from switch`",
            )
        began, there = self.run.clock.monotonic(), self._there(claim)
        volume = VolumePlan(claim, there, Way.HAND_OVER, volume=known.volume, storage=f"volume {known.volume}")
        back = Direction.TO_BLUE.value
        self.run.write(VolumeHandOverAnnounced(claim=claim, direction=back, volume=known.volume, storage=volume.storage))
        if lost:
            text = f"{claim}: it is not proven that green no longer uses volume {known.volume}: it does not answer ({lost})"
            self.run.reporter.emit(Note(text, warning=True))
        else:
            seconds = self.config.volumes.detach_timeout.total_seconds()
            await_let_go(self.run, self.green.look(self.run.clock), there, volume, seconds)
            self.run.reporter.emit(Step(f"{claim}: green no longer uses volume {known.volume}"))
        seconds = self.run.clock.monotonic() - began
        self.run.write(VolumeHandedOver(claim=claim, direction=back, volume=known.volume, seconds=seconds))

    def _side(self, name: Where) -> Blue:
        return (self.blue if name == "blue" else self.green).look(self.run.clock)

    def _tried(self, claim: str, lost: str, holders: Holders) -> MigratorError | None:
        try:
            self._bring(claim, lost, holders)
        except MigratorError as error:
            return error
        return None

    def _bring(self, claim: str, lost: str, holders: Holders) -> None:
        known = self._known(claim)
        movers, job = self._hosts(), self._job(claim, known)

        def say(text: str) -> None:
            with _SHOWING:
                self.run.reporter.emit(Step(f"{claim}: {text}"))

        if self.data_from:
            self._give_up(movers, holders.placed_target(job), known, say)
            return
        if lost:
            if known.half:
                take_back(self.run, movers, holders.placed_target(job), say, everything=False)
            raise self._refusal(claim, known, f"green does not answer ({lost})")
        try:
            job = holders.placed(job)
            self._await_prepared(claim, _PREPARE_SECONDS)
            once_closed(lambda: bring_back_pass(self.run, movers, job, say, lambda _: ""), lambda: self._await_closed(movers, job))
        except MigratorError as error:
            raise self._refusal(claim, self._known(claim), error.message) from error

    def _give_up(self, movers: Movers, job: Job, known: ClaimData, say: Callable[[str], None]) -> None:
        """Make blue's folder what it was at the switch, or after the last whole pass to blue."""
        everything = self.data_from == "switch"
        if not everything and known.back_at is None:
            raise BlockedError(f"{job.claim}: no pass has come back to blue since the switch", hint="--data-from switch")
        taken = take_back(self.run, movers, job, say, everything=everything)
        if everything and taken.digest not in ("", known.switch_digest):
            raise BlockedError(
                f"{job.claim}: blue's folder is not what was proven at the switch: digest {taken.digest[:16]}",
                hint=f"compare it: `migrator proof verify --tree`, with {known.proof}",
            )
        say(f"blue starts with its data {self._ages(known)[0 if everything else -1]}; what green has written since is given up")

    def _job(self, claim: str, known: ClaimData) -> Job:
        rules = self.config.volumes.claims
        rule = next((rule for rule in rules if any(fnmatchcase(claim, text) for text in rule.claims)), None)
        devices, exclude = (rule.devices, rule.exclude) if rule else (False, ())
        return to_blue(Job(claim, Place.of(known.on_blue), Place.of(known.on_green), devices=devices, exclude=exclude), known)

    def _await_closed(self, movers: Movers, job: Job) -> None:
        """Wait until no process of green's host has the volume open; what still has it then is told by the pass."""
        ends = self.run.clock.monotonic() + self.config.cutover.stop_timeout.total_seconds()
        while movers.to_blue.users(job.source, source=True) and self.run.clock.monotonic() < ends:
            self.run.clock.sleep(_POLL_SECONDS)

    def _refusal(self, claim: str, known: ClaimData, why: str) -> BlockedError:
        ages = self._ages(known)
        choices = [f"--data-from switch ({ages[0]})", *(f"--data-from last-pass ({text})" for text in ages[1:])]
        return BlockedError(
            f"{claim}: {why}: what green has written since the switch is not on blue",
            hint=f"`migrator rollback` again brings it when green answers; to give it up: {' or '.join(choices)}",
        )

    def _ages(self, known: ClaimData) -> list[str]:
        """Return the states that blue can start with, oldest first, each with its age."""
        times = [("of the switch", known.switched_at), ("of the last pass to blue", known.back_at)]
        now = self.run.clock.now()
        return [f"{name}, {_age(now - at)} old" for name, at in times if at is not None] or ["of the switch"]


_SHOWING = threading.Lock()


def _age(seconds: float) -> str:
    minutes = max(seconds, 0.0) / 60
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{max(seconds, 0.0):.0f} s"
