"""What runs on nodes for the cluster itself, and is not well before an upgrade: a run waits for it, and would stop half way."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import get
from migrator.model.pods import MIRROR, pod_name
from migrator.model.verdict import CheckName, Finding
from migrator.readiness.kinds import readiness
from migrator.upgrade.checks.finding import fail

_STOPS = "a run waits for it once the control plane is new, and stops there"


def daemon_sets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find DaemonSets of kube-system whose pods are not all available, whoever has put them there."""
    for daemon in facts.cluster.daemon_sets if facts.hops else ():
        metadata, status = daemon["metadata"], daemon.get("status") or {}
        wanted, there = (int(status.get(key) or 0) for key in ("desiredNumberScheduled", "numberAvailable"))
        if metadata.get("namespace") == "kube-system" and there < wanted:
            hint = f"see `kubectl -n kube-system describe daemonset {metadata['name']}`; mend it, or remove it if nobody needs it"
            name = f"DaemonSet/kube-system/{metadata['name']}"
            yield fail(CheckName.NODES, name, f"{there} of {wanted} pods are available: {_STOPS}", hint)


def static_pods(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find static pods that are not Ready."""
    for pod in facts.cluster.pods if facts.hops else ():
        state = readiness({**pod, "apiVersion": "v1", "kind": "Pod"})
        is_static = MIRROR in (get(pod, "metadata", "annotations") or {})
        if is_static and get(pod, "metadata", "namespace") == "kube-system" and not (state.done and state.ok):
            hint = f"`crictl logs` of its container on {get(pod, 'spec', 'nodeName')}"
            yield fail(CheckName.NODES, pod_name(pod), f"is not well: {state.message}; {_STOPS}", hint)
