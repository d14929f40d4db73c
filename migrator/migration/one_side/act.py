"""Stop and start objects on one side; each act asks first, so that doing it twice is doing it once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from migrator.migration.bounded import Answers, each
from migrator.migration.one_side import schedules
from migrator.model.kinds import CRON_JOBS
from migrator.model.manifest import Manifest
from migrator.model.one_side import HeldField, Part, Where
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, Clock, ClusterReader
from migrator.rules.field_owners import FENCE
from migrator.rules.person import merge_patch

Marks = Mapping[ObjectRef, float | None]
"""When CronJobs were last due and run, by their names on blue; None for one that never was."""
# A name that a guard does not let pass.
_OTHERS = "migrator-trial"
_SCALED = frozenset({"Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps"})


def read(cluster: ClusterReader, part: Part, where: Where) -> Manifest | None:
    """Return an object as it is now, or None; by a list, since blue's account may list all kinds and get few."""
    ref = part.ref(where)
    selector = f"metadata.name={ref.name}"
    return next(iter(cluster.list(part.resource, ref.namespace, field_selector=selector)), None)


def stop(cluster: Blue, parts: Iterable[Part], where: Where, *, clock: Clock, seconds: float) -> Answers[ObjectRef, float | None]:
    """Hold what runs; return, by name on blue, when a CronJob was last due and run, and None for all else.

    One that is not there has neither answer nor failure. The seconds are for each of two rounds of requests.
    """
    by_ref = {part.blue: part for part in parts}
    stopped = each(by_ref, lambda ref: _stop(cluster, by_ref[ref], where), seconds=seconds, clock=clock)
    cron_jobs = {ref: by_ref[ref].ref(where) for ref in stopped.done if is_cron_job(by_ref[ref])}
    if any(stopped.done[ref] for ref in cron_jobs):
        # Its controller may be starting a run that was due before the suspension.
        clock.sleep(schedules.SETTLE_SECONDS)
    namespaces = {ref.namespace for ref in cron_jobs.values()}
    runs = each(namespaces, lambda name: schedules.last_runs(cluster, name), seconds=seconds, clock=clock)
    answers: Answers[ObjectRef, float | None] = Answers(failed=stopped.failed)
    for ref, there in stopped.done.items():
        place = cron_jobs.get(ref)
        if place is None:
            if there is not None:
                answers.done[ref] = None
        elif place.namespace in runs.failed:
            answers.failed[ref] = runs.failed[place.namespace]
        elif place.name in runs.done[place.namespace]:
            answers.done[ref] = runs.done[place.namespace][place.name]
    return answers


def start(
    cluster: Blue,
    parts: Iterable[Part],
    where: Where,
    marks: Marks,
    *,
    assumed: Collection[ObjectRef] = (),
    clock: Clock,
    seconds: float,
) -> Answers[ObjectRef, bool]:
    """Let run what is held, with what the other side has run; return, by name on blue, whether it is there.

    Marks that are `assumed` are for what is held only: what runs already starts by itself what is due.
    """
    by_ref = {part.blue: part for part in parts}

    def start_one(ref: ObjectRef) -> bool:
        return _start(cluster, by_ref[ref], where, marks.get(ref), assumed=ref in assumed)

    return each(by_ref, start_one, seconds=seconds, clock=clock)


def rehearse(cluster: Blue, part: Part) -> None:
    """Raise ForbiddenError when this account may not stop the object on blue and start it again; changes nothing."""
    _patch(cluster, part, "blue", part.stop.patch(part.stop.blue), dry_run=True)
    if is_cron_job(part):
        schedules.require_status_access(cluster, part.blue)


def try_to_wake(cluster: Blue, part: Part, where: Where) -> None:
    """Start an object as others would, by a dry run; raises ForbiddenError when something forbids it."""
    patch: dict[str, Any] = {}
    for field in part.fields:
        patch = merge_patch(patch, field.patch(field.running(where)))
    _patch(cluster, part, where, patch, dry_run=True, manager=_OTHERS)


def is_cron_job(part: Part) -> bool:
    """Return whether a part has runs that the other side must know of."""
    return part.resource.type_name == CRON_JOBS.type_name


def _stop(cluster: Blue, part: Part, where: Where) -> bool | None:
    """Hold an object; return whether it ran, None when it is not there."""
    manifest = read(cluster, part, where)
    if manifest is None:
        return None
    if part.is_held(manifest):
        return False
    _patch(cluster, part, where, part.stop.patch(part.stop.held))
    return True


def _start(cluster: Blue, part: Part, where: Where, mark: float | None, *, assumed: bool) -> bool:
    manifest = read(cluster, part, where)
    if manifest is None:
        return False
    holding = _holding(part, manifest)
    if is_cron_job(part) and (holding or not assumed):
        schedules.tell(cluster, part.ref(where), manifest, mark, assumed=assumed)
    for field in holding:
        _patch(cluster, part, where, field.patch(field.running(where)))
    return True


def _holding(part: Part, manifest: Manifest) -> list[HeldField]:
    return [field for field in part.fields if field.is_held(manifest)]


def _patch(cluster: Blue, part: Part, where: Where, patch: dict[str, Any], *, dry_run: bool = False, manager: str = FENCE) -> None:
    """Write a field; replicas through the scale subresource, so that an account needs to be able to do no more."""
    ref = part.ref(where)
    scale = part.resource.type_name in _SCALED and patch.keys() == {"spec"} and part.stop.path == ("spec", "replicas")
    cluster.patch(
        part.resource,
        ref.namespace,
        ref.name,
        patch,
        manager=manager,
        dry_run=dry_run,
        subresource="scale" if scale else "",
    )
