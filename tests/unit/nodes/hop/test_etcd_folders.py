"""Where etcd's data and certificates are, by its manifest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrator.errors import BlockedError
from migrator.nodes.hop.etcd_folders import EtcdFolders, etcd_folders, folders_in, member_in
from tests.support.crictl import Crictl, etcd_manifest
from tests.support.hosts import FakeHost


def changed(**more: Any) -> str:
    """Return the manifest with keys of its container replaced."""
    pod = json.loads(etcd_manifest())
    pod["spec"]["containers"][0] |= more
    return json.dumps(pod)


COMMAND = ["etcd", "--data-dir=/var/lib/etcd", "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt"]


@pytest.mark.parametrize(
    ("manifest", "data"),
    [
        (etcd_manifest(), "/var/lib/etcd"),
        (etcd_manifest(data="/data/etcd/"), "/data/etcd"),
        (changed(command=["etcd", "--data-dir=/var/lib/etcd/a/../b", *COMMAND[2:]]), "/var/lib/etcd/b"),
        (changed(command=["etcd"], args=["--data-dir", "/var/lib/etcd", *COMMAND[2:]]), "/var/lib/etcd"),
    ],
)
def test_a_folder_is_found_behind_its_mount(manifest: str, data: str) -> None:
    """A flag is one word or two, of the command or of its arguments."""
    assert folders_in(manifest, "cp") == EtcdFolders(data, "/etc/kubernetes/pki/etcd")


def test_the_manifest_of_a_host_is_read() -> None:
    """The one that the kubelet runs."""
    assert etcd_folders(Crictl().on(FakeHost("cp"))).data == "/var/lib/etcd"


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "{",
        "[]",
        "spec: {containers: [{name: other}]}",
        changed(command=["etcd", *COMMAND[2:]]),
        changed(command=["etcd", "--data-dir=/elsewhere", *COMMAND[2:]]),
        changed(command=["etcd", "--data-dir=/var/lib/etcd/../..", *COMMAND[2:]]),
        changed(command=[*COMMAND, "--wal-dir=/wal"]),
        changed(volumeMounts=[]),
        changed(volumeMounts=[{"name": "etcd-data", "mountPath": "/var/lib/etcd", "subPath": "x"}]),
        etcd_manifest(data="/"),
        etcd_manifest(data="/data"),
    ],
)
def test_what_is_not_understood_is_refused(manifest: str) -> None:
    """A restore into the wrong folder, or the folder of a whole disk, would be worse than none."""
    with pytest.raises(BlockedError, match=r"cp: etcd of /etc/kubernetes/manifests/etcd\.yaml"):
        folders_in(manifest, "cp")


@pytest.mark.parametrize(
    ("more", "member"),
    [
        ([], ("cp", "https://203.0.113.5:2380")),
        (["--name=cp.home", "--initial-advertise-peer-urls=https://10.0.0.1:2380"], ("cp.home", "https://10.0.0.1:2380")),
        (["--initial-advertise-peer-urls", "https://a:2380,https://b:2380"], ("cp", "https://a:2380,https://b:2380")),
    ],
)
def test_a_member_is_who_its_manifest_says(more: list[str], member: tuple[str, str]) -> None:
    """Others accept it at the URLs of its certificate alone; the stack's file may name another network (kubeadm#3010)."""
    assert member_in(changed(command=[*COMMAND, *more]), "cp", "203.0.113.5") == member
