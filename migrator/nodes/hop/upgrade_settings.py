"""kubeadm's timeouts in an upgrade: they stand in an UpgradeConfiguration alone, beside which some arguments are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrator.model.yaml_text import dump
from migrator.ports import Host

_FILE = "/run/migrator/kubeadm-upgrade.yaml"
# First minor whose kubeadm reads an UpgradeConfiguration.
_SINCE = 31
_DIFF_SECONDS = 180.0
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
    host.write(_FILE, _document(timeouts, **({"apply": settings, "node": settings} if settings else {})), mode=0o600)
    return [*left, f"--config={_FILE}"]


def manifest_differences(host: Host, kubeadm: str, version: str, timeouts: Mapping[str, str]) -> str:
    """Return how the static pods differ from those that a kubeadm would write for a version; raises CommandFailedError.

    How often a probe may fail follows from its timeouts, so that without them each raised one looks like an edit.
    """
    if not timeouts or int(version.split(".")[1]) < _SINCE:
        return host.run(f"{kubeadm} upgrade diff v{version} 2>/dev/null", timeout=_DIFF_SECONDS)
    command = f"{kubeadm} upgrade diff v{version} --config /dev/stdin 2>/dev/null"
    return host.run(command, stdin=_document(timeouts), timeout=_DIFF_SECONDS)


def _document(timeouts: Mapping[str, str], **more: Any) -> bytes:
    header = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "UpgradeConfiguration"}
    return dump({**header, "timeouts": dict(timeouts), **more}).encode()
