"""Rules for bare pods: green gets what was submitted, and its own scheduler and admission write the rest."""

from __future__ import annotations

from migrator.model.manifest import Manifest, containers, drop, get, map_list, put, without
from migrator.model.owned import fields_of, owned_of
from migrator.rules.context import Rule, RuleContext

_TOKEN_VOLUME = "kube-api-access-"  # noqa: S105 - a name prefix
# What admission computes and refuses from others (k8s.io/kubernetes, plugin/pkg/admission: priority, runtimeclass), blue's node,
# an alias, and what no create may hold.
_OF_GREEN = ("nodeName", "priority", "preemptionPolicy", "overhead", "serviceAccount", "ephemeralContainers")


# Labels that binding a pod to a node overwrites (KEP-4742).
_OF_A_NODE = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def as_submitted(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the pod without what nobody owns: token, limits, class, zone, injected containers were written by blue's admission.

    A pod whose owners are not known stays as it is.
    """
    metadata = manifest["metadata"]
    fields = fields_of(metadata.get("managedFields"))
    if not get(fields, "f:spec", "f:containers"):
        return manifest
    # Labels and annotations that webhooks have added are no wish of a person: green's own webhooks set theirs.
    kept = without(metadata, "labels", "annotations")
    given = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    owned = {key: value for key, value in owned_of(given, fields.get("f:metadata") or {}).items() if value}
    return {**manifest, "metadata": kept | owned, "spec": owned_of(manifest["spec"], fields["f:spec"])}


def unschedule_pod(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return the pod without its node, what admission computes, and the injected token volume of a pod of unknown owners."""
    for field in _OF_GREEN:
        manifest = drop(manifest, "spec", field)
    for label in _OF_A_NODE:
        manifest = drop(manifest, "metadata", "labels", label)
    spec = manifest["spec"]
    volumes = spec.get("volumes")
    if not volumes or not any(volume["name"].startswith(_TOKEN_VOLUME) for volume in volumes):
        return manifest
    kept = [volume for volume in volumes if not volume["name"].startswith(_TOKEN_VOLUME)]
    manifest = put(manifest, ("spec", "volumes"), kept) if kept else drop(manifest, "spec", "volumes")
    for field in ("initContainers", "containers"):
        if spec.get(field):
            manifest = put(manifest, ("spec", field), map_list(spec[field], _without_token_mount))
    return manifest


def notes(manifest: Manifest, context: RuleContext) -> list[str]:
    """Return what blue's admission has put into a pod that a person made, and green's has to put there."""
    submitted = {item["name"] for item in containers(as_submitted(manifest, context)["spec"])}
    added = [item["name"] for item in containers(without(manifest["spec"], "ephemeralContainers")) if item["name"] not in submitted]
    return [f"container {', '.join(added)} was put in by blue's admission; on green only its own admission does"] if added else []


def _without_token_mount(container: Manifest) -> Manifest:
    mounts = container.get("volumeMounts") or []
    kept = [mount for mount in mounts if not mount["name"].startswith(_TOKEN_VOLUME)]
    if len(kept) == len(mounts):
        return container
    return put(container, ("volumeMounts",), kept) if kept else without(container, "volumeMounts")


_POD = frozenset({"Pod"})
FIRST = (Rule("as-submitted", as_submitted, _POD),)
"""Reads managedFields, which are stripped later."""
RULES = (Rule("unschedule-pod", unschedule_pod, _POD),)
