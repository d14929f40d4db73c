"""What kubeadm makes of a cluster: its static pods and its add-ons; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrator.model.manifest import Manifest, get

SECTIONS = {"apiServer": "kube-apiserver", "controllerManager": "kube-controller-manager", "scheduler": "kube-scheduler"}
"""Sections of a ClusterConfiguration and their programs."""
CONTROL_PLANE = tuple(SECTIONS.values())
STATIC_PODS = (*CONTROL_PLANE, "etcd")
"""What kubeadm runs as static pods; the manifest of each has its name."""
PORT_SHARING = "permit-port-sharing"
"""A flag of the API server: a second one may listen on its port, so that requests are answered while one is replaced."""
SKIPS_SINCE = 32
"""First minor whose `kubeadm upgrade` has a phase for each add-on, and installs what is not there (kubernetes#129415)."""


def sharing_port(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ClusterConfiguration whose API servers share their port, unless it says itself whether they do.

    What is of another form is left as it is, for kubeadm to say so.
    """
    server = config.get("apiServer") or {}
    arguments = get(dict(config), "apiServer", "extraArgs") or []
    if isinstance(server, Mapping) and isinstance(arguments, Mapping):  # v1beta3
        return {**config, "apiServer": {**server, "extraArgs": {PORT_SHARING: "true", **arguments}}}
    if not isinstance(server, Mapping) or not isinstance(arguments, list):
        return dict(config)
    if any(isinstance(item, Mapping) and item.get("name") == PORT_SHARING for item in arguments):
        return dict(config)
    return {**config, "apiServer": {**server, "extraArgs": [*arguments, {"name": PORT_SHARING, "value": "true"}]}}


def extra_args(config: Mapping[str, Any], *section: str) -> list[tuple[str, str]]:
    """Return names and values of a section's extraArgs, which v1beta3 has as a mapping and v1beta4 as a list."""
    given = get(dict(config), *section, "extraArgs") or []
    pairs = given.items() if isinstance(given, Mapping) else ((item.get("name"), item.get("value")) for item in given)
    return [(str(name), str(value)) for name, value in pairs]


def files_of_static_pods(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of hosts that a ClusterConfiguration gives to static pods and that must be there before."""
    found = []
    for section in SECTIONS:
        volumes = get(dict(config), section, "extraVolumes")
        for volume in volumes if isinstance(volumes, list) else []:
            path = str(get(volume, "hostPath") or "")
            if path.startswith("/") and not str(get(volume, "pathType") or "").endswith("OrCreate"):
                found.append(path)
    return tuple(dict.fromkeys(found))


def missing_addons(config: Mapping[str, Any], items: Iterable[Manifest]) -> frozenset[str]:
    """Return the add-ons that are turned off, not there, or not those of kubeadm, of objects of kube-system."""
    there = {(item["kind"], item["metadata"]["name"]): item for item in items}
    missing = {name for name, key in (("kube-proxy", "proxy"), ("coredns", "dns")) if get(dict(config), key, "disabled")}
    if _runs_nowhere(there.get(("DaemonSet", "kube-proxy"))):
        missing.add("kube-proxy")
    dns = there.get(("Deployment", "coredns"))
    if dns is None or not _is_kubeadms(dns, config):
        missing.add("coredns")
    return frozenset(missing)


def _runs_nowhere(daemon: Manifest | None) -> bool:
    """Return whether a kube-proxy is not there, or is kept from all nodes by a selector, as Calico's guide to eBPF does it.

    Its ConfigMap alone, which people forget, makes kubeadm bring it back (kubespray#11227, cilium#14847).
    """
    if daemon is None:
        return True
    status = daemon.get("status") or {}
    selector = get(daemon, "spec", "template", "spec", "nodeSelector") or {}
    return bool(selector) and status.get("desiredNumberScheduled") == 0 and status.get("observedGeneration") is not None


def _is_kubeadms(deployment: Manifest, config: Mapping[str, Any]) -> bool:
    """Return whether the image of a CoreDNS comes from where kubeadm takes it."""
    containers = get(deployment, "spec", "template", "spec", "containers") or [{}]
    image = str(containers[0].get("image", "")).partition("@")[0]
    own = get(dict(config), "dns", "imageRepository") or config.get("imageRepository")
    usual = {"registry.k8s.io/coredns/coredns", "k8s.gcr.io/coredns/coredns", "k8s.gcr.io/coredns"}
    return image.rpartition(":")[0] in usual | ({f"{own}/coredns"} if own else set())
