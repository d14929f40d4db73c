"""Ask registries whether the images of what moves exist for the CPU architectures of green's nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from migrator.errors import ApiError, MigratorError
from migrator.model.kinds import NODES
from migrator.model.manifest import Manifest, containers, get, pod_spec
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.scheduling import may_run
from migrator.model.strange import HINT, STRANGE, reason_of
from migrator.model.verdict import Finding, Severity
from migrator.ports import ClusterReader, ImageRegistry

_HINT = "push an image for that architecture, or map it with map.registries"


@dataclass(slots=True)
class _Image:
    """What is known of the use of one image: CPU architectures of the nodes on which pods may run, and who makes such pods."""

    needed: dict[str, ObjectRef] = field(default_factory=dict)
    """Those of pods that do their work on blue."""
    idle: dict[str, ObjectRef] = field(default_factory=dict)
    """Those of pods that nobody waits for."""


def image_findings(
    moved: list[PlanItem], green: ClusterReader, registry: ImageRegistry, accepted: Callable[[PlanItem], bool]
) -> Iterator[Finding]:
    """Yield a failure for each image that does not exist for a CPU architecture of the nodes on which its pods may run.

    It is a warning where nothing works on blue either, and where the person accepts that.
    """
    try:
        # Before its kubelet has told it, a node has the empty one.
        nodes = [node for node in green.list(NODES) if get(node, "status", "nodeInfo", "architecture")]
    except ApiError as error:
        yield Finding("images", "nodes of green", Severity.UNKNOWN, error.message, "grant reading nodes")
        return
    uses: dict[str, _Image] = {}
    # A run that has ended makes no pod any more.
    running = [item for item in moved if item.ended is None]
    yield from each("images", running, lambda item: _note(item, nodes, uses, idle=_is_idle(item) or accepted(item)))
    for image, use in sorted(uses.items()):
        try:
            has = registry.architectures(image)
        except MigratorError as error:
            yield Finding("images", image, Severity.UNKNOWN, error.message)
            continue
        for severity, wanted in ((Severity.FAILURE, use.needed), (Severity.WARNING, use.idle)):
            lacking = sorted(wanted.keys() - has)
            if lacking:
                which = f"has {', '.join(sorted(has))} only; green's nodes are {', '.join(lacking)}"
                yield Finding("images", image, severity, f"{which} (used by {wanted[lacking[0]]})", _HINT)
                break


def _is_idle(item: PlanItem) -> bool:
    """Return whether no pod of a workload works on blue: none is wanted, or its image does not run there either."""
    return not item.works and (item.works == 0 or bool(item.unready))


def _note(item: PlanItem, nodes: list[Manifest], uses: dict[str, _Image], *, idle: bool) -> Iterable[Finding]:
    """Add the images of a workload, with the architectures that it needs them for; finds nothing."""
    spec = pod_spec(orjson.loads(item.body)) or {}
    images = {container.get("image") or "" for container in containers(spec)}
    if not images:
        return ()
    wanted = dict.fromkeys(_architectures(spec, nodes), item.green)
    for image in images:
        if not isinstance(image, str):
            raise TypeError
        # That of a Rollout's template may come from somebody who fills it in.
        if image:
            use = uses.setdefault(image, _Image())
            known = use.idle if idle else use.needed
            for architecture, user in wanted.items():
                known.setdefault(architecture, user)
    return ()


def _architectures(spec: Manifest, nodes: list[Manifest]) -> set[str]:
    """Return those of the nodes that a pod may run on; of all where there is none, as for a DaemonSet that is held."""
    open_to = [node for node in nodes if may_run(spec, node)]
    return {str(get(node, "status", "nodeInfo", "architecture")) for node in open_to or nodes}


def each(check: str, items: Iterable[PlanItem], look: Callable[[PlanItem], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield the findings of each object; one that cannot be judged is a failure of its own."""
    for item in items:
        try:
            yield from list(look(item))
        except STRANGE as error:
            yield Finding(check, str(item.green), Severity.FAILURE, f"cannot be judged: it {reason_of(error)}", HINT)
