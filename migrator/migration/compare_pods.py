"""Tell what green's admission adds to the pods of workloads, which controllers make, or changes: a sidecar, a class, an image.

Green is asked by a dry run of a pod of each template; what blue's pods have, too, is no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import orjson

from migrator.config.schema import AcceptedAddition
from migrator.errors import ApiError
from migrator.migration.trials import Trials
from migrator.model.added import added, changed, content
from migrator.model.kinds import PODS
from migrator.model.manifest import POD_TEMPLATES, Manifest, get
from migrator.model.owned import fields_of
from migrator.model.plan import PlanItem
from migrator.model.pods import spec_of_pods
from migrator.model.strange import STRANGE
from migrator.model.verdict import Finding, Severity
from migrator.model.words import some
from migrator.ports import ClusterReader
from migrator.rules.person import accepts

_CONTAINER = re.compile(r"spec\.(initContainers|containers)(\[[^\]]*\])?$")
# Fields that a controller writes into its pods before admission sees them, so that a pod made of the template is no measure.
_OF_CONTROLLERS = {"DaemonSet.apps": ("spec.tolerations",)}
_HINT = "change the policy or webhook of green that does it; if it is wanted, name it in gates.acceptedAdditions"


@dataclass(slots=True, frozen=True)
class PodSides:
    """What pods are compared by."""

    blue: ClusterReader
    trials: Trials
    workers: int
    accepted: tuple[AcceptedAddition, ...] = ()


def compare_pods(moved: Iterable[PlanItem], sides: PodSides) -> Iterator[Finding]:
    """Yield what green's admission makes of pods; a pod that green refuses is told by the readiness of its workload."""
    workloads = [item for item in moved if POD_TEMPLATES.get(item.green.type_name)]
    with ThreadPoolExecutor(sides.workers) as pool:
        for findings in pool.map(lambda item: _guarded(item, sides), workloads):
            yield from findings


def _guarded(item: PlanItem, sides: PodSides) -> list[Finding]:
    try:
        return list(_compared(item, sides))
    except (ApiError, *STRANGE):
        return []


def _compared(item: PlanItem, sides: PodSides) -> Iterator[Finding]:
    workload = orjson.loads(item.body)
    template = get(workload, *POD_TEMPLATES[item.green.type_name])
    labels = get(template, "metadata", "labels") or {}
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if key in ("labels", "annotations")}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": item.green.name}, "spec": spec_of_pods(workload)}
    trial = sides.trials.make(PODS, item.green.namespace, body)
    pod = _pod_of_blue(sides.blue, item.blue.namespace, labels)
    fields = fields_of(trial["metadata"].get("managedFields"))

    def is_told(path: str) -> bool:
        by_controller = path.startswith(_OF_CONTROLLERS.get(item.green.type_name, ()))
        return not (by_controller or any(accepts(each, item.blue, content(workload), path) for each in sides.accepted))

    known = content(pod or body)
    paths = list(filter(is_told, added(known, content(trial), fields or None)))
    yield from _findings(item, paths, has_pod=pod is not None)
    others = list(filter(is_told, changed(content(body), content(trial), known)))
    if others:
        reason = f"its pods get another value in {some(others)}: green's admission changes it, and not in blue's pods"
        yield Finding("parity", str(item.green), Severity.FAILURE, reason, _HINT)


def _findings(item: PlanItem, paths: list[str], *, has_pod: bool) -> Iterator[Finding]:
    containers = [path for path in paths if _CONTAINER.match(path)]
    # Without a pod of blue nobody knows what blue's admission adds besides.
    others = [path for path in paths if path not in containers] if has_pod else []
    for severity, found in ((Severity.FAILURE, containers), (Severity.WARNING, others)):
        if found:
            reason = f"its pods get {some(found)}, which green's admission adds and blue's pods do not have"
            yield Finding("parity", str(item.green), severity, reason, _HINT)


def _pod_of_blue(blue: ClusterReader, namespace: str, labels: dict[str, str]) -> Manifest | None:
    """Return a pod of the workload on blue; None when it has none, or nobody may look."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    try:
        return next(iter(blue.list(PODS, namespace, selector)), None) if selector else None
    except ApiError:
        return None
