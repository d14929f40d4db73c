"""What the testbed is made of, at versions that fit together."""

from __future__ import annotations

from typing import NamedTuple

BLUE, GREEN = "1.36.3", "1.37.2"
ETCD = "3.7.3"
KWOK = "0.8.0"
COREDNS = "1.14.1"
HELM = "3.22.0"
PULUMI = "3.250.0"
PULUMI_LANGUAGE = "3.78.1"
"""The last language host that is part of the SDK's module; it works with the engine above."""
KUBERNETES_BINARIES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


class Module(NamedTuple):
    """A published Go module that a binary is built from."""

    path: str
    package: str
    stamp: str = ""
    """The variable that the linker sets to `vVERSION`."""


MODULES = {
    "etcd": Module("go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    "etcdctl": Module("go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdctl/v3"),
    "etcdutl": Module("go.etcd.io/etcd/etcdutl/v3", "go.etcd.io/etcd/etcdutl/v3"),
    "kwok": Module("sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok/pkg/consts.Version"),
    "helm": Module("helm.sh/helm/v3", "helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v3/internal/version.version"),
    "coredns": Module("github.com/coredns/coredns", "github.com/coredns/coredns"),
    "pulumi": Module(
        "github.com/pulumi/pulumi/pkg/v3",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
    ),
    "pulumi-language-python": Module(
        "github.com/pulumi/pulumi/sdk/v3",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
    ),
}
DOWNLOADS = {
    "kubernetes": "https://dl.k8s.io/release",
    "etcd": "https://github.com/etcd-io/etcd/releases/download",
    "kwok": "https://github.com/kubernetes-sigs/kwok/releases/download",
}
"""Official release downloads, by family; `--mirror FAMILY=URL` names another base address with the same paths."""
