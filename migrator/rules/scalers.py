"""Autoscalers of blue: without traffic they take its pods away, and a rollback brings all of the traffic back at once.

Met by fluxcd/flagger#869 and argoproj/argo-rollouts#3888.
"""

from __future__ import annotations

from migrator.model.manifest import Manifest, get

_HPA = "HorizontalPodAutoscaler.autoscaling"


def asleep(manifest: Manifest, type_name: str) -> str:
    """Return what becomes of a workload that its autoscaler has scaled to 0, as the rest of a sentence; empty: it has not.

    Source: kube-controller-manager since 1.36 (HPAScaleToZero): it starts from 0 only what its status says that it has stopped.
    """
    conditions = get(manifest, "status", "conditions") if type_name == _HPA and get(manifest, "spec", "minReplicas") == 0 else None
    if not any((get(item, "type"), get(item, "status")) == ("ScaledToZero", "True") for item in conditions or []):
        return ""
    target = get(manifest, "spec", "scaleTargetRef", "name")
    return f"has scaled {target} to 0; green's controller does not know that, and starts nothing unless you scale {target} to 1"


def shrinks(manifest: Manifest, type_name: str) -> str:
    """Return what a rollback would meet on blue, as the rest of a sentence that begins with the autoscaler; empty: enough.

    Source: autoscaling/v2 (minReplicas is 1 where it is left out; status.currentReplicas).
    """
    if type_name != _HPA:
        return ""
    now, least = get(manifest, "status", "currentReplicas") or 0, get(manifest, "spec", "minReplicas")
    least = 1 if least is None else least
    if now <= least:
        return ""
    return (
        f"may take blue's pods from {now} down to {least} while green has the traffic, and a rollback would meet those: "
        f"set its minReplicas on blue to {now} until `migrator retire`"
    )
