"""Which profiles of its node a pod needs, and which runtime kubeadm finds."""

from __future__ import annotations

from migrator.model.kubelet_files import SOCKETS, localhost_profiles, taken_socket


def test_profiles_of_pods_and_containers_are_found_in_the_words_of_all_versions() -> None:
    """The annotation of AppArmor is older than its field (1.30), and still counts."""
    local = {"type": "Localhost", "localhostProfile": "k8s-nginx"}
    pod = {
        "metadata": {
            "annotations": {"container.apparmor.security.beta.kubernetes.io/web": "localhost/old", "other": "localhost/x"}
        },
        "spec": {
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "appArmorProfile": local},
            "initContainers": [{"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "a/b.json"}}}],
            "containers": [{"securityContext": {"appArmorProfile": {"type": "Localhost"}}}, {}],
        },
    }
    assert list(localhost_profiles(pod)) == ["apparmor/k8s-nginx", "seccomp/a/b.json", "apparmor/old"]
    assert list(localhost_profiles({"spec": None})) == []


def test_kubeadm_takes_the_only_socket_and_else_the_first_it_knows() -> None:
    """Its `DetectCRISocket` fails where there are two, and its default is containerd's."""
    assert [taken_socket(sockets) for sockets in ((SOCKETS[1],), SOCKETS[:2], ())] == [SOCKETS[1], SOCKETS[0], SOCKETS[0]]
