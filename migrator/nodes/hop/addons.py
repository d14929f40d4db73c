"""Add-ons that a cluster has replaced or done without: kubeadm is told to leave them (kubernetes#129415)."""

from __future__ import annotations

import json

from migrator.model.kubeadm import SKIPS_SINCE, missing_addons
from migrator.model.manifest import get
from migrator.model.yaml_text import mapping
from migrator.nodes.control_plane import kubectl
from migrator.nodes.paths import ADMIN_CONF
from migrator.ports import Host

_READ = (
    "-n kube-system get deployment/coredns daemonset/kube-proxy configmap/kube-proxy configmap/kubeadm-config "
    "--ignore-not-found -o json"
)
DNS_CHECKS = ("CoreDNSUnsupportedPlugins", "CoreDNSMigration")
"""kubeadm's checks of a CoreDNS that it is to upgrade; they are of no use for one that it leaves."""


def addon_flags(host: Host, version: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the arguments for `kubeadm upgrade`, and its checks that do not count with them.

    The cluster is asked on the host, right before kubeadm runs; a worker brings no add-ons. Raises CommandFailedError when the
    cluster does not answer.
    """
    if int(version.split(".")[1]) < SKIPS_SINCE or not host.ok(f"test -e {ADMIN_CONF}"):
        return [], ()
    found = json.loads(kubectl(host, _READ) or "{}")
    items = found.get("items", [found] if found else [])
    text = next((get(item, "data", "ClusterConfiguration") for item in items if item["metadata"]["name"] == "kubeadm-config"), "")
    missing = missing_addons(mapping(text or ""), items)
    phases = ",".join(f"addon/{name}" for name in sorted(missing))
    return [f"--skip-phases={phases}"] if phases else [], DNS_CHECKS if "coredns" in missing else ()
