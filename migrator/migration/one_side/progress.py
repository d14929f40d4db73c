"""Whether an object has really stopped, and whether it works; asked until it is so, for a limited time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from migrator.migration.bounded import each, reason
from migrator.migration.one_side.act import read
from migrator.model.kinds import LEASES, PODS
from migrator.model.manifest import Manifest, get, is_custom
from migrator.model.one_side import Part, Where
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, Clock
from migrator.readiness.kinds import readiness
from migrator.rules.field_owners import seconds as seconds_of
from migrator.rules.one_side.databases import MADE_PODS
from migrator.rules.one_side.table import WORKLOADS
from migrator.rules.one_side.waker import last_writer

# Seconds between looks: short while a pause has just begun, since each is a part of it.
_FIRST_POLL, _POLL = 0.1, 1.0
# Seconds after which a lease that nobody renews counts as released, whatever duration it asks for.
_LONGEST_LEASE = 60.0


def await_all(
    parts: Iterable[Part], look: Callable[[Part], str], *, limit: float, clock: Clock, seconds: float
) -> dict[ObjectRef, str]:
    """Return why objects are not where they should be once `limit` seconds are over, by their names on blue."""
    by_ref = {part.blue: part for part in parts}
    left: dict[ObjectRef, str] = dict.fromkeys(by_ref, "")
    ends, pause = clock.monotonic() + limit, _FIRST_POLL
    while True:
        answers = each(left, lambda ref: look(by_ref[ref]), seconds=seconds, clock=clock)
        left = {ref: why for ref, why in answers.done.items() if why} | {ref: reason(why) for ref, why in answers.failed.items()}
        if not left or clock.monotonic() >= ends:
            return left
        clock.sleep(pause)
        pause = min(_POLL, 1.5 * pause)


def still_runs(cluster: Blue, part: Part, where: Where) -> str:
    """Return what of an object that was told to stop still runs, or an empty string."""
    manifest = read(cluster, part, where)
    if manifest is None:
        return ""
    if not part.is_held(manifest):
        return f"{last_writer(manifest, part) or 'somebody'} has started it again"
    if part.resource.type_name in WORKLOADS:
        return _pods_left(cluster, part.ref(where).namespace, selector_of(manifest)) or _lease_left(cluster, part, where)
    if part.resource.type_name in MADE_PODS:
        ref = part.ref(where)
        return _pods_left(cluster, ref.namespace, MADE_PODS[part.resource.type_name].format(ref.name))
    return "its controller has not finished with it" if _reconciling(manifest) or _unpaused(manifest) else ""


def not_working(cluster: Blue, part: Part, where: Where) -> str:
    """Return why an object that was started does not work yet, or an empty string; it need not where it did not on blue."""
    manifest = read(cluster, part, where)
    if manifest is None or not part.ready:
        return ""
    if part.is_held(manifest) and any(field.running(where) != field.held for field in part.fields):
        return f"{last_writer(manifest, part) or 'somebody'} has stopped it again"
    if _unseen(manifest):
        return "its controller has not seen yet that it was started"
    state = readiness(manifest)
    return "" if state.done and state.ok else state.message


def _unseen(manifest: Manifest) -> bool:
    """Return whether a custom resource's status is of an earlier generation: what it says is of the time when it was held."""
    generation, seen = get(manifest, "metadata", "generation"), get(manifest, "status", "observedGeneration")
    return is_custom(manifest) and isinstance(generation, int) and isinstance(seen, int) and seen < generation


def _pods_left(cluster: Blue, namespace: str, selector: str) -> str:
    pods = [
        pod["metadata"]["name"]
        for pod in cluster.list(PODS, namespace, selector)
        if get(pod, "status", "phase") not in ("Succeeded", "Failed")
    ]
    if not pods:
        return ""
    more = f" and {len(pods) - 1} more" if len(pods) > 1 else ""
    return f"pod {pods[0]}{more} has not ended"


def _lease_left(cluster: Blue, part: Part, where: Where) -> str:
    """Return which lease a process of the workload still renews: on a node that hangs it runs on when its pod is gone."""
    ref = part.ref(where)
    now = cluster.server_time()
    for lease in cluster.list(LEASES, ref.namespace):
        holder = get(lease, "spec", "holderIdentity") or ""
        if isinstance(holder, str) and holder.startswith(f"{ref.name}-") and _until(lease) > now:
            return f"{holder} still holds lease {lease['metadata']['name']}"
    return ""


def _until(lease: Manifest) -> float:
    duration = get(lease, "spec", "leaseDurationSeconds")
    try:
        return seconds_of(str(get(lease, "spec", "renewTime"))) + min(float(duration or 0), _LONGEST_LEASE)
    except (TypeError, ValueError):
        return 0.0


def _reconciling(manifest: Manifest) -> bool:
    conditions = get(manifest, "status", "conditions")
    items = conditions if isinstance(conditions, list) else []
    return any(get(item, "type") == "Reconciling" and get(item, "status") == "True" for item in items)


def _unpaused(manifest: Manifest) -> bool:
    """Return whether a controller that tells when it has paused (KEDA) does not tell it yet."""
    conditions = get(manifest, "status", "conditions")
    items = conditions if isinstance(conditions, list) else []
    return any(get(item, "type") == "Paused" and get(item, "status") != "True" for item in items)


def selector_of(workload: Manifest) -> str:
    """Return the LabelSelector (meta/v1) of a workload's pods as a request has it.

    A Rollout that takes its pods from another workload (`workloadRef`) has it in its status.
    """
    selector: dict[str, Any] = get(workload, "spec", "selector") or {}
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for item in selector.get("matchExpressions") or []:
        key, values = item["key"], f"({','.join(item.get('values') or [])})"
        texts = {"In": f"{key} in {values}", "NotIn": f"{key} notin {values}", "Exists": key, "DoesNotExist": f"!{key}"}
        parts.append(texts[item["operator"]])
    return ",".join(parts) or str(get(workload, "status", "selector") or "")
