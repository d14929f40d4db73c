"""Folders in volumes that are named by what a pod is told of itself: on green it looks for its data in another folder.

The data is copied and proven, and the application begins with nothing beside it: the kubelet makes the folder that `subPathExpr`
names, and brokers of Erlang that of their node's name (helm/charts#3914, #7806).
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
# RabbitMQ's, EMQX's and VerneMQ's.
_NODE_NAMES = ("RABBITMQ_NODENAME", "EMQX_NODE_NAME", "EMQX_NODE__NAME", "DOCKER_VERNEMQ_NODENAME")
_WORDS = tuple(word.encode() for word in ("subPathExpr", *_NODE_NAMES))
_VARIABLE = re.compile(r"\$\(([^()]+)\)")


def elsewhere(blue: Manifest, type_name: str, body: bytes, context: RuleContext) -> str:
    """Return what a person should know of a workload's folders in volumes, after its name; empty for most. `body`: as on green."""
    manifest = orjson.loads(body) if type_name in POD_TEMPLATES and any(word in body for word in _WORDS) else {}
    spec = pod_spec(manifest) if manifest else None
    if not spec:
        return ""
    namespace = str(get(blue, "metadata", "namespace"))
    others = _OTHERS | ({_NAMESPACE} if context.green_namespace(namespace) != namespace else set())
    volumes = _with_claims(manifest, spec)
    found = sorted({(name, field) for name, field in _named(spec, volumes) if field in others})
    if not found:
        return ""
    name, field = found[0]
    return (
        f"finds its data by {name}, made of {field}, which is another one on green: it would begin with nothing beside its "
        "copied data; give the variable blue's value by a transform, or rename the folder before it starts"
    )


def _with_claims(manifest: Manifest, spec: Manifest) -> set[str]:
    """Return the names of a pod's volumes that keep data."""
    kept = {volume["name"] for volume in spec.get("volumes") or [] if volume.get("persistentVolumeClaim")}
    return kept | {str(get(claim, "metadata", "name")) for claim in get(manifest, "spec", "volumeClaimTemplates") or []}


def _named(spec: Manifest, volumes: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what is named by variables, in words, with each field of the pod in it."""
    for container in containers(spec):
        variables = {item["name"]: item for item in container.get("env") or []}
        kept = [mount for mount in container.get("volumeMounts") or [] if mount["name"] in volumes]
        for folder in (mount["subPathExpr"] for mount in kept if mount.get("subPathExpr")):
            yield from ((f"folder {folder} of a volume", field) for field in _fields(folder, variables))
        for name in _NODE_NAMES if kept else ():
            yield from ((f"the name in {name}", field) for field in _fields(f"$({name})", variables))


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
