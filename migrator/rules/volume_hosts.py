"""On which hosts the folder of a volume may lie: what its affinity allows, and where the pods that use it run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migrator.model.manifest import Manifest, get
from migrator.model.pods import admits
from migrator.rules.adoption import HOSTNAME


def hosts_of(
    volume: Manifest, pods: Iterable[Manifest], names: Mapping[str, str], labels: Mapping[str, Mapping[str, str]]
) -> set[str]:
    """Return the nodes; `names` are those of nodes by their host's name, `labels` those by their own.

    Where an affinity leaves a choice, as that to a zone or to a shared mount does, the pods tell in which folder the data is.
    """
    terms = get(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms") or []
    allowed = _named(terms, names) or {
        name
        for name, own in labels.items()
        if any(admits(term, {"metadata": {"name": name, "labels": dict(own)}}) for term in terms)
    }
    if len(allowed) == 1 or (terms and not allowed):
        return allowed
    used = {str(node) for pod in pods if (node := get(pod, "spec", "nodeName"))}
    return (used & allowed or allowed) if allowed else used


def _named(terms: Iterable[Manifest], names: Mapping[str, str]) -> set[str]:
    """Return the nodes that an affinity names, also those that are gone, and those with another host's name than their own.

    Provisioners have written a node's name as its host's (rancher/local-path-provisioner#414).
    """
    found: set[str] = set()
    for term in terms:
        for part, known in (("matchExpressions", names), ("matchFields", {})):
            for item in term.get(part) or []:
                if item.get("operator") == "In" and item.get("key") in (HOSTNAME, "metadata.name"):
                    found |= {known.get(value, value) for value in item.get("values") or []}
    return found
