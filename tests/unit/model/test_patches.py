"""What patches for kubeadm hold."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.patches import PatchReading, kubelet_patch, read_patches

API = "kube-apiserver0+merge.yaml"
COMMAND = b"spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --cloud-provider=external, --v=2]}]}"
JSON = b'[{"op": "add", "path": "/spec/containers/0/command/-", "value": "--x=1"}]'
IMAGE = b'- {op: replace, path: /spec/containers/0/image, value: "r.example/kube-apiserver:v1.36.3"}'


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (API, COMMAND, {"arguments": {(API, "kube-apiserver", "cloud-provider"), (API, "kube-apiserver", "v")}}),
        ("etcd+json.json", JSON, {"arguments": {("etcd+json.json", "etcd", "x")}}),
        ("kube-apiserver1+json.yaml", IMAGE, {"images": ("kube-apiserver1+json.yaml",)}),
        ("kube-scheduler.yaml", b"spec: {containers: [{image: x}]}", {"images": ("kube-scheduler.yaml",)}),
        ("corednsdeployment.yaml", b"spec: {containers: [{image: x}]}", {}),
        ("kubelet0+merge.yaml", b"maxPods: 3", {"passed_over": ("kubelet0+merge.yaml",)}),
        ("kube-apiserver.yml", b"a: 1", {"passed_over": ("kube-apiserver.yml",)}),
        ("etcd.yaml", b" \n", {"passed_over": ("etcd.yaml",)}),
        ("README.md", b"x", {}),
        ("kube-apiserver+patch.yaml", b"a: 1", {"broken": ("kube-apiserver+patch.yaml",)}),
        ("etcd.yaml", b"a: [", {"broken": ("etcd.yaml",)}),
        ("kube-apiserver-mine.yaml", b"# nothing yet", {}),
    ],
)
def test_a_patch_is_read_as_kubeadm_takes_it(name: str, content: bytes, found: dict[str, Any]) -> None:
    """By its name, as kubeadm 1.37.2 was seen to; arguments and images by what they say."""
    assert read_patches([(name, content)]) == PatchReading(**found)


@pytest.mark.parametrize(
    ("patches", "found"),
    [
        ((("kube-apiserver0+merge.yaml", b"a: 1"),), {}),
        (
            (("kubeletconfiguration1+merge.yaml", b"b: {c: 2}"), ("kubeletconfiguration0.yaml", b"b: {d: 1}")),
            {"b": {"d": 1, "c": 2}},
        ),
        ((("kubeletconfiguration+json.yaml", b"[]"),), None),
        ((("kubeletconfiguration.yaml", b"]: ["),), None),
    ],
)
def test_what_patches_set_of_the_kubelets_is_worked_out(patches: tuple[tuple[str, bytes], ...], found: Any) -> None:
    """In the order of their names; a JSON patch is not."""
    assert kubelet_patch(patches) == found
