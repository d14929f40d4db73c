"""What a pod asks of its node, counted as the scheduler does (k8s.io/component-helpers/resource: PodRequests)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrator.model.manifest import Manifest, get
from migrator.model.quantity import amount

Amounts = dict[str, float]
"""Resource to cores, bytes or pieces."""
# Resources that a pod can ask for as a whole (KEP-2837); the start of their names.
_OF_A_POD = ("cpu", "memory", "hugepages-")


def requests(pod: Manifest) -> Amounts:
    """Return what a pod asks for, and the one place that it takes.

    A sidecar (an init container that is restarted, KEP-753) runs beside the containers, and beside the init containers after it;
    what is asked for the pod as a whole wins over the sum of its containers; while a resize is under way (KEP-1287) the larger
    of what was and what will be counts; the overhead of its RuntimeClass comes on top.
    """
    spec, seen = pod["spec"], _statuses(pod)
    asked = total([_of_container(item, seen, pod) for item in spec.get("containers") or []])
    sidecars: Amounts = {}
    largest: Amounts = {}
    for item in spec.get("initContainers") or []:
        own = _of_container(item, seen, pod)
        if item.get("restartPolicy") == "Always":
            asked, sidecars = total([asked, own]), total([sidecars, own])
            largest = _larger(largest, sidecars)
        else:
            largest = _larger(largest, total([own, sidecars]))
    whole = {name: value for name, value in _of_pod(pod).items() if name.startswith(_OF_A_POD)}
    return {**total([{**_larger(asked, largest), **whole}, amounts(spec.get("overhead"))]), "pods": 1}


def amounts(texts: Mapping[str, Any] | None) -> Amounts:
    """Return quantities as numbers."""
    return {name: amount(value) for name, value in (texts or {}).items()}


def total(parts: Iterable[Amounts]) -> Amounts:
    """Return the sum of each resource."""
    out: Amounts = {}
    for part in parts:
        for name, wanted in part.items():
            out[name] = out.get(name, 0) + wanted
    return out


def _larger(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}


def _statuses(pod: Manifest) -> dict[str, Manifest]:
    status = pod.get("status") or {}
    listed = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    return {str(item.get("name")): item for item in listed}


def _of_container(container: Manifest, seen: Mapping[str, Manifest], pod: Manifest) -> Amounts:
    return _with_resize(get(container, "resources", "requests"), seen.get(str(container.get("name"))) or {}, pod)


def _of_pod(pod: Manifest) -> Amounts:
    wanted = get(pod, "spec", "resources", "requests")
    return _with_resize(wanted, pod.get("status") or {}, pod) if wanted else {}


def _with_resize(wanted: Mapping[str, Any] | None, status: Manifest, pod: Manifest) -> Amounts:
    has = _larger(amounts(get(status, "resources", "requests")), amounts(status.get("allocatedResources")))
    if not has:
        return amounts(wanted)
    return has if _is_infeasible(pod) else _larger(amounts(wanted), has)


def _is_infeasible(pod: Manifest) -> bool:
    """Return whether the node has refused a resize, so that what is asked for will never be given."""
    conditions = get(pod, "status", "conditions") or []
    return any(item.get("type") == "PodResizePending" and item.get("reason") == "Infeasible" for item in conditions)
