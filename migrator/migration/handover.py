"""A volume itself goes from one side to the other: no byte of it moves, and only one side may use it at a time.

Blue's PersistentVolume gets policy Retain before all else, since a provisioner deletes the storage of one that is released with
policy Delete. Nothing else of blue changes, so the way back is to let green go of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from migrator.errors import BlockedError, MigratorError
from migrator.journal.records.data import VolumeHandedOver, VolumeHandOverAnnounced
from migrator.migration.claims import one
from migrator.migration.detached import await_let_go
from migrator.migration.session import Session
from migrator.model.events import Step
from migrator.model.kinds import CLAIMS, NODES, VOLUMES
from migrator.model.manifest import Manifest, get, put
from migrator.model.volumes import Direction, VolumePlan, Way
from migrator.ports import ClusterReader
from migrator.rules import field_owners, table
from migrator.rules.adoption import HOSTNAME, at_node
from migrator.rules.context import RuleContext
from migrator.rules.shared_storage import storage_of

_LOOK_SECONDS = 1.0
# The volume and the claim name each other already: green's controller only confirms it.
_BIND_SECONDS = 60.0
_RETAIN = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}


@dataclass(slots=True, frozen=True)
class HandOver:
    """What came of one claim."""

    claim: str
    seconds: float = 0.0
    error: MigratorError | None = None


def hand_over(session: Session, plans: Iterable[VolumePlan]) -> list[HandOver]:
    """Give green the volume of each claim, whose workload stands still on blue; one that fails does not end the others."""
    return [_tried(session, plan, _to_green) for plan in plans]


def hand_back(session: Session, plans: Iterable[VolumePlan]) -> list[HandOver]:
    """Prove that green no longer uses the volume of each claim, so that blue's may start; blue's objects are as they were."""
    return [_tried(session, plan, _to_blue) for plan in plans]


def rehearse(session: Session, plan: VolumePlan) -> None:
    """Raise ForbiddenError when blue's account may not retain the volume; changes nothing."""
    if get(_volume(session.blue, plan), "spec", "persistentVolumeReclaimPolicy") != "Retain":
        session.blue.patch(VOLUMES, "", plan.volume, _RETAIN, manager=field_owners.FENCE, dry_run=True)


def _tried(session: Session, plan: VolumePlan, act: Callable[[Session, VolumePlan], None]) -> HandOver:
    began = session.run.clock.monotonic()
    try:
        act(session, plan)
    except MigratorError as error:
        return HandOver(plan.claim, error=error)
    return HandOver(plan.claim, session.run.clock.monotonic() - began)


def _to_green(session: Session, plan: VolumePlan) -> None:
    run, began = session.run, session.run.clock.monotonic()
    volume = _volume(session.blue, plan)
    policy = str(get(volume, "spec", "persistentVolumeReclaimPolicy") or "")
    # The old policy is in the journal before it changes, so that it can be set again.
    _announce(session, plan, Direction.TO_GREEN, "" if policy == "Retain" else policy)
    if policy != "Retain":
        run.reporter.emit(Step(f"{plan.claim}: volume {plan.volume} of blue gets reclaim policy Retain, it had {policy}"))
        session.blue.patch(VOLUMES, "", plan.volume, _RETAIN, manager=field_owners.FENCE)
        if get(_volume(session.blue, plan), "spec", "persistentVolumeReclaimPolicy") != "Retain":
            raise BlockedError(
                f"{plan.claim}: blue's volume {plan.volume} does not have policy Retain",
                hint="what sets it back: an operator, GitOps?",
            )
    await_let_go(run, session.blue, plan.claim, plan, _seconds(session))
    _make(session, plan, volume)
    _await_bound(session, plan)
    run.write(VolumeHandedOver(claim=plan.claim, direction="to-green", volume=plan.volume, seconds=run.clock.monotonic() - began))


def _to_blue(session: Session, plan: VolumePlan) -> None:
    run, began = session.run, session.run.clock.monotonic()
    _volume(session.blue, plan)
    _announce(session, plan, Direction.TO_BLUE, "")
    await_let_go(run, session.green, plan.green_claim, plan, _seconds(session))
    run.write(VolumeHandedOver(claim=plan.claim, direction="to-blue", volume=plan.volume, seconds=run.clock.monotonic() - began))


def _seconds(session: Session) -> float:
    return session.config.volumes.detach_timeout.total_seconds()


def _announce(session: Session, plan: VolumePlan, direction: Direction, policy: str) -> None:
    session.run.write(
        VolumeHandOverAnnounced(
            claim=plan.claim, direction=direction.value, volume=plan.volume, storage=plan.storage, policy=policy
        )
    )
    session.run.ledger.sync()


def _make(session: Session, plan: VolumePlan, volume: Manifest) -> None:
    """Make the volume on green, reserved for the claim that is there; one that is there already is the claim's own."""
    claim = one(session.green, CLAIMS, *plan.green_claim.split("/"))
    if claim is None:
        raise BlockedError(f"{plan.claim}: green has no such claim", hint="`migrator copy` makes it")
    body = volume_on_green(volume, plan, claim, _hostname(session.green, plan), session.context())
    there = one(session.green, VOLUMES, "", plan.volume)
    if there is None:
        session.run.reporter.emit(Step(f"{plan.claim}: green gets volume {plan.volume}: {plan.storage}"))
        session.green.create(VOLUMES, "", orjson.dumps(body), manager=field_owners.OURS)
    elif (storage_of(there), get(there, "spec", "local"), get(there, "spec", "hostPath")) != (
        storage_of(body), get(body, "spec", "local"), get(body, "spec", "hostPath"),
    ):  # fmt: skip
        raise BlockedError(f"{plan.claim}: green has another volume {plan.volume}", hint="look at it there; it is not of this tool")


def volume_on_green(volume: Manifest, plan: VolumePlan, claim: Manifest, hostname: str, context: RuleContext) -> Manifest:
    """Return blue's volume as green gets it: the same storage, policy Retain, and bound to this claim and no other."""
    body = table.transform(volume, context, table.rules_for("PersistentVolume")).manifest
    if plan.way is Way.ADOPT:
        body = at_node(body, hostname)
    metadata = claim["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"], "name": metadata["name"]}
    # With the UID: without one the volume would be bound by any claim of that name that is made later.
    return put(body, ("spec", "claimRef"), {**reference, "uid": metadata["uid"]})


def _await_bound(session: Session, plan: VolumePlan) -> None:
    clock = session.run.clock
    until = clock.monotonic() + _BIND_SECONDS
    while True:
        claim = one(session.green, CLAIMS, *plan.green_claim.split("/")) or {}
        if (get(claim, "status", "phase"), get(claim, "spec", "volumeName")) == ("Bound", plan.volume):
            return
        if clock.monotonic() >= until:
            phase = get(claim, "status", "phase") or "gone"
            raise BlockedError(
                f"{plan.claim}: green's claim is not bound to {plan.volume} within {_BIND_SECONDS:.0f} s, but {phase}",
                hint="`kubectl describe pvc` on green says why, such as another size, mode or class; then run this again",
            )
        clock.sleep(_LOOK_SECONDS)


def _volume(cluster: ClusterReader, plan: VolumePlan) -> Manifest:
    volume = one(cluster, VOLUMES, "", plan.volume)
    if volume is None or get(volume, "spec", "claimRef", "name") != plan.claim.partition("/")[2]:
        raise BlockedError(f"{plan.claim}: its volume {plan.volume} is not on {cluster.name} any more", hint="look at it there")
    return volume


def _hostname(green: ClusterReader, plan: VolumePlan) -> str:
    node = one(green, NODES, "", plan.green.node) if plan.green else None
    return str(get(node or {}, "metadata", "labels", HOSTNAME) or (plan.green.node if plan.green else ""))
