"""Groups of processes for which a kubelet reserves resources: without one it does not start (kubernetes#110288); pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

_SETTINGS = {"kube-reserved": "kubeReservedCgroup", "system-reserved": "systemReservedCgroup"}
# What is enforced of CPU alone (KEP-4540) is of the same group.
_COMPRESSIBLE = "-compressible"


class ReservedCgroup(NamedTuple):
    """A group that must be there when a kubelet starts."""

    setting: str
    name: str
    """As it is set."""
    path: str
    """Below the root of cgroups."""


def reserved_cgroups(settings: Mapping[str, Any]) -> Iterator[ReservedCgroup]:
    """Yield the groups that a kubelet of these settings looks for as it starts."""
    listed = settings.get("enforceNodeAllocatable")
    enforced = {str(item).removesuffix(_COMPRESSIBLE) for item in listed} if isinstance(listed, list) else set()
    for what, setting in _SETTINGS.items():
        name = settings.get(setting)
        if what in enforced and isinstance(name, str) and name.strip("/"):
            yield ReservedCgroup(setting, name, _path(name, str(settings.get("cgroupDriver") or "systemd")))


def _path(name: str, driver: str) -> str:
    """Return where a kubelet looks for a group (pkg/kubelet/cm: ParseSystemdToCgroupName, ToSystemd).

    With systemd it takes the last part of the name for a slice, whatever it is: `system.slice/kubelet.service` is not found.
    """
    if driver != "systemd":
        return name.strip("/")
    parts = name.strip("/").rpartition("/")[2].removesuffix(".slice").split("-")
    return "/".join(f"{part}.slice" for part in accumulate(parts, lambda one, more: f"{one}-{more}"))
