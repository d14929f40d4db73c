"""Files that flags of static pods name."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.named_files import files_of_cluster, files_of_manifests
from tests.support.facts import mounting_pod

V1BETA4 = "kubeadm.k8s.io/v1beta4"


@pytest.mark.parametrize(
    ("argument", "mounts", "on_host"),
    [
        ("--audit-policy-file=/audit/policy.yaml", {"/audit": "/etc/k/audit"}, ["/etc/k/audit/policy.yaml"]),
        ("--audit-policy-file=/audit/policy.yaml", {"/audit/policy.yaml": "/etc/p.yaml"}, ["/etc/p.yaml"]),
        ("--audit-policy-file=/a/b/p.yaml", {"/a": "/outer", "/a/b/": "/inner"}, ["/inner/p.yaml"]),
        ("--audit-policy-file=/other/p.yaml", {"/audit": "/etc/k/audit"}, []),
        ("--config=/etc/s.yaml", {"/": "/"}, ["/etc/s.yaml"]),
        ("--audit-log-path=/audit/log", {"/audit": "/var/log"}, []),
        ("--runtime-config=api/all=true", {"/": "/"}, []),
        ("--log-file=/audit/log", {"/audit": "/var/log"}, []),
        ("--cluster-signing-key-file=/pki/ca.key", {"/pki": "/pki"}, []),
        ("--audit-policy-file=/dev/null", {"/": "/"}, []),
    ],
)
def test_a_file_is_where_its_mount_puts_it(argument: str, mounts: dict[str, str], on_host: list[str]) -> None:
    """What a program writes, what is part of its image, and what kubeadm leaves out by itself is none."""
    found = files_of_manifests({"kube-apiserver": mounting_pod(argument, mounts=mounts)})
    assert [item.on_host for item in found] == on_host


@pytest.mark.parametrize(
    ("more", "on_host"),
    [
        ({}, ""),
        ({"extraVolumes": [{"name": "a", "hostPath": "/etc/k/audit", "mountPath": "/audit/"}]}, "/etc/k/audit/p.yaml"),
        ({"extraVolumes": [{"name": "a", "hostPath": "/etc/k/audit", "mountPath": "/aud"}]}, ""),
    ],
)
def test_a_file_of_the_cluster_s_settings_needs_a_volume(more: dict[str, Any], on_host: str) -> None:
    """In the form of either version of the configuration."""
    for arguments in ([{"name": "audit-policy-file", "value": "/audit/p.yaml"}], {"audit-policy-file": "/audit/p.yaml"}):
        (found,) = files_of_cluster({"apiVersion": V1BETA4, "apiServer": {"extraArgs": arguments, **more}})
        assert (found.program, found.flag, found.on_host) == ("kube-apiserver", "--audit-policy-file", on_host)


@pytest.mark.parametrize(
    ("section", "name", "path"),
    [
        ("apiServer", "oidc-ca-file", "/etc/ssl/certs/ours.pem"),
        ("apiServer", "service-account-key-file", "/etc/kubernetes/pki/old.pub"),
        ("controllerManager", "authentication-kubeconfig", "/etc/kubernetes/controller-manager.conf"),
        ("scheduler", "kubeconfig", "/etc/kubernetes/scheduler.conf"),
    ],
)
def test_what_kubeadm_mounts_by_itself_needs_no_volume(section: str, name: str, path: str) -> None:
    """Folders of certificates, and each program's own kubeconfig."""
    (found,) = files_of_cluster({section: {"extraArgs": [{"name": name, "value": path}]}})
    assert found.on_host == path


def test_a_static_pod_of_another_form_names_nothing() -> None:
    """Volumes of other kinds hold no file of the host."""
    pod = mounting_pod("--config=/s/x.yaml", mounts={"/s": "/s"})
    pod["spec"]["volumes"] = [{"name": "v0", "emptyDir": {}}]
    assert list(files_of_manifests({"kube-scheduler": pod, "etcd": {}})) == []
