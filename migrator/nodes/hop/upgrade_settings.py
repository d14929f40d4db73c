"""kubeadm's timeouts in an upgrade: they stand in an UpgradeConfiguration alone, beside which some arguments are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from migrator.ports import Host

_FILE = "/run/migrator/kubeadm-upgrade.yaml"
# Arguments that kubeadm does not take beside --config, and their names in it (kubeadm.k8s.io/v1beta4 UpgradeConfiguration).
_SETTINGS = {"--patches": "patches", "--etcd-upgrade": "etcdUpgrade", "--certificate-renewal": "certificateRenewal"}


def with_timeouts(host: Host, timeouts: Mapping[str, str], arguments: Iterable[str]) -> list[str]:
    """Return the arguments of `kubeadm upgrade` with these timeouts; without any they stay as they are, and no file is written."""
    if not timeouts:
        return list(arguments)
    left: list[str] = []
    settings: dict[str, Any] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name in _SETTINGS:
            settings[_SETTINGS[name]] = {"directory": value} if name == "--patches" else value == "true"
        else:
            left.append(argument)
    document = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "UpgradeConfiguration",
        "timeouts": dict(timeouts),
        **({"apply": settings, "node": settings} if settings else {}),
    }
    host.write(_FILE, yaml.safe_dump(document).encode(), mode=0o600)
    return [*left, f"--config={_FILE}"]
