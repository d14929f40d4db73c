"""What the testbed is made of: programs at versions that fit together, and which of them are compiled in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

BLUE, GREEN = "1.36.3", "1.37.2"
ETCD = "3.7.3"
KWOK = "0.8.0"
COREDNS = "1.14.1"
PULUMI = "3.229.0"
"""The newest published engine whose packages the plugin compiles with: they are compiled once for both."""
PULUMI_LANGUAGE = "3.78.1"
"""The last language host that is part of the SDK's module; it works with the engine above."""
PULUMI_KUBERNETES = "4.25.0"
"""The plugin; pyproject.toml holds the Python SDK at the same version."""
HELM = "3.18.6"
"""The version that the plugin requires, so that both are compiled from the same packages."""
EXTERNAL_DNS = "0.21.0"
"""The newest version all of whose modules are published and that Go 1.26 compiles."""
LOCAL_PATH = "0.0.30"
CSI_SPEC, KUBELET_API = "1.11.0", "0.36.3"
"""What our own CSI driver for tests speaks: the modules of published drivers are not all published."""
CERT_MANAGER = "1.21.2"
CERT_MANAGER_KINDS = (
    *("acme.cert-manager.io_challenges", "acme.cert-manager.io_orders"),
    *(f"cert-manager.io_{kind}" for kind in ("certificaterequests", "certificates", "clusterissuers", "issuers")),
)
PEBBLE = "2.10.1"
KUSTOMIZE_CONTROLLER = "1.9.6"
"""The newest version that Go 1.26 compiles."""
METALLB = "0.15.2"
"""The newest version whose modules are published, with the next version of one of them: 0.16.2 needs frr-k8s 0.0.27."""
METALLB_KINDS = (
    *("bfdprofiles", "bgpadvertisements", "bgppeers", "communities", "ipaddresspools"),
    *("l2advertisements", "servicebgpstatuses", "servicel2statuses"),
)
ARGO_ROLLOUTS = "1.9.0"
"""The newest version that Go 1.26.8 compiles."""
ARGO_ROLLOUTS_KINDS = ("analysis-run", "analysis-template", "cluster-analysis-template", "experiment", "rollout")
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_KUBERNETES = (*CONTROL_PLANE, "kube-proxy", "kubeadm", "kubectl")
_STAGING = (
    *(
        "api",
        "apiextensions-apiserver",
        "apimachinery",
        "apiserver",
        "cli-runtime",
        "client-go",
        "cloud-provider",
        "component-base",
    ),
    *("component-helpers", "controller-manager", "kube-aggregator", "kubectl", "kubelet", "metrics"),
)
"""Modules of Kubernetes that are published as v0.x."""
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PLUGIN = "github.com/pulumi/pulumi-kubernetes/provider/v4"


class Program(NamedTuple):
    """A program and the Go package that it is built from."""

    family: str
    """With the version, the name of its folder in the cache; its releases are published under it."""
    version: str
    package: str
    """A package of a published module, or `./NAME` for a main of our own: `sources/NAME.go`."""
    stamps: tuple[str, ...] = ()
    """What the linker sets, as `VARIABLE=VALUE`."""
    module: str = ""
    """The module that has the files below."""
    files: tuple[str, ...] = ()
    """A main of our own embeds those that are JSON; all others lie beside the program."""

    @property
    def embedded(self) -> tuple[str, ...]:
        """The files that are compiled into the program."""
        return tuple(file for file in self.files if self.package.startswith(".") and file.endswith(".json"))

    @property
    def beside(self) -> tuple[str, ...]:
        """The files that lie beside the program."""
        return tuple(file for file in self.files if file not in self.embedded)


@dataclass(slots=True, frozen=True)
class Build:
    """Programs of one module graph, compiled in one run, so that what they have in common is compiled once."""

    name: str
    modules: Mapping[str, str]
    """Versions by module."""
    programs: Mapping[str, Program]
    tree: str = ""
    """The module that is the main one, from a copy of its source; empty: one that only requires the modules above."""


def kubernetes(version: str) -> Build:
    """Return the build of a Kubernetes version.

    It is made from the module's own source, as the packages of nodes are: the compiler keeps nothing of one for the other
    when the same source is the main module here and a required one there.
    """
    values = {"Version": f"v{version}", "Major": "1", "Minor": version.split(".")[1], "TreeState": "archive"}
    stamps = tuple(f"k8s.io/component-base/version.git{name}={value}" for name, value in values.items())
    programs = {name: Program("kubernetes", version, f"k8s.io/kubernetes/cmd/{name}", stamps) for name in _KUBERNETES}
    return Build(f"kubernetes-{version}", {"k8s.io/kubernetes": version}, programs, tree="k8s.io/kubernetes")


BUILDS = (
    Build(
        "etcd",
        {f"go.etcd.io/etcd/{part}/v3": ETCD for part in ("server", "etcdctl", "etcdutl")},
        {
            "etcd": Program("etcd", ETCD, "go.etcd.io/etcd/server/v3"),
            "etcdctl": Program("etcd", ETCD, "go.etcd.io/etcd/etcdctl/v3"),
            "etcdutl": Program("etcd", ETCD, "go.etcd.io/etcd/etcdutl/v3"),
        },
    ),
    Build(
        "kwok",
        {"sigs.k8s.io/kwok": KWOK, "github.com/coredns/coredns": COREDNS},
        {
            "kwok": Program("kwok", KWOK, "sigs.k8s.io/kwok/cmd/kwok", (f"sigs.k8s.io/kwok/pkg/consts.Version=v{KWOK}",)),
            "coredns": Program("coredns", COREDNS, "./coredns"),
        },
    ),
    Build(
        "pulumi",
        {
            "github.com/pulumi/pulumi/pkg/v3": PULUMI,
            "helm.sh/helm/v3": HELM,
            # The commit of the plugin's release: tags of its provider folder are not published.
            _PLUGIN: "4.0.0-20260115033456-f47bc2d6f199",
        },
        {
            "pulumi": Program(
                "pulumi", PULUMI, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", (f"{_SDK}/go/common/version.Version=v{PULUMI}",)
            ),
            "helm": Program("helm", HELM, "helm.sh/helm/v3/cmd/helm", (f"helm.sh/helm/v3/internal/version.version=v{HELM}",)),
            "pulumi-resource-kubernetes": Program(
                "pulumi-kubernetes",
                PULUMI_KUBERNETES,
                "./pulumi-resource-kubernetes",
                (f"{_PLUGIN}/pkg/version.Version={PULUMI_KUBERNETES}",),
                _PLUGIN,
                ("cmd/pulumi-resource-kubernetes/schema.json", "cmd/pulumi-resource-kubernetes/terraform-mapping.json"),
            ),
        },
    ),
    Build(
        "external-dns",
        {"sigs.k8s.io/external-dns": EXTERNAL_DNS},
        {"external-dns": Program("external-dns", EXTERNAL_DNS, "sigs.k8s.io/external-dns")},
    ),
    Build(
        "local-path-provisioner",
        {"github.com/rancher/local-path-provisioner": LOCAL_PATH},
        {
            "local-path-provisioner": Program(
                "local-path-provisioner",
                LOCAL_PATH,
                "github.com/rancher/local-path-provisioner",
                module="github.com/rancher/local-path-provisioner",
                files=("deploy/local-path-storage.yaml",),
            )
        },
    ),
    Build(
        "csi-driver",
        {"github.com/container-storage-interface/spec": CSI_SPEC, "k8s.io/kubelet": KUBELET_API},
        {"csi-driver": Program("csi-driver", "1", "./csi-driver")},
    ),
    Build(
        "cert-manager",
        {"github.com/cert-manager/cert-manager": CERT_MANAGER},
        {
            "cert-manager": Program(
                "cert-manager",
                CERT_MANAGER,
                "./cert-manager",
                module="github.com/cert-manager/cert-manager",
                files=tuple(f"deploy/crds/{name}.yaml" for name in CERT_MANAGER_KINDS),
            )
        },
    ),
    Build(
        "pebble",
        {"github.com/letsencrypt/pebble/v2": PEBBLE},
        {"pebble": Program("pebble", PEBBLE, "github.com/letsencrypt/pebble/v2/cmd/pebble")},
    ),
    Build(
        "metallb",
        {"go.universe.tf/metallb": METALLB, "github.com/metallb/frr-k8s": "0.0.21"},
        {
            "metallb-controller": Program(
                "metallb",
                METALLB,
                "go.universe.tf/metallb/controller",
                module="go.universe.tf/metallb",
                files=tuple(f"config/crd/bases/metallb.io_{kind}.yaml" for kind in METALLB_KINDS),
            )
        },
    ),
    Build(
        "kustomize-controller",
        # Its own module replaces go-digest, which is of no effect where it is required.
        {
            "github.com/fluxcd/kustomize-controller": KUSTOMIZE_CONTROLLER,
            "github.com/opencontainers/go-digest": "1.0.1-0.20220411205349-bde1400a84be",
        },
        {
            "kustomize-controller": Program(
                "kustomize-controller",
                KUSTOMIZE_CONTROLLER,
                "github.com/fluxcd/kustomize-controller",
                module="github.com/fluxcd/kustomize-controller",
                files=("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
            )
        },
    ),
    Build(
        "argo-rollouts",
        {
            "github.com/argoproj/argo-rollouts": ARGO_ROLLOUTS,
            # Of the same versions as blue's own build, so that they are compiled once.
            "k8s.io/kubernetes": BLUE,
            **{f"k8s.io/{name}": f"0.{BLUE.removeprefix('1.')}" for name in _STAGING},
        },
        {
            "rollouts-controller": Program(
                "argo-rollouts",
                ARGO_ROLLOUTS,
                "github.com/argoproj/argo-rollouts/cmd/rollouts-controller",
                module="github.com/argoproj/argo-rollouts",
                files=tuple(f"manifests/crds/{name}-crd.yaml" for name in ARGO_ROLLOUTS_KINDS),
            )
        },
    ),
    Build("own", {}, {name: Program(name, "1", f"./{name}") for name in ("pause", "web")}),
    Build(
        "pulumi-language-python",
        {_SDK: PULUMI_LANGUAGE},
        {
            "pulumi-language-python": Program(
                "pulumi-language-python",
                PULUMI_LANGUAGE,
                f"{_SDK}/python/cmd/pulumi-language-python",
                (f"{_SDK}/go/common/version.Version=v{PULUMI_LANGUAGE}",),
                _SDK,
                ("python/cmd/pulumi-language-python-exec",),
            ),
        },
    ),
)
DOWNLOADS = {
    "kubernetes": "https://dl.k8s.io/release",
    "etcd": "https://github.com/etcd-io/etcd/releases/download",
    "kwok": "https://github.com/kubernetes-sigs/kwok/releases/download",
}
"""Official release downloads, by family; `--mirror FAMILY=URL` names another base address with the same paths."""
