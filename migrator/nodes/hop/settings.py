"""A node's settings before and after a hop, so that what kubeadm has overwritten is seen (kubeadm#3049, kubernetes#84634)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from migrator.model.difference import MISSING, FieldDifference, all_differences
from migrator.model.kubeadm import STATIC_PODS
from migrator.model.strange import STRANGE
from migrator.model.yaml_text import mapping
from migrator.nodes.hop.etcd import READ_ADDONS, SNAPSHOTS
from migrator.nodes.paths import MANIFESTS
from migrator.ports import Host
from migrator.untrusted import HIDDEN, without_credentials

_KUBELET = "var/lib/kubelet/config.yaml"
Settings = dict[str, Any]
"""`kubelet` and each static pod to its settings, images left out."""


def settings_now(host: Host, *, addons: bool) -> Settings:
    """Return a node's settings as they are; with `addons` those of CoreDNS and kube-proxy, too."""
    found = _parsed({path: mapping(host.run(f"cat /{path} 2>/dev/null; true")) for path in _paths()})
    return found | (_addons(host.run(f"{READ_ADDONS} 2>/dev/null; true")) if addons else {})


def settings_before(host: Host, hop: str) -> Settings:
    """Return a node's settings as they were saved before a hop."""
    archive = f"{SNAPSHOTS}/{hop}/settings.tar.gz"
    found = _parsed({path: mapping(host.run(f"tar -xzOf {archive} {path} 2>/dev/null; true")) for path in _paths()})
    return found | _addons(host.run(f"cat {SNAPSHOTS}/{hop}/addons.json 2>/dev/null; true"))


def changed_settings(before: Settings, after: Settings) -> list[FieldDifference]:
    """Return what is not as before; without values of the environment, and without credentials in addresses.

    They are recorded, and proxies have passwords.
    """
    return [
        FieldDifference(item.path, _shown(item.path, item.live), _shown(item.path, item.wanted))
        for item in all_differences(before, after)
    ]


def _shown(path: str, value: Any) -> Any:
    if value is MISSING:
        return value
    if ".env." in path:
        return HIDDEN
    return without_credentials(value) if isinstance(value, str) else value


def _addons(text: str) -> Settings:
    """Return what people change of CoreDNS and kube-proxy (kubeadm#3033, kubernetes#96833): size, Corefile, configuration."""
    items = {(item["kind"], item["metadata"]["name"]): item for item in (json.loads(text) if text.strip() else {}).get("items", ())}
    found: Settings = {}
    if deployment := items.get(("Deployment", "coredns")):
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        corefile = (items.get(("ConfigMap", "coredns")) or {}).get("data", {}).get("Corefile", "").splitlines()
        resources = container.get("resources") or {}
        found["coredns"] = {"replicas": deployment["spec"].get("replicas"), "resources": resources, "Corefile": corefile}
    if proxy := items.get(("ConfigMap", "kube-proxy")):
        found["kube-proxy"] = mapping(proxy.get("data", {}).get("config.conf", ""))
    return found


def _paths() -> list[str]:
    return [_KUBELET, *(f"{MANIFESTS.lstrip('/')}/{name}.yaml" for name in STATIC_PODS)]


def _parsed(files: dict[str, Any]) -> Settings:
    found: Settings = {}
    for path, content in files.items():
        if not content:
            continue
        # A static pod that is none is found before a hop; it keeps no settings of others from being compared.
        with suppress(*STRANGE):
            found[path.rpartition("/")[2].removesuffix(".yaml") if "manifests" in path else "kubelet"] = _shape(content)
    return found


def _shape(content: dict[str, Any]) -> dict[str, Any]:
    """Return a kubelet's settings as they are, of a static pod its flags, environment, resources and mounts."""
    if content.get("kind") != "Pod":
        return {key: value for key, value in content.items() if key not in ("apiVersion", "kind")}
    container = content["spec"]["containers"][0]
    flags = dict(word.partition("=")[::2] for word in container.get("command", [])[1:])
    mounts = {item["name"]: item["mountPath"] for item in container.get("volumeMounts") or []}
    environment = {item["name"]: item.get("value", "") for item in container.get("env") or []}
    return {"flags": flags, "env": environment, "resources": container.get("resources") or {}, "mounts": mounts}
