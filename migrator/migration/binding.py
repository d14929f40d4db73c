"""Claims on green that wait for a pod get their volumes without one: nothing of green runs before its data is there.

A claim of a class with `volumeBindingMode: WaitForFirstConsumer` is provisioned once it names a node (Kubernetes,
pkg/controller/volume/persistentvolume, `volume.kubernetes.io/selected-node`), as the scheduler does for a pod.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from migrator.migration.claims import read_volumes
from migrator.migration.session import Session
from migrator.model.events import Note, Step
from migrator.model.kinds import CLAIMS, STORAGE_CLASSES
from migrator.model.manifest import Manifest, get
from migrator.model.volumes import VolumePlan, Way
from migrator.rules.field_owners import FENCE

SELECTED = "volume.kubernetes.io/selected-node"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"
# A provisioner makes a volume in seconds; where it takes longer, the copy goes on and says so.
_POLL_SECONDS, _LIMIT_SECONDS = 0.5, 120.0


def bind_waiting(session: Session, plans: Iterable[VolumePlan], nodes: Collection[str]) -> None:
    """Choose a node of green for each claim that waits for a pod there, and wait until they have volumes.

    `nodes` are those of green that the tool reaches. Claims of one node of blue stay together. What has no volume in time is left
    for a person, who is told when it is not copied.
    """
    waiting = [plan for plan in plans if plan.way is Way.COPY and plan.blue and plan.green is None]
    if not waiting or not nodes:
        return
    green = read_volumes(session.green)
    classes = {item["metadata"]["name"]: item for item in session.green.list(STORAGE_CLASSES)}
    chosen = node_for({plan.blue.node for plan in waiting if plan.blue}, nodes)
    asked = []
    for plan in waiting:
        claim = green.claims.get(plan.green_claim)
        if claim is None or plan.blue is None or not waits_for_a_pod(claim, classes):
            continue
        node = chosen[plan.blue.node]
        session.run.reporter.emit(Step(f"{plan.claim}: its volume on green is made on {node}, as for a pod there"))
        namespace, _, name = plan.green_claim.partition("/")
        session.green.patch(CLAIMS, namespace, name, {"metadata": {"annotations": {SELECTED: node}}}, manager=FENCE)
        asked.append(plan.green_claim)
    _await_bound(session, asked)


def waits_for_a_pod(claim: Manifest, classes: Mapping[str, Manifest]) -> bool:
    """Return whether an unbound claim is provisioned only when a pod wants it."""
    found = classes.get(str(get(claim, "spec", "storageClassName") or ""))
    if found is None or get(claim, "spec", "volumeName") or get(claim, "metadata", "annotations", SELECTED):
        return False
    return found.get("volumeBindingMode") == "WaitForFirstConsumer" and found.get("provisioner") != _NO_PROVISIONER


def node_for(blue: Collection[str], green: Collection[str]) -> dict[str, str]:
    """Return a node of green for each of blue: the one of its name, else in turn."""
    others = sorted(set(green) - set(blue)) or sorted(green)
    without = sorted(set(blue) - set(green))
    return {name: name for name in blue if name in green} | {
        name: others[number % len(others)] for number, name in enumerate(without)
    }


def _await_bound(session: Session, claims: list[str]) -> None:
    ends = session.run.clock.monotonic() + _LIMIT_SECONDS
    left = list(claims)
    while left:
        bound = read_volumes(session.green).claims
        left = [name for name in left if get(bound.get(name, {}), "status", "phase") != "Bound"]
        if not left:
            return
        if session.run.clock.monotonic() > ends:
            session.run.reporter.emit(Note(f"{left[0]} has no volume on green after {_LIMIT_SECONDS:g} s", warning=True))
            return
        session.run.clock.sleep(_POLL_SECONDS)
