"""What lies on a host's disk and decides whether the next kubelet, or the next static pod, starts."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import HostReading, UpgradeFacts
from migrator.model.kubeadm import STATIC_PODS
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from migrator.model.verdict import CheckName, Finding
from migrator.model.words import some
from migrator.rules.references import references
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn

# What a kubelet does where nothing is set (kubelet.config.k8s.io/v1beta1).
_NONE = {"cpuManagerPolicy": "none", "memoryManagerPolicy": "None"}


# From this minor on a kubelet runs no static pod that refers to objects of the API (PreventStaticPodAPIReferences).
_NO_REFERENCES = 34
_REFUSED_KINDS = frozenset({"ConfigMap", "PersistentVolumeClaim", "ResourceClaim", "Secret"})


def manifests_folder(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find files beside the static pods: the kubelet runs each of them, and two of one name take turns.

    It reads every file of the folder that does not begin with a dot (pkg/kubelet/config/file.go), backups of editors included.
    """
    for host in (item for item in facts.hosts if not item.error):
        seen = {_pod(manifest): f"{name}.yaml" for name, manifest in host.manifests.items() if _pod(manifest)}
        for file, manifest in host.other_files.items():
            pod = _pod(manifest)
            twin = f"a second {pod[1]} beside {seen[pod]}" if pod and pod in seen else ""
            if twin or not file.endswith((".json", ".yml")) or not pod:
                what = twin or "it is not a static pod"
                reason = f"{file} lies in the folder of its static pods, where the kubelet runs every file: {what}"
                yield fail(CheckName.MANIFESTS, host.name, reason, f"mv /etc/kubernetes/manifests/{file} /root/")
        yield from _twins(host)
        foreign = [name for name, manifest in host.manifests.items() if name not in STATIC_PODS and _pod(manifest)]
        if foreign:
            reason = f"runs static pods that no upgrade knows of: {some(foreign)}"
            yield warn(
                CheckName.MANIFESTS, host.name, reason, "see that their images run beside the new version, and upgrade them by hand"
            )


def references_of_static_pods(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find static pods that the next kubelet does not run, as they refer to objects of the API (kubernetes#103587)."""
    if not facts.hops or not facts.cluster.version.minor < _NO_REFERENCES <= facts.hops[-1].target.minor:
        return
    for host in (item for item in facts.hosts if not item.error):
        for name, manifest in host.manifests.items():
            asked = _asks_for(manifest)
            if asked:
                reason = (
                    f"its static pod {name} refers to a {asked}, and kubelets of 1.{_NO_REFERENCES} and later do not run such pods"
                )
                hint = "give it files of the host in their place (hostPath), or make it a DaemonSet"
                yield fail(CheckName.MANIFESTS, host.name, reason, hint)


def uncompared(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find control planes whose static pods kubeadm could not compare with its own: edits of them would be lost unseen."""
    for host in facts.hosts:
        if not host.error and not host.compared:
            reason = "`kubeadm upgrade diff` does not tell which lines of its static pods were edited: they would be lost unseen"
            yield warn(CheckName.MANIFESTS, host.name, reason, "run it there by hand; keep your edits in --patches")


def resource_managers(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find state files of another policy than the next kubelet's: it refuses to start with them (kubelet checkpoints).

    `kubeadm upgrade node` writes the cluster's settings over those that a node has for itself, patches last.
    """
    for host in (item for item in facts.hosts if not item.error):
        after = facts.settings_after(host)
        for file in host.unreadable_state:
            reason = f"{file} is empty or broken, as after a power cut: its kubelet would not start again (kubernetes#135711)"
            yield fail(CheckName.KUBELET, host.name, reason, f"drain the node, `rm {file}`, restart the kubelet")
        if after is not None and after.get("cpuManagerPolicy") == "static" and host.cpus[0]:
            written, online = map(_cpus, host.cpus)
            if online and written != online:
                reason = (
                    f"its CPU manager's state has CPUs {host.cpus[0]}, and {host.cpus[1]} are online: its kubelet would not start"
                )
                hint = "drain the node, `rm /var/lib/kubelet/cpu_manager_state`, restart the kubelet (kubernetes#110478)"
                yield fail(CheckName.KUBELET, host.name, reason, hint)
        for setting, written_under in host.state.items():
            policy = str(after.get(setting) or _NONE[setting]) if after is not None else written_under
            if policy.lower() != written_under.lower():
                file = f"/var/lib/kubelet/{setting.removesuffix('ManagerPolicy')}_manager_state"
                yield fail(
                    CheckName.KUBELET,
                    host.name,
                    f"{file} is of {setting} {written_under}, and after the upgrade that is {policy}: its kubelet would not start",
                    f"keep {setting}: {written_under} in a patch (--patches), or drain the node and remove the file first",
                )


def network_plugins(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts without a plugin that their pod network calls: pods run on, and none starts (flannel#1721, kubernetes#115629)."""
    for host in (item for item in facts.hosts if not item.error):
        if host.no_plugins:
            reason = (
                f"has no CNI plugin {printable(some(dict.fromkeys(host.no_plugins)))}, which its pod network calls: no pod starts"
            )
            hint = "restart the pod network's pod on that node, which brings its own; others are of package cni-plugins"
            yield fail(CheckName.NODES, host.name, reason, hint)


def _cpus(text: str) -> frozenset[int]:
    """Return the CPUs of a list of numbers and ranges (cpuset(7), "List format")."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _asks_for(manifest: Manifest) -> str:
    """Return a kind of objects that a static pod refers to, as far as its kubelet refuses that, empty where there is none."""
    pod = _pod(manifest)
    if pod is None:
        return ""
    found = {
        item.ref.kind for item in references({**manifest, "apiVersion": "v1"}, ObjectRef("", "Pod", *pod), {})
    } & _REFUSED_KINDS
    return "ServiceAccount" if get(manifest, "spec", "serviceAccountName") else min(found, default="")


def _pod(manifest: Manifest) -> tuple[str, str] | None:
    name = get(manifest, "metadata", "name")
    return (str(get(manifest, "metadata", "namespace") or "default"), str(name)) if manifest.get("kind") == "Pod" and name else None


def _twins(host: HostReading) -> Iterator[Finding]:
    seen: dict[tuple[str, str], str] = {}
    for file, manifest in host.manifests.items():
        pod = _pod(manifest)
        if pod and pod in seen:
            reason = f"{file}.yaml and {seen[pod]}.yaml are both {pod[1]}: the kubelet runs one of them, then the other"
            yield fail(
                CheckName.MANIFESTS, host.name, reason, f"mv /etc/kubernetes/manifests/{file}.yaml /root/, if that is the old one"
            )
        elif pod:
            seen[pod] = file
