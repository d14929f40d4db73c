"""Nodes that pods ask for by name or label: what no node of green has, they wait for there, and no event may tell.

Met by migtools/mig-controller#177 and #946 (labels of the old cluster), rancher/rancher#27831 (a name: no scheduler looks at it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrator.model.manifest import POD_TEMPLATES, Manifest, get, pod_spec
from migrator.model.pods import admits
from migrator.model.ref import ObjectRef

Nodes = Mapping[str, Mapping[str, str]]
"""Names of nodes to their labels."""
# One that selects no node has no pods, and that is often meant.
_FOR_NODES = "DaemonSet.apps"
_NAME = "the name "
_TERMS = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")


def asked_in_vain(manifest: Manifest, type_name: str, nodes: Nodes) -> str:
    """Return what a workload's pods ask for and no node has, after the word `has`; empty where one has it, or no node is known."""
    spec = pod_spec(manifest) if type_name in POD_TEMPLATES and type_name != _FOR_NODES else None
    if not spec or not nodes or get(manifest, "spec", "replicas") == 0:
        return ""
    if spec.get("nodeName"):
        return "" if spec["nodeName"] in nodes else f"{_NAME}{spec['nodeName']}"
    wanted: dict[str, str] = spec.get("nodeSelector") or {}
    fitting = {name: labels for name, labels in nodes.items() if wanted.items() <= labels.items()}
    if not fitting:
        alone = [pair for pair in wanted.items() if not any(pair in labels.items() for labels in nodes.values())]
        return _labels(alone or list(wanted.items()))
    terms: list[Any] = get(spec, *_TERMS) or []
    if not terms or any(admits(term, _node(name, labels)) for term in terms for name, labels in fitting.items()):
        return ""
    return f"what its node affinity demands ({'; or '.join(filter(None, map(_demands, terms)))})"


def warnings(asked: Iterable[tuple[ObjectRef, str]]) -> list[str]:
    """Return a warning for each thing that workloads ask green's nodes for in vain."""
    by_what: dict[str, list[ObjectRef]] = {}
    for ref, what in asked:
        if what:
            by_what.setdefault(what, []).append(ref)
    return [
        f"no node of green has {what}, which {_who(refs)}: the pods would wait there; change it by a transform"
        + ("" if what.startswith(_NAME) else ", or label green's nodes (`kubectl label node`)")
        for what, refs in sorted(by_what.items())
    ]


def _who(refs: list[ObjectRef]) -> str:
    """Return who asks."""
    return f"{refs[0]} asks for" if len(refs) == 1 else f"{refs[0]} and {len(refs) - 1} more ask for"


def _labels(pairs: list[tuple[str, str]]) -> str:
    return ("the label " if len(pairs) == 1 else "all of the labels ") + ", ".join(f"{key}={value}" for key, value in pairs)


def _node(name: str, labels: Mapping[str, str]) -> Manifest:
    return {"metadata": {"name": name, "labels": dict(labels)}}


def _demands(term: Mapping[str, Any]) -> str:
    """Return the requirements of a NodeSelectorTerm (core/v1) in words."""
    listed = [*(term.get("matchExpressions") or []), *(term.get("matchFields") or [])]
    return ", ".join(" ".join((item["key"], item["operator"], *(item.get("values") or []))) for item in listed)
