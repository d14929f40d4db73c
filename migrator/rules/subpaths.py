"""Folders in volumes that are named by what a pod is told of itself: on green it looks for its data in another folder.

The data is copied and proven, and the application begins with an empty folder beside it: the kubelet makes what `subPathExpr`
names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from migrator.model.manifest import POD_TEMPLATES, Manifest, containers, get, pod_spec
from migrator.rules.context import RuleContext

# Names of nodes, addresses and UIDs are others on green (docs: downward API).
_OTHERS = frozenset({"spec.nodeName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs", "metadata.uid"})
_NAMESPACE = "metadata.namespace"
_VARIABLE = re.compile(r"\$\(([^()]+)\)")


def elsewhere(blue: Manifest, type_name: str, body: bytes, context: RuleContext) -> str:
    """Return what a person should know of a workload's folders in volumes, after its name; empty for most. `body`: as on green."""
    manifest = orjson.loads(body) if type_name in POD_TEMPLATES and b"subPathExpr" in body else {}
    spec = pod_spec(manifest) if manifest else None
    if not spec:
        return ""
    namespace = str(get(blue, "metadata", "namespace"))
    others = _OTHERS | ({_NAMESPACE} if context.green_namespace(namespace) != namespace else set())
    volumes = _with_claims(manifest, spec)
    found = sorted({(folder, field) for folder, field in _named(spec, volumes) if field in others})
    if not found:
        return ""
    folder, field = found[0]
    return (
        f"mounts folder {folder} of a volume, named by {field}, which is another one on green: it would begin with an empty folder "
        "beside its copied data; give the variable blue's value by a transform, or rename the folder before it starts"
    )


def _with_claims(manifest: Manifest, spec: Manifest) -> set[str]:
    """Return the names of a pod's volumes that keep data."""
    kept = {volume["name"] for volume in spec.get("volumes") or [] if volume.get("persistentVolumeClaim")}
    return kept | {str(get(claim, "metadata", "name")) for claim in get(manifest, "spec", "volumeClaimTemplates") or []}


def _named(spec: Manifest, volumes: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each folder that is named by variables, with each field of the pod in it."""
    for container in containers(spec):
        variables = {item["name"]: item for item in container.get("env") or []}
        for mount in container.get("volumeMounts") or []:
            folder = mount.get("subPathExpr")
            if folder and mount["name"] in volumes:
                yield from ((folder, field) for field in _fields(folder, variables))


def _fields(text: str, variables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of the pod that a text with variables takes in, also by way of other variables."""
    waiting, seen = [text], set[str]()
    while waiting:
        for name in set(_VARIABLE.findall(waiting.pop())) - seen:
            seen.add(name)
            variable = variables.get(name) or {}
            if field := get(variable, "valueFrom", "fieldRef", "fieldPath"):
                yield str(field)
            waiting.append(str(variable.get("value") or ""))
