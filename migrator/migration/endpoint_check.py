"""Compare the endpoints of each Service with blue's, port by port, and the address that a load balancer has given it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from migrator.cluster.endpoints import ready_by_port
from migrator.errors import ApiError
from migrator.migration.one_side import look as one_side
from migrator.model.kinds import PODS
from migrator.model.manifest import Manifest, get
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.verdict import Finding, Severity
from migrator.ports import Clock, ClusterReader
from migrator.rules.one_side.recognise import held_labels
from migrator.rules.one_side.scalers import MARK, may_scale_to_zero, target_of
from migrator.rules.one_side.table import WORKLOADS

_POLL = 1.0


@dataclass(slots=True, frozen=True)
class Sides:
    """What Services are compared by."""

    blue: ClusterReader
    green: ClusterReader
    clock: Clock
    plan: Plan
    held: one_side.HeldPods


def endpoint_findings(item: PlanItem, sides: Sides, *, deadline: float) -> Iterator[Finding]:
    """Yield a failure for a Service a port of which has ready endpoints on blue and none on green."""
    spec = get(orjson.loads(item.body), "spec") or {}
    if item.blue.type_name != "Service" or spec.get("type") == "ExternalName":
        return
    held = _finding(item, Severity.OK, "its pods are held until the cutover")
    if sides.held.behind(item):
        yield held
        return
    try:
        had, have = ready_by_port(sides.blue, item.blue), ready_by_port(sides.green, item.green)
        if _lacking(had, have) and _leads_to_held(item, spec.get("selector"), sides):
            yield held
            return
        while (lacking := _lacking(had, have)) and not (sleeps := _sleeps(item, sides)) and sides.clock.monotonic() < deadline:
            sides.clock.sleep(_POLL)
            have = ready_by_port(sides.green, item.green)
        if spec.get("type") == "LoadBalancer":
            yield from _address(item, sides)
    except ApiError as error:
        yield _finding(item, Severity.UNKNOWN, error.message, "grant reading EndpointSlices")
        return
    most, least = max(had.values()), max(have.values())
    if lacking:
        where = "" if not least else f" for port {', '.join(lacking)}"
        reason = f"no ready endpoint{where}; blue has {most}"
        if sleeps:
            yield _finding(item, Severity.WARNING, f"{reason} (its workloads are scaled to 0 on green, as without traffic)")
        else:
            yield _finding(item, Severity.FAILURE, reason, "see why its pods are not ready")
    elif least < most:
        yield _finding(item, Severity.WARNING, f"{least} ready endpoints; blue has {most}")


def _lacking(had: dict[str, int], have: dict[str, int]) -> list[str]:
    """Return the ports that somebody serves on blue and nobody on green; without a name where blue's lead to none."""
    return sorted(port for port, count in had.items() if count and not (have.get(port) if port else any(have.values())))


def _leads_to_held(item: PlanItem, selector: dict[str, str] | None, sides: Sides) -> bool:
    """Return whether all pods behind blue's Service are of workloads that are held.

    Its selector may ask for a label that no template has: a leader gets one while it runs (`vault-active`, `role: master`), and
    each pod of a StatefulSet one with its own name.
    """
    wanted = ",".join(f"{key}={value}" for key, value in (selector or {}).items())
    try:
        pods = list(sides.blue.list(PODS, item.blue.namespace, wanted)) if wanted else []
    except ApiError:
        return False
    labels = [get(pod, "metadata", "labels") or {} for pod in pods]
    return bool(labels) and all(sides.held.have_made(item.green.namespace, each) for each in labels)


def _address(item: PlanItem, sides: Sides) -> Iterator[Finding]:
    """Yield a warning where a load balancer has given blue's Service an address, and green's has none."""
    if item.resource is None:
        return
    blue = _ingress(sides.blue.get(item.resource, item.blue.namespace, item.blue.name))
    if blue and not _ingress(sides.green.get(item.resource, item.green.namespace, item.green.name)):
        told = blue[0].get("ip") or blue[0].get("hostname")
        yield _finding(
            item, Severity.WARNING, f"has no address of a load balancer on green; blue's has {told}", "see what gives it one"
        )


def _ingress(service: Manifest) -> list[Manifest]:
    return get(service, "status", "loadBalancer", "ingress") or []


def _sleeps(service: PlanItem, sides: Sides) -> bool:
    """Return whether what scales all workloads behind a Service has taken their pods on green, where there is no traffic yet."""
    selector = get(orjson.loads(service.body), "spec", "selector") or {}
    moved = [item for item in sides.plan.of(Decision.MOVE) if selector and item.green.namespace == service.green.namespace]
    scalers = (orjson.loads(item.body) for item in moved if MARK in item.body)
    scaled = {target_of(manifest) for manifest in scalers if may_scale_to_zero(manifest)}
    behind = [
        item
        for item in moved
        if scaled and item.green.type_name in WORKLOADS and selector.items() <= held_labels(orjson.loads(item.body)).items()
    ]
    return bool(behind) and all(item.green in scaled and _replicas(item, sides.green) == 0 for item in behind)


def _replicas(item: PlanItem, green: ClusterReader) -> object:
    resource = item.resource
    return get(green.get(resource, item.green.namespace, item.green.name), "spec", "replicas") if resource else None


def _finding(item: PlanItem, severity: Severity, reason: str, hint: str = "") -> Finding:
    return Finding("endpoints", str(item.green), severity, reason, hint)
