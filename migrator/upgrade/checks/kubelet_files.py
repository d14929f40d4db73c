"""Files beside the kubelet's settings without which it does not start again, does not reach its API server, or starts no pod."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import HostReading, UpgradeFacts
from migrator.model.kubelet_files import localhost_profiles, taken_socket
from migrator.model.pods import decisions, pod_name
from migrator.model.verdict import CheckName, Finding
from migrator.model.words import some
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn

# From this minor on kubeadm does not look at the node's annotation (GetNodeRegistration of cmd/kubeadm/app/util/config/cluster.go).
_NO_ANNOTATION = 37
_NODE_USER = "system:node:"
_INSTANCE = "/var/lib/kubelet/instance-config.yaml"


def credential_providers(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find programs that give passwords of registries and are gone: the kubelet ends at once (KEP-2133)."""
    for host in _asked(facts):
        found = host.files.providers
        if not found.config:
            continue
        if not found.readable:
            reason = f"{printable(found.config)} holds no CredentialProviderConfig: its kubelet would not start again"
            yield fail(
                CheckName.KUBELET, host.name, reason, "put it back, or take --image-credential-provider-config from the kubelet"
            )
        elif found.missing:
            names = printable(some(found.missing))
            reason = f"has no program {names} in {printable(found.programs)}, which {printable(found.config)} names"
            hint = "install it again; a kubelet that starts without one of them ends at once"
            yield fail(CheckName.KUBELET, host.name, reason, hint)


def runtime_sockets(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts whose kubelet kubeadm would give another runtime: it takes one by the sockets that it finds."""
    target = facts.hops[-1].target if facts.hops else None
    for host in _asked(facts) if target and target.minor >= _NO_ANNOTATION else ():
        flag = host.flags.get("--container-runtime-endpoint", "")
        runs_on = _socket(flag or str(host.in_force.get("containerRuntimeEndpoint") or ""))
        if host.files.sockets is None or not runs_on:
            continue
        taken = taken_socket(host.files.sockets)
        if _socket(taken) != runs_on:
            reason = (
                f"its kubelet uses {printable(runs_on)}, and kubeadm of {target} would give it {taken}: "
                f"there is no {_INSTANCE}, and it chooses by the sockets that are there ({some(host.files.sockets) or 'none'})"
            )
            text = (
                "apiVersion: kubelet.config.k8s.io/v1beta1\\nkind: KubeletConfiguration\\n"
                f"containerRuntimeEndpoint: unix://{printable(runs_on)}\\n"
            )
            yield fail(CheckName.RUNTIME, host.name, reason, f"`printf '{text}' > {_INSTANCE}` there")


def trusted_authorities(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find kubelets that do not trust who signs the API server's next certificate: a change of authorities was left half done."""
    signing = {host.files.authority for host in _asked(facts)} - {""}
    for host in _asked(facts):
        if signing and host.files.trusts and not signing <= host.files.trusts:
            reason = "its kubelet.conf does not trust the authority with which an upgrade signs the API server's certificate anew"
            hint = "its certificate-authority-data must hold the ca.crt of the control planes; then restart its kubelet"
            yield fail(CheckName.CERTIFICATES, host.name, f"{reason}: the node would be lost", hint)


def users(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find a kubelet.conf of somebody else, such as a copied admin.conf: kubeadm takes the node's name from it (kubeadm#2970)."""
    for host in _asked(facts):
        user = host.files.user
        if user and user.removeprefix(_NODE_USER) != host.name:
            reason = f"its kubelet.conf logs in as {printable(user)}, and kubeadm would look for a node of that name"
            hint = (
                f"`kubeadm kubeconfig user --org system:nodes --client-name {_NODE_USER}{host.name}` on a control plane makes one"
            )
            yield fail(CheckName.NODES, host.name, reason, f"{hint}; then restart its kubelet")


def profiles_of_pods(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find pods whose seccomp or AppArmor profile other nodes lack: they do not start there, and do not come back by themselves.

    The scheduler knows nothing of profiles (kubernetes#124944).
    """
    there = {host.name: host.files.profiles for host in _asked(facts) if host.files.profiles is not None}
    drained = set(facts.to_drain)
    for item in decisions(facts.cluster.pods, facts.drain):
        own = (item.pod.get("spec") or {}).get("nodeName")
        wanted = dict.fromkeys(localhost_profiles(item.pod))
        if item.stays or not wanted or own not in drained:
            continue
        lacking = {name: [one for one in wanted if one not in profiles] for name, profiles in there.items() if name != own}
        without = sorted(name for name, missing in lacking.items() if missing)
        if without:
            profile = printable(next(one for name in without for one in lacking[name]))
            reason = (
                f"needs the profile {profile} of its node, which {some(without)} lack: drained to one of them it does not start"
            )
            found = fail if len(without) == len(lacking) else warn
            yield found(
                CheckName.SCHEDULING, pod_name(item.pod), reason, "bring the profile to these nodes, or keep the pod from them"
            )


def _socket(endpoint: str) -> str:
    """Return the path of a socket; /var/run is /run."""
    path = endpoint.removeprefix("unix://")
    return f"/run/{path.removeprefix('/var/run/')}" if path.startswith("/var/run/") else path


def _asked(facts: UpgradeFacts) -> Iterator[HostReading]:
    return (host for host in facts.hosts if not host.error)
