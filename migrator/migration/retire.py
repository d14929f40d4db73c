"""Retire blue: check that it gets no traffic, archive its objects, and close the migration."""

from __future__ import annotations

from pathlib import Path

from migrator.errors import BlockedError
from migrator.journal.records.decisive import Retired
from migrator.migration.ages import Moment
from migrator.migration.archive import Archived
from migrator.migration.next_start import require_kept
from migrator.migration.run import Run
from migrator.migration.state import Stage
from migrator.model.events import Note, Step
from migrator.model.plan import Plan
from migrator.model.traffic import Abilities, TrafficReading
from migrator.ports import TrafficSwitch

# Long enough for kept connections to send their next request, short enough for a person who waits.
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
        raise BlockedError("the cutover lies in the future: a clock was set back", hint="set the clock of this machine")
    can = switch.abilities() if switch else Abilities()
    if age < can.stale_seconds:
        raise BlockedError(
            f"green has had all traffic for {age:.0f} s, and clients may hold an old answer for {can.stale_seconds:g} s",
            hint="wait, then run it again",
        )
    if age < soak:
        raise BlockedError(
            f"green has had all traffic for {age / 3600:.1f} h, and retire.soak is {soak / 3600:.1f} h",
            hint="wait, or lower retire.soak",
        )
    if switch is None:
        return
    if can.uncounted:
        text = (
            f"{', '.join(can.uncounted)} has no request counters: nobody sees here whether something still reaches blue through it"
        )
        run.reporter.emit(Note(text, warning=True))
    before = _read_whole(switch)
    if before.percents[0] < 100:
        raise BlockedError(
            f"traffic still reaches blue: green has {before.percents[0]:g} %",
            hint="`migrator cutover` again, or look at the load balancer",
        )
    run.reporter.emit(Step(f"watching for {_WATCH_SECONDS:.0f} s whether anything still reaches blue"))
    run.clock.sleep(_WATCH_SECONDS)
    # Counters are sums, so that the difference is what came in between.
    after = _read_whole(switch)
    _, blue = after.since(before)
    # Sessions, too: a connection that is open, such as a WebSocket, may send nothing for minutes.
    if blue.requests or after.blue.sessions:
        raise BlockedError(
            f"traffic still reaches blue: {blue.requests} requests, {after.blue.sessions} in flight", hint="wait until they end"
        )
    require_kept(switch, run)


def _read_whole(switch: TrafficSwitch) -> TrafficReading:
    """Return a reading of every instance; raises BlockedError where one does not answer, whatever a cutover may do then."""
    reading = switch.read()
    if reading.silent:
        raise BlockedError(
            f"{', '.join(reading.silent)} does not answer: it may send traffic to blue if it takes over",
            hint="start it, or take it out of the file",
        )
    return reading


def require_whole(plan: Plan) -> None:
    """Raise BlockedError where a kind of blue cannot be read: what is not in the archive is lost with blue."""
    if plan.unreadable:
        kinds = "; ".join(f"{item.type_name}: {item.reason}" for item in plan.unreadable)
        raise BlockedError(
            f"the archive would lack what cannot be read: {kinds}",
            hint="fix it, grant it, or leave the kind out with move.kinds.exclude",
        )


def record_retirement(run: Run, path: Path, archived: Archived) -> None:
    """Record the end of the migration, on disk."""
    run.write(Retired(str(path), archived.objects, archived.sha256))
    run.ledger.sync()
