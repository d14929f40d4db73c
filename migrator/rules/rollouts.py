"""Rollouts that do not go on: old pods do the work on blue, and a copy would start only the new ones.

A Deployment past its deadline, or paused with a changed template, works by the ReplicaSet of an earlier revision. Green gets that
one's template, so that it works as well; once the rollout has ended on blue, the next copy brings the new template.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from migrator.model.manifest import Manifest, drop, get, put, ref_of
from migrator.rules.context import Rule, RuleContext, Serving

_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"


def is_held(deployment: Manifest) -> bool:
    """Return whether pods of an earlier template may do the work while the rollout of the present one does not go on."""
    if not get(deployment, "status", "availableReplicas"):
        return False
    if get(deployment, "spec", "paused"):
        return bool((get(deployment, "status", "updatedReplicas") or 0) < (get(deployment, "spec", "replicas") or 0))
    return any(
        (item["type"], item["status"], item.get("reason")) == ("Progressing", "False", "ProgressDeadlineExceeded")
        for item in get(deployment, "status", "conditions") or []
    )


def serving(deployment: Manifest, replica_sets: Iterable[Manifest]) -> Serving | None:
    """Return the earlier template whose pods do the work; None where the present one's do."""
    uid = deployment["metadata"]["uid"]
    own = [
        item
        for item in replica_sets
        if any(owner["uid"] == uid and owner.get("controller") for owner in item["metadata"].get("ownerReferences") or [])
    ]
    most = max(own, key=_available, default=None)
    if most is None or not _available(most):
        return None
    template = drop(most["spec"]["template"], "metadata", "labels", _HASH)
    if template == drop(deployment["spec"]["template"], "metadata", "labels", _HASH):
        return None
    return Serving(str(get(most, "metadata", "annotations", _REVISION) or "?"), json.dumps(template))


def _available(replica_set: Manifest) -> int:
    return int(get(replica_set, "status", "availableReplicas") or 0)


def take_serving_template(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the Deployment with the template whose pods do the work on blue."""
    found = context.blue.serving.get(ref_of(manifest))
    return put(manifest, ("spec", "template"), json.loads(found.template)) if found else manifest


def notes(manifest: Manifest, type_name: str, context: RuleContext) -> tuple[str, ...]:
    """Return what a person should know of a workload that is between two revisions on blue."""
    if type_name == "Deployment.apps":
        found = context.blue.serving.get(ref_of(manifest))
        if found:
            why = "paused" if get(manifest, "spec", "paused") else "stuck"
            text = f"its rollout on blue is {why}: green starts revision {found.revision}, whose pods do the work there"
            return (f"{text}; once it has ended on blue, copy again",)
        return (
            ("its rollout is past its deadline on blue: see whether it works there before it starts on green",)
            if is_held(manifest)
            else ()
        )
    status = manifest.get("status") or {}
    if type_name == "StatefulSet.apps":
        new, old = status.get("updateRevision"), status.get("currentRevision")
        mixed = bool(new and old and new != old)
    else:
        mixed = bool((status.get("updatedNumberScheduled") or 0) < (status.get("currentNumberScheduled") or 0))
    return ("some of its pods on blue are of an earlier revision; on green all start with the present one",) if mixed else ()


RULES = (Rule("serving-template", take_serving_template, frozenset({"Deployment.apps"})),)
