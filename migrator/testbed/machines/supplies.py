"""What a cluster on test nodes is made from: our own packages, built once, and a stack's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from migrator.packages.build import build
from migrator.packages.recipes import Order, Source, checksum, parse_orders, recipes_folder
from migrator.testbed.artefacts import fingerprint, only_one, without_comments
from migrator.testbed.binaries import Store
from migrator.testbed.go_build import workshop
from migrator.testbed.machines.lab import Lab

RUNTIME = {"cri-o": "1.34.0", "crictl": "1.36.0", "cni-plugins": "1.9.1"}
"""CRI-O's minor should be Kubernetes' own; 1.34.0 is the one that the public module registry has."""

CROSS_BUILT = "cni-plugins"
"""The package that shows cross-building: the smallest one."""


def packages(store: Store, kubernetes: Sequence[str], *, architecture: str = "x86_64", names: Sequence[str] = ()) -> Path:
    """Return the folder of the packages that nodes of these versions take; those that are missing are built.

    A package whose recipe has changed since it was built is built again.
    """
    dest = store.cache / "packages"
    wanted = [*(f"{name}={version}" for name, version in RUNTIME.items()), *(f"kubernetes={version}" for version in kubernetes)]
    orders = parse_orders([text for text in wanted if not names or text.partition("=")[0] in names], architecture, Source.MODULES)
    for order in orders:
        with only_one(dest / order.file, store.say):
            _build_where_missing(order, dest, store.say)
    return dest


def _build_where_missing(order: Order, dest: Path, say: Callable[[str], None]) -> None:
    mark = dest / f".{order.file}.fingerprint"
    wanted = _fingerprint(order)
    if (dest / order.file).exists() and mark.exists() and mark.read_text() == wanted:
        return
    shop = workshop()
    shop.work.mkdir(mode=0o755, exist_ok=True)
    build(order, shop, checksum=checksum(order, dest / "packages.sum", accept_new=False), dest=dest, say=say)
    mark.write_text(wanted)


def stack_settings(lab: Lab, version: str, package_source: Path, **more: Any) -> dict[str, Any]:
    """Return the settings of a stack on a lab's nodes, the first of them its control plane."""
    nodes: list[Mapping[str, str]] = [
        {"name": machine.name, "address": machine.address, "role": "worker" if number else "control-plane"}
        for number, machine in enumerate(sorted(lab.status().machines, key=lambda item: item.name))
    ]
    settings = {
        "kubernetesVersion": version,
        "packages": RUNTIME,
        "packageSource": str(package_source),
        "ssh": {"user": lab.user, "key": str(lab.key), "knownHosts": str(lab.known_hosts)},
        "nodes": nodes,
        "podSubnet": "10.244.0.0/16",
        "serviceSubnet": "10.96.0.0/16",
        "cni": "bridge",
        # Containers are not boards: cgroup v1 under cgroupfs, the machine's own swap and disk, limits that are not theirs to set.
        "kubelet": {
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "evictionHard": dict.fromkeys(("nodefs.available", "imagefs.available", "nodefs.inodesFree"), "1%"),
            "imageGCHighThresholdPercent": 100,
        },
        "kubeProxy": {
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        },
        # CreateJob: kubeadm gives its health check's pod 15 s, which many nodes on two cores do not always keep.
        "ignorePreflightErrors": [
            *("SystemVerification", "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables", "CreateJob"),
        ],
    }
    return {"config": {"migrator:cluster": settings | more}}


def _fingerprint(order: Order) -> str:
    files = [*sorted(order.recipe.folder.iterdir()), recipes_folder() / "module.sh"]
    return fingerprint({file.name: without_comments(file.read_text()) for file in files})
