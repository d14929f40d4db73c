"""What lives inside the cluster: pod network, the migrator's account, a StorageClass. Each object is a resource of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes import _utilities
from pulumi_kubernetes.provider import Provider

from migrator.config.stack import StackConfig, StorageClassConfig, WeaveConfig
from migrator.model.manifest import Manifest

_WEAVE_SECRET = "weave-passwd"  # noqa: S105 - an object's name


def install(
    name: str, stack: StackConfig, kubeconfig: pulumi.Output[str], deploy: Path, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Make all add-ons of a stack and return them; `deploy` is the folder of their manifests."""
    provider = Provider(name, kubeconfig=kubeconfig, opts=opts)
    password = pulumi.Config("migrator").get_secret("weavePassword") if stack.cni == "weave" else None
    child = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(provider=provider, version=_utilities.get_version(), depends_on=[provider])
    )
    made: list[pulumi.Resource] = []
    if password is not None:
        metadata = {"name": _WEAVE_SECRET, "namespace": "kube-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"weave-passwd": password}}
        made.append(_resource(secret, child))
    wanted = manifests(stack, deploy, encrypted=password is not None)
    return [*made, *(_resource(manifest, child) for manifest in wanted)]


def manifests(stack: StackConfig, deploy: Path, *, encrypted: bool = False) -> list[Manifest]:
    """Return the objects that a stack's add-ons consist of."""
    found: list[Manifest] = []
    if stack.cni == "weave":
        found += [_weave(item, stack.weave, stack.pod_subnet, encrypted=encrypted) for item in _read(deploy / "weave-net.yaml")]
    if stack.migrator_role != "none":
        found += _read(deploy / f"rbac-{stack.migrator_role}.yaml")
    if stack.storage_class:
        found.append(_storage_class(stack.storage_class))
    return found


def _read(file: Path) -> list[Manifest]:
    return [dict(item) for item in yaml.safe_load_all(file.read_text())]


def _weave(manifest: Manifest, weave: WeaveConfig, pods: str, *, encrypted: bool) -> Manifest:
    if manifest["kind"] != "DaemonSet":
        return manifest
    spec = manifest["spec"]["template"]["spec"]
    for container in (*spec["initContainers"], *spec["containers"]):
        container["image"] = weave.image(container["image"])
        values = {"IPALLOC_RANGE": pods, "WEAVE_MTU": str(weave.mtu)}
        for variable in container.get("env", ()):
            if variable["name"] in values:
                variable["value"] = values[variable["name"]]
        if encrypted and container["name"] == "weave":
            key = {"name": _WEAVE_SECRET, "key": "weave-passwd"}
            container["env"].append({"name": "WEAVE_PASSWORD", "valueFrom": {"secretKeyRef": key}})
    return manifest


def _storage_class(wanted: StorageClassConfig) -> Manifest:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": wanted.name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": wanted.provisioner,
        "parameters": wanted.parameters,
        "reclaimPolicy": wanted.reclaim_policy,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _resource(manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    group = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
    metadata: dict[str, Any] = manifest["metadata"]
    name = f"{manifest['kind']}/{metadata['name']}".lower()
    return pulumi.CustomResource(f"kubernetes:{group}:{manifest['kind']}", name, manifest, opts)
