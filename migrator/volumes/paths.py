"""Where a place really lies on its host: what a cluster says is looked at there before anything is read or written."""

from __future__ import annotations

from migrator.errors import BlockedError, CommandFailedError
from migrator.model.volumes import Place
from migrator.ports import Host
from migrator.untrusted import for_shell, printable
from migrator.volumes.bundle import put_agent

# No name in a folder, so no path, ends so.
_NO_FOLDER = "//no-folder"
# A volume may name any path; with one of these the host itself would be copied, or overwritten.
_REFUSED_FOLDERS = frozenset({"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr"})
_REFUSED_PATHS = frozenset(
    f"/var/{name}"
    for name in (
        "lib",
        "log",
        "cache",
        "spool",
        "run",
        "tmp",
        "lib/etcd",
        "lib/kubelet",
        "lib/containerd",
        "lib/containers",
        "lib/migrator",
    )
)


def real_path(host: Host, place: Place) -> str:
    """Return where a volume's folder or device really lies; raises BlockedError for one that is missing, or of the system."""
    if place.of_driver:
        return _of_driver(host, place)
    if place.block:
        return _device(host, place)
    try:
        named = for_shell(place.path)
        # Links are followed once, here: what is refused is judged by where they lead.
        path = host.run(f"realpath -e -- {named} && {{ test -d {named} || echo {_NO_FOLDER}; }}").rstrip("\n")
    except CommandFailedError as error:
        raise BlockedError(f"{place}: there is no such folder", hint="is its file system mounted there?") from error
    if path.endswith(f"\n{_NO_FOLDER}"):
        raise BlockedError(
            f"{place}: is not a folder",
            hint="a single file is not copied, and a device only with volumeMode Block",
        )
    parts = path.split("/")[1:]
    if len(parts) < 2 or parts[0] in _REFUSED_FOLDERS or path in _REFUSED_PATHS or "\n" in path:
        raise BlockedError(
            f"{place}: {printable(path)} is a folder of the system and no volume",
            hint="move it yourself, and name the claim in volumes.dataMoved",
        )
    return path


def _device(host: Host, place: Place) -> str:
    """Return the real path of a block device; raises BlockedError where there is none."""
    try:
        path = host.run(f"realpath -e -- {for_shell(place.path)}").rstrip("\n")
    except CommandFailedError as error:
        raise BlockedError(f"{place}: there is no such device", hint="is the disk there?") from error
    if "\n" in path or not host.ok(f"test -b {for_shell(path)}"):
        raise BlockedError(f"{place}: is not a block device", hint="look at the volume and at the host")
    return path


def _of_driver(host: Host, place: Place) -> str:
    """Return where the kubelet has a volume of a CSI driver; raises BlockedError where it has not."""
    words = " ".join(map(for_shell, [*place.path.split("/", 2), place.pod]))
    try:
        return host.run(f"python3 -IS {put_agent(host)} {'mapped' if place.block else 'mounted'} {words}").rstrip("\n")
    except CommandFailedError as error:
        raise BlockedError(
            f"{place.node}: {printable(error.output.strip()[-300:])}",
            hint="look at the pods that use the claim, and at the driver's pod on that node",
        ) from error


def volume_words(place: Place) -> str:
    """Return what a mounted volume is known by from pass to pass; empty for a folder or a device of a host."""
    return place.where if place.of_driver else ""
