"""What lives inside the cluster: pod network, the migrator's account, a StorageClass. Each object is a resource of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes import _utilities
from pulumi_kubernetes.provider import Provider

from migrator.config.stack import NetworkManifest, StackConfig, StorageClassConfig, WeaveConfig
from migrator.errors import ConfigError
from migrator.model.manifest import Manifest
from migrator.provision.network_manifest import read_manifest, unfit_ranges
from migrator.provision.waves import not_awaited, waves

# Of hosts that have all that Weave Net asks for.
_HOSTS: Mapping[str, str] = {"IPTABLES_BACKEND": "nft", "WEAVE_NO_FASTDP": ""}
_WEAVE_SECRET = "weave-passwd"  # noqa: S105 - an object's name


def install(
    name: str,
    stack: StackConfig,
    kubeconfig: pulumi.Output[str],
    deploy: Path,
    of_hosts: Mapping[str, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Make all add-ons of a stack and return them; `deploy` is the folder of their manifests, `of_hosts` what hosts told."""
    provider = Provider(name, kubeconfig=kubeconfig, opts=opts)
    password = pulumi.Config("migrator").get_secret("weavePassword") if stack.cni == "weave" else None
    child = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(provider=provider, version=_utilities.get_version(), depends_on=[provider])
    )
    made: list[pulumi.Resource] = []
    if password is not None:
        metadata = {"name": _WEAVE_SECRET, "namespace": "kube-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"weave-passwd": password}}
        made.append(_resource(_forced(secret), child))
    for wave in waves(manifests(stack, deploy, of_hosts=of_hosts, encrypted=password is not None)):
        after = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=list(made)))
        made += [_resource(manifest, after) for manifest in wave]
    return made


def manifests(
    stack: StackConfig, deploy: Path, *, of_hosts: Mapping[str, str | pulumi.Output[str]] = _HOSTS, encrypted: bool = False
) -> list[Manifest]:
    """Return the objects that a stack's add-ons consist of; raises ConfigError for a manifest that cannot be used.

    `of_hosts` are variables of Weave Net whose values hosts told.
    """
    found: list[Manifest] = []
    if stack.cni == "weave":
        values = {"IPALLOC_RANGE": stack.pod_subnet, "WEAVE_MTU": str(stack.weave.mtu), **of_hosts}
        objects = [_weave(item, stack.weave, values, encrypted=encrypted) for item in _read(deploy / "weave-net.yaml")]
        found += (_forced(not_awaited(item)) for item in objects)
    elif isinstance(stack.cni, NetworkManifest):
        found += map(not_awaited, network_objects(stack, deploy.parent))
    if stack.migrator_role != "none":
        found += map(_forced, _read(deploy / f"rbac-{stack.migrator_role}.yaml"))
    if stack.storage_class:
        found.append(_forced(_storage_class(stack.storage_class)))
    return found


def network_objects(stack: StackConfig, project: Path) -> list[Manifest]:
    """Return the objects of a stack's own manifest of a network; raises ConfigError where it does not fit the stack."""
    if not isinstance(stack.cni, NetworkManifest):
        return []
    found = read_manifest(project / stack.cni.manifest)
    wrong = unfit_ranges(found, stack.pod_subnet, stack.service_subnet, [node.address for node in stack.nodes])
    if wrong:
        raise ConfigError(
            [f"{stack.cni.manifest}: {reason}" for reason in wrong], hint="change the manifest, or podSubnet and serviceSubnet"
        )
    return found


def _read(file: Path) -> list[Manifest]:
    return [dict(item) for item in yaml.safe_load_all(file.read_text())]


def _forced(manifest: Manifest) -> Manifest:
    """Return one of our own objects so that the stack's file has the last word on it, whoever is a field's manager by then.

    `migrator upgrade` brings images of Weave Net, and a person applies the roles again: the engine would be refused as a conflict
    (pulumi-kubernetes#2352). A manifest of the person's own says for itself what may be forced.
    """
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), "pulumi.com/patchForce": "true"}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _weave(manifest: Manifest, weave: WeaveConfig, values: Mapping[str, Any], *, encrypted: bool) -> Manifest:
    if manifest["kind"] != "DaemonSet":
        return manifest
    spec = manifest["spec"]["template"]["spec"]
    for container in (*spec["initContainers"], *spec["containers"]):
        container["image"] = weave.image(container["image"])
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
        # A volume of a node's disk has to be where its pod will be.
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _resource(manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    group = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
    metadata: dict[str, Any] = manifest["metadata"]
    # Names of kube-system's objects stay as they were: another name is another resource, and the former one is deleted.
    namespace = metadata.get("namespace", "")
    words = (manifest["kind"], "" if namespace == "kube-system" else namespace, metadata["name"])
    name = "/".join(filter(None, words)).lower()
    return pulumi.CustomResource(f"kubernetes:{group}:{manifest['kind']}", name, manifest, opts)
