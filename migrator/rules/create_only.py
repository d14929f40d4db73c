"""What lies on blue although no create may bring it: validation spares what was there before it, and an update in part.

What means the same in another form is written so; of the rest the plan says how to fix it, before anything is written.
Sources: k8s.io/kubernetes/pkg/apis/*/validation and k8s.io/apiextensions-apiserver, functions Validate*Create and what they demand
beside Validate*Update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrator.model.manifest import Manifest, drop, get, pod_spec, put
from migrator.rules.context import Hindrance, Rule, RuleContext

_ZONE = re.compile(r"\s*(?:CRON_)?TZ=(\S+)\s+(.*)")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
# Characters of a CronJob's name; 11 more come with the name of each Job.
# A Job's name is a label value of its pods, of 63 characters at most (batch/v1, validation of CronJob names).
_MOST_OF_CRONJOB = 52
_APPROVED = "api-approved.kubernetes.io"
_PROTECTED = (".k8s.io", ".kubernetes.io")
_ADMISSION = "WebhookConfiguration.admissionregistration.k8s.io"
_WITH_SELECTORS = frozenset(
    {"PodDisruptionBudget.policy", "NetworkPolicy.networking.k8s.io", "ClusterRole.rbac.authorization.k8s.io"}
    | {f"Validating{_ADMISSION}", f"Mutating{_ADMISSION}"}
)


def split_time_zone(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the CronJob with the time zone of its schedule in the field that is made for it (Kubernetes 1.27)."""
    found = _ZONE.fullmatch(str(get(manifest, "spec", "schedule") or ""))
    if not found or get(manifest, "spec", "timeZone"):
        return manifest
    return put(put(manifest, ("spec", "timeZone"), found[1]), ("spec", "schedule"), found[2])


def drop_debug_containers(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the pod without the containers that somebody has put into it for a look (`kubectl debug`)."""
    return drop(manifest, "spec", "ephemeralContainers")


def drop_resolved_classes(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the instance of a service catalog without what its controller has looked up: a webhook refuses that (velero#4526)."""
    for kind in ("clusterServiceClassRef", "clusterServicePlanRef", "serviceClassRef", "servicePlanRef"):
        manifest = drop(manifest, "spec", kind)
    return manifest


def hindrance(manifest: Manifest, type_name: str) -> Hindrance | None:
    """Return why validation refuses to create an object that it lets be on blue."""
    if type_name == "CronJob.batch" and len(manifest["metadata"]["name"]) > _MOST_OF_CRONJOB:
        reason = f"has a name of more than {_MOST_OF_CRONJOB} characters, which no new CronJob may have"
        return Hindrance(reason, "create it under a shorter name on blue, and leave this one with move.objects.exclude")
    if type_name == "CustomResourceDefinition.apiextensions.k8s.io":
        return _of_definition(manifest)
    value = next((value for value in _selected(_selecting(manifest, type_name)) if not _LABEL.fullmatch(value)), None)
    if value is None:
        return None
    reason = "selects by a value that no label can have, and that no new object may name"
    return Hindrance(reason, "take it out of its selector on blue, or by a transform: it selects nothing")


def _selecting(manifest: Manifest, type_name: str) -> Any:
    """Return the part of a manifest whose label selectors are looked at on a create only; those of a workload itself always are."""
    if type_name in _WITH_SELECTORS:
        return manifest
    spec = pod_spec(manifest)
    return [spec.get("affinity"), spec.get("topologySpreadConstraints")] if spec else []


def _of_definition(crd: Manifest) -> Hindrance | None:
    spec = crd["spec"]
    if spec.get("preserveUnknownFields"):
        return Hindrance(
            "has spec.preserveUnknownFields, which no new definition may have",
            "put x-kubernetes-preserve-unknown-fields: true into its schemas and take the field out, on blue or by a transform",
        )
    group = f".{spec['group']}"
    # The suffix of a community's own group, such as x-k8s.io, is not protected.
    if group.endswith(_PROTECTED) and not get(crd, "metadata", "annotations", _APPROVED):
        return Hindrance(
            f"is of the protected group {spec['group']} and has no annotation {_APPROVED}",
            f'add it by a transform: {_APPROVED}: "unapproved, from blue"',
        )
    return None


def _selected(value: Any) -> Iterator[str]:
    """Yield the values that label selectors anywhere in a manifest name."""
    if isinstance(value, list):
        for item in value:
            yield from _selected(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "matchLabels" and isinstance(item, dict):
                yield from map(str, item.values())
            elif key == "matchExpressions" and isinstance(item, list):
                yield from (str(part) for term in item for part in term.get("values") or [])
            else:
                yield from _selected(item)


RULES = (
    Rule("time-zone", split_time_zone, frozenset({"CronJob.batch"})),
    Rule("resolved-classes", drop_resolved_classes, frozenset({"ServiceInstance.servicecatalog.k8s.io"})),
    Rule("debug-containers", drop_debug_containers, frozenset({"Pod"})),
)
