"""What the testbed is made of, at versions that fit together."""

from __future__ import annotations

from typing import NamedTuple

BLUE, GREEN = "1.36.3", "1.37.2"
ETCD = "3.7.3"
KWOK = "0.8.0"
KUBERNETES_BINARIES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


class Module(NamedTuple):
    """A published Go module that a binary is built from."""

    path: str
    package: str


MODULES = {
    "etcd": Module("go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    "kwok": Module("sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok"),
}
DOWNLOADS = {
    "kubernetes": "https://dl.k8s.io/release",
    "etcd": "https://github.com/etcd-io/etcd/releases/download",
    "kwok": "https://github.com/kubernetes-sigs/kwok/releases/download",
}
"""Official release downloads, by family; `--mirror FAMILY=URL` names another base address with the same paths."""
