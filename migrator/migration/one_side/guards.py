"""Make and remove the policies that keep others from waking what is held on a side; what stands there is asked, not remembered.

Each is announced in the journal before it is made or removed. Nothing that goes back to blue waits for one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from migrator.errors import ApiError, BlockedError, ConflictError, ForbiddenError, NotFoundError
from migrator.journal.records.one_side import GuardAnnounced, Guarded
from migrator.migration.bounded import InBackground, reason
from migrator.migration.fence import Guarding, Side, WayBack
from migrator.migration.one_side import act
from migrator.migration.run import Run
from migrator.model.events import Note, Step
from migrator.model.kinds import POLICIES, POLICY_BINDINGS
from migrator.model.manifest import Manifest
from migrator.model.one_side import Part, Where
from migrator.model.ref import ResourceType
from migrator.model.strange import to_json
from migrator.ports import Blue, Clock
from migrator.rules.field_owners import OURS
from migrator.rules.one_side.guard import LABEL, Guard, guards

# How long API servers may take to read a new policy, before a person is told that it does not refuse yet.
_IN_FORCE_SECONDS = 10.0
# An API server takes a new admission policy into use within a second or so, and reports nothing.
_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class _Changes:
    """What brings a side to the guards that it should have."""

    make: list[tuple[ResourceType, Manifest]] = field(default_factory=list)
    """Policies before their bindings."""
    remove: list[tuple[ResourceType, str, str]] = field(default_factory=list)
    """Names and UIDs; bindings before their policies."""

    def apply(self, cluster: Blue) -> None:
        """Make and remove them; raises ApiError."""
        for resource, manifest in self.make:
            with contextlib.suppress(ConflictError):  # the answer to an earlier try was lost
                cluster.create(resource, "", to_json(manifest), manager=OURS)
        for resource, name, uid in self.remove:
            cluster.delete(resource, "", name, uid=uid)


def keep(where: Where, cluster: Blue, parts: Iterable[Part], guarding: Guarding, run: Run) -> None:
    """Let guards of these objects stand on a side where they are asked for, and no others of this migration.

    Raises ApiError, and JournalError when it cannot be announced.
    """
    wanted = guards(parts, where, guarding.migration) if where in guarding.sides else []
    before = run.state.sides.guards.get(where, frozenset())
    if not wanted and not before:
        return
    rows = tuple(sorted({guard.row for guard in wanted}))
    changes = _changes(cluster, wanted, guarding.migration)
    if not (changes.make or changes.remove) and before == set(rows) and where not in run.state.sides.guarding:
        return
    run.reporter.emit(Step(f"guard on {where}: {', '.join(rows) or 'none'}"))
    run.write(GuardAnnounced(where, rows))
    run.ledger.sync()
    changes.apply(cluster)
    run.write(Guarded(where, rows))


def remove_all(sides: Mapping[Where, Blue], guarding: Guarding, run: Run) -> None:
    """Let no guard of this migration stand any more, and tell what is left; raises no ApiError."""
    for where, cluster in sides.items():
        try:
            keep(where, cluster, (), guarding, run)
        except ApiError as error:
            names = f"kubectl delete validatingadmissionpolicybindings,validatingadmissionpolicies -l {LABEL}={guarding.migration}"
            text = f"the guard on {where} is left: {error.message}; `migrator retire` again removes it, or `{names}`"
            run.reporter.emit(Note(text, warning=True))


def require_possible(sides: Mapping[Where, Blue], parts: Iterable[Part], guarding: Guarding) -> None:
    """Raise BlockedError where a guard that was asked for cannot be made; asks by dry runs."""
    parts = tuple(parts)
    for where in sorted(guarding.sides):
        for guard in guards(parts, where, guarding.migration)[:1]:
            try:
                for resource, manifest in ((POLICIES, guard.policy), (POLICY_BINDINGS, guard.binding)):
                    with contextlib.suppress(ConflictError):
                        sides[where].create(resource, "", to_json(manifest), manager=OURS, dry_run=True)
            except NotFoundError as error:
                why = f"{where} serves no ValidatingAdmissionPolicy at v1, as Kubernetes 1.30 does"
                raise BlockedError(f"cutover.guard: {why}", hint=f"take {where} from cutover.guard") from error
            except ForbiddenError as error:
                hint = f"apply deploy/rbac-{where}.yaml, its lines on cutover.guard too, or take {where} from cutover.guard"
                raise BlockedError(f"cutover.guard: {error.message}", hint=hint) from error


def prove(where: Where, cluster: Blue, parts: Iterable[Part], guarding: Guarding, run: Run) -> None:
    """Try by a dry run whether each group's guard refuses, and tell a person of one that does not."""
    first: dict[str, Part] = {}
    for part in parts if where in guarding.sides else ():
        first.setdefault(part.row, part)
    ends = run.clock.monotonic() + _IN_FORCE_SECONDS
    for row, part in sorted(first.items()):
        while (why := _not_refused(cluster, part, where)) and run.clock.monotonic() < ends:
            run.clock.sleep(_LOOK_SECONDS)
        if why:
            run.reporter.emit(Note(f"the guard on {where} does not keep {row} from being started: {why}", warning=True))


def put_back(held: Iterable[Part], standing: Mapping[Where, Any], back: WayBack, clock: Clock) -> tuple[list[str], list[Guarded]]:
    """Remove the guard from blue, and let green's stand again; return what failed, and what was done. Raises nothing."""
    wanted: dict[Where, list[Part]] = {"blue": [], "green": list(held) if "green" in back.guarding.sides else []}
    sides: dict[Where, Side] = {"blue": back.blue, "green": back.green}
    failed, done = list[str](), list[Guarded]()
    going = {
        where: InBackground(partial(_put_back, where, sides[where], parts, back.guarding.migration, clock), clock)
        for where, parts in wanted.items()
        if parts or standing.get(where)
    }
    for where, work in going.items():
        side = sides[where]
        try:
            done.append(work.result(side.open_seconds + 3 * side.seconds))
        except Exception as error:  # noqa: BLE001 - going back goes on
            failed.append(f"the guard on {where} is not as it should be: {reason(error)}")
    return failed, done


def _put_back(where: Where, side: Side, parts: list[Part], migration: str, clock: Clock) -> Guarded:
    wanted = guards(parts, where, migration)
    cluster = side.look(clock)
    _changes(cluster, wanted, migration).apply(cluster)
    return Guarded(where, tuple(sorted({guard.row for guard in wanted})))


def _changes(cluster: Blue, wanted: list[Guard], migration: str) -> _Changes:
    """Compare with what stands; a name holds a digest of what the policy says."""
    try:
        policies, bindings = (_standing(cluster, resource, migration) for resource in (POLICIES, POLICY_BINDINGS))
    except NotFoundError:
        if wanted:
            raise
        return _Changes()  # a server without such policies has none of ours
    names = {guard.name for guard in wanted}
    return _Changes(
        [(POLICIES, guard.policy) for guard in wanted if guard.name not in policies]
        + [(POLICY_BINDINGS, guard.binding) for guard in wanted if guard.name not in bindings],
        [(POLICY_BINDINGS, name, uid) for name, uid in bindings.items() if name not in names]
        + [(POLICIES, name, uid) for name, uid in policies.items() if name not in names],
    )


def _standing(cluster: Blue, resource: ResourceType, migration: str) -> dict[str, str]:
    found = cluster.list(resource, label_selector=f"{LABEL}={migration}")
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found}


def as_documents(parts: Iterable[Part], guarding: Guarding) -> list[dict[str, str]]:
    """Return the guards of a plan as plain data, as they will stand on green until the cutover and on blue after it."""
    parts = tuple(parts)
    return [
        {"side": where, "group": guard.row, "policy": guard.name}
        for where in ("green", "blue")
        if where in guarding.sides
        for guard in guards(parts, where, guarding.migration)
    ]


def _not_refused(cluster: Blue, part: Part, where: Where) -> str:
    """Return why nobody knows that a guard refuses to start an object, or an empty string."""
    try:
        act.try_to_wake(cluster, part, where)
    except NotFoundError:
        return ""  # there is nothing to start
    except ForbiddenError as error:
        return "" if POLICIES.kind in error.message else error.message
    except ApiError as error:
        return error.message
    return "its API server has let a trial pass"
