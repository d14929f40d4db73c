"""What scales a workload that is held, and could start it from 0; pure functions.

A HorizontalPodAutoscaler leaves a workload at 0 alone (Kubernetes, pkg/controller/podautoscaler: ScalingDisabled) unless its own
minReplicas is 0 (KEP-2021), and raises none while its behavior says so (selectPolicy Disabled). KEDA starts one from 0
by itself, unless it is paused (keda.sh, pause autoscaling).
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, get, ref_of
from migrator.model.one_side import HeldField, OneSide, Part, value_at
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.one_side.recognise import for_green
from migrator.rules.one_side.table import SCALERS, Row

_HPA = "HorizontalPodAutoscaler.autoscaling"
_PAUSED_AT = ("metadata", "annotations", "autoscaling.keda.sh/paused-replicas")
_BY_TYPE = {type_name: row for row in SCALERS for type_name in row.types}
MARK = b'"scaleTargetRef"'
"""What stands in the JSON of each that scales a workload."""


def target_of(manifest: Manifest) -> ObjectRef | None:
    """Return the workload that an object scales; a Deployment where it names no kind, as KEDA takes it."""
    target = get(manifest, "spec", "scaleTargetRef")
    if not isinstance(target, dict) or not isinstance(target.get("name"), str):
        return None
    group = str(target.get("apiVersion") or "apps/v1").rpartition("/")[0]
    return ObjectRef(group, str(target.get("kind") or "Deployment"), ref_of(manifest).namespace, target["name"])


def scaler(blue: Manifest, green: Manifest, resource: ResourceType, context: RuleContext) -> tuple[OneSide, Manifest] | None:
    """Return how an object that scales a held workload is held itself, and green's manifest of it; None where it is not.

    `green` is transformed and not held.
    """
    ref = ref_of(blue)
    row = _BY_TYPE.get(ref.type_name)
    before = context.handed.get(ref)
    if row is None or (before is None and is_harmless(blue)):
        return None
    part = before or _part(blue, row, resource)
    runs = not part.is_held(blue)
    found = OneSide(row.name, row.why, row.meanwhile, part, active=runs or ref in context.handed, runs=runs)
    return for_green(found, blue, green, context)


def is_harmless(manifest: Manifest) -> bool:
    """Return whether it starts nothing from 0."""
    return ref_of(manifest).type_name == _HPA and get(manifest, "spec", "minReplicas") != 0


def may_scale_to_zero(manifest: Manifest) -> bool:
    """Return whether it takes all pods of a workload that has nothing to do, and starts it again (keda.sh, ScaledObject spec)."""
    type_name, spec = ref_of(manifest).type_name, manifest.get("spec") or {}
    if type_name == "ScaledObject.keda.sh":
        return not spec.get("minReplicaCount") or spec.get("idleReplicaCount") == 0
    if type_name == "HTTPScaledObject.http.keda.sh":
        return not get(spec, "replicas", "min")
    return type_name == _HPA and spec.get("minReplicas") == 0


def unknown(manifest: Manifest, target: ObjectRef) -> str:
    """Return what a person should know of one that nobody here can pause, or an empty string."""
    ref = ref_of(manifest)
    if ref.type_name in _BY_TYPE:
        return ""
    return f"scales {target}, which is held: name it in cutover.oneSide with the field that pauses it (hold: field)"


def _part(manifest: Manifest, row: Row, resource: ResourceType) -> Part:
    ref, (path, held) = ref_of(manifest), row.fields[0]
    if value_at(manifest, _PAUSED_AT) is not None:
        path, held = _PAUSED_AT, "0"  # a person has set a number: KEDA would scale to it, whatever else pauses it
    fields = (HeldField(path, held, value_at(manifest, path)),)
    return Part(ref, ref, row.name, resource._replace(verbs=frozenset()), fields, row.first)
