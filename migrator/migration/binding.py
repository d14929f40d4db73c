"""Claims on green that wait for a pod get their volumes without one: nothing of green runs before its data is there.

A claim of a class with `volumeBindingMode: WaitForFirstConsumer` is provisioned once it names a node (Kubernetes,
pkg/controller/volume/persistentvolume, `volume.kubernetes.io/selected-node`), as the scheduler does for a pod.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from migrator.migration.claims import listed, read_volumes
from migrator.migration.session import Session
from migrator.model.events import Note, Step
from migrator.model.kinds import CLAIMS, NODES, STORAGE_CLASSES
from migrator.model.manifest import Manifest, get
from migrator.model.scheduling import is_open, selects, taint_against
from migrator.model.volumes import VolumePlan, Way
from migrator.rules import storage
from migrator.rules.field_owners import FENCE
from migrator.rules.storage import SELECTED_NODE, class_of

_NO_PROVISIONER = "kubernetes.io/no-provisioner"
# A provisioner makes a volume in seconds; where it takes longer, the copy goes on and says so.
_POLL_SECONDS, _LIMIT_SECONDS = 0.5, 120.0


def bind_waiting(session: Session, plans: Iterable[VolumePlan], nodes: Collection[str]) -> None:
    """Choose a node of green for each claim that waits for a pod there, and wait until they have volumes.

    `nodes` are those of green that the tool reaches. Claims of one node of blue stay together where their pods may run on the same
    nodes. What has no volume in time is left for a person, who is told when it is not copied.
    """
    waiting = [plan for plan in plans if plan.way is Way.COPY and plan.blue and plan.green is None]
    if not waiting or not nodes:
        return
    green, pods = read_volumes(session.green), read_volumes(session.blue).pods
    classes = {item["metadata"]["name"]: item for item in session.green.list(STORAGE_CLASSES)}
    reached = [item for item in listed(session.green, NODES) if item["metadata"]["name"] in nodes]
    wanted: dict[str, Wanted] = {}
    for plan in waiting:
        claim = green.claims.get(plan.green_claim)
        if claim is not None and plan.blue is not None and waits_for_a_pod(claim, classes):
            users = [pod["spec"] for pod in pods.get(plan.claim, ())]
            fitting = fitting_nodes(reached, users, classes[class_of(claim)]) or frozenset(nodes)
            wanted[plan.green_claim] = plan.blue.node, fitting
    chosen = nodes_for(wanted.values())
    for name, wish in wanted.items():
        node = chosen[wish]
        session.run.reporter.emit(Step(f"{name}: its volume on green is made on {node}, as for a pod there"))
        namespace, _, own = name.partition("/")
        session.green.patch(CLAIMS, namespace, own, {"metadata": {"annotations": {SELECTED_NODE: node}}}, manager=FENCE)
    _await_bound(session, list(wanted))


def waits_for_a_pod(claim: Manifest, classes: Mapping[str, Manifest]) -> bool:
    """Return whether an unbound claim is provisioned only when a pod wants it."""
    return storage.waits_for_a_pod(claim, classes) and classes[class_of(claim)].get("provisioner") != _NO_PROVISIONER


def fitting_nodes(nodes: Iterable[Manifest], users: Sequence[Manifest], storage_class: Manifest) -> frozenset[str]:
    """Return the nodes that a class makes volumes on and where pods with the specs of `users` may run.

    A volume of a node keeps its pods there: on another one they would wait for ever (velero#9053). Where no node suits, what pods
    select by does not count, which a person may change on the way, and then neither do taints and what is cordoned.
    """
    allowed = [node for node in nodes if _makes_volumes(storage_class, node)]
    untainted = [node for node in allowed if is_open(node) and not any(taint_against(spec, node) for spec in users or ({},))]
    suiting = [node for node in untainted if all(selects(spec, node) for spec in users)]
    return frozenset(node["metadata"]["name"] for node in suiting or untainted or allowed)


def _makes_volumes(storage_class: Manifest, node: Manifest) -> bool:
    """Return whether `allowedTopologies` of a class take a node; they are alternatives (storage/v1, StorageClass)."""
    terms = storage_class.get("allowedTopologies") or []
    labels = node["metadata"].get("labels") or {}
    return not terms or any(
        all(labels.get(item["key"]) in item["values"] for item in term.get("matchLabelExpressions") or []) for term in terms
    )


Wanted = tuple[str, frozenset[str]]
"""A node of blue, and the nodes of green that would do."""


def nodes_for(wanted: Iterable[Wanted]) -> dict[Wanted, str]:
    """Return a node of green for each wish: the one of blue's name, else in turn one that has no namesake among blue's."""
    wishes = set(wanted)
    blue = {name for name, _ in wishes}
    others = sorted((wish for wish in wishes if wish[0] not in wish[1]), key=lambda wish: (wish[0], sorted(wish[1])))
    found = {wish: wish[0] for wish in wishes if wish[0] in wish[1]}
    for number, wish in enumerate(others):
        free = sorted(wish[1] - blue) or sorted(wish[1])
        found[wish] = free[number % len(free)]
    return found


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
