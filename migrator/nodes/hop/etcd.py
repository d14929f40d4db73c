"""Take a snapshot of a stacked etcd before a hop, with the program that restores it, and save a node's settings.

Flags: etcd.io/docs/v3.6/op-guide/recovery.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from migrator.errors import BlockedError, MigratorError
from migrator.nodes.hop.etcd_folders import etcd_folders
from migrator.nodes.hop.etcd_members import TOOLS, etcdctl, has_local_etcd, take_tools
from migrator.nodes.paths import KUBECTL, STATE
from migrator.ports import Host
from migrator.untrusted import for_shell

SNAPSHOTS = f"{STATE}/snapshots"
# The program for snapshots of 0.1.0, which has kept none beside them.
_TOOL_0_1_0 = f"{TOOLS}/etcdutl"
# What of a snapshot's status all versions of etcdutl print, and print the same (etcdutl 3.6 has added `version`).
_SAME = ("hash", "revision", "totalKey")
# The hop before may have to be looked at, too; each holds all Secrets, so not more.
_KEPT = 3
# For packages and logs that are written meanwhile.
_SPARE_MIB = 200
SETTINGS = "etc/kubernetes var/lib/kubelet/config.yaml var/lib/kubelet/kubeadm-flags.env"
"""What of a node is saved and put back, below /."""
READ_ADDONS = f"{KUBECTL} -n kube-system get --ignore-not-found -o json deployment/coredns configmap/coredns configmap/kube-proxy"
"""What kubeadm writes anew inside of the cluster; it comes back with etcd, and is kept to be compared."""


@dataclass(slots=True, frozen=True)
class Snapshot:
    """Have a snapshot of etcd, checked, and the node's settings beside it, before a hop touches anything."""

    hop: str
    begun: bool = False
    """Whether the hop has begun to change the control plane; until then a snapshot of an hour ago is taken anew."""
    name: str = "etcd snapshot"

    @property
    def folder(self) -> str:
        """Where it lies on the host."""
        return f"{SNAPSHOTS}/{self.hop}"

    def done(self, host: Host) -> bool:
        """Return whether it was taken to its end."""
        whole = f"test -s {self.folder}/etcd.db -a -s {self.folder}/status.json -a -s {self.folder}/settings.tar.gz"
        fresh = "" if self.begun else f' && test -n "$(find {self.folder}/etcd.db -mmin -60)"'
        return host.ok(whole + fresh)

    def run(self, host: Host) -> None:
        """Take it and check it; raises BlockedError without room, MigratorError when it cannot be read back."""
        folders = etcd_folders(host)
        take_tools(host)
        self._require_room(host, folders.data)
        partial = f"{self.folder}.partial"
        host.run(
            f"set -e; umask 077; rm -rf {partial}; mkdir -p {partial}; "
            f"{etcdctl(folders)} snapshot save {partial}/etcd.db >/dev/null; "
            f"{TOOLS}/etcdutl snapshot status -w json {partial}/etcd.db > {partial}/status.json; "
            # They are only compared later, so an API server that does not answer stops no snapshot.
            f"{READ_ADDONS} > {partial}/addons.json 2>/dev/null || true; "
            f"chmod 600 {partial}/*; cp {TOOLS}/etcdutl {partial}/etcdutl; chmod 700 {partial}/etcdutl; "
            f"{_save_settings(partial)}; sync; rm -rf {self.folder}; mv {partial} {self.folder}",
            timeout=600,
        )
        status = self.status(host)
        if not int(status.get("totalKey", 0)):
            raise MigratorError(f"{host.name}: the snapshot in {self.folder} holds no keys", hint="check whether etcd is healthy")
        self._prune(host)
        forget_data_before(host)

    def tool(self, host: Host) -> str:
        """Return the program that restores it: the one of the etcd that it was taken of, which lies beside it."""
        own = f"{self.folder}/etcdutl"
        return own if host.ok(f"test -x {own}") else _TOOL_0_1_0

    def status(self, host: Host) -> dict[str, Any]:
        """Return what `etcdutl snapshot status` said: hash, revision, totalKey, totalSize."""
        return dict(json.loads(host.run(f"cat {self.folder}/status.json")))

    def intact(self, host: Host) -> bool:
        """Return whether the file still has the checksum that was taken with it: etcdutl works it out from the bytes."""
        shown = host.run(f"{self.tool(host)} snapshot status -w json {self.folder}/etcd.db 2>/dev/null; true").strip()
        taken = self.status(host)
        return bool(shown) and all(json.loads(shown).get(key) == taken.get(key) for key in _SAME)

    def _require_room(self, host: Host, data: str) -> None:
        measure = f"du -sm {for_shell(data)} | cut -f1; df -Pm /var/lib | awk 'NR == 2 {{print $4}}'"
        used, free = map(int, host.run(measure).split())
        # kubeadm copies the whole data folder, too, and never takes the copy away (kubernetes#125357).
        needed = 2 * used + _SPARE_MIB
        if free < needed:
            raise BlockedError(
                f"{host.name} has {free} MiB free below /var/lib; the snapshot and kubeadm's own copy need {needed}",
                hint="old copies lie in /etc/kubernetes/tmp/kubeadm-backup-etcd-*; nothing was changed",
            )

    def _prune(self, host: Host) -> None:
        # Names begin with versions, which do not sort by age.
        newest_first = host.run(f"ls -1t {SNAPSHOTS}").splitlines()
        for name in newest_first[_KEPT:]:
            host.run(f"rm -rf -- {for_shell(f'{SNAPSHOTS}/{name}')}")


@dataclass(slots=True, frozen=True)
class SettingsSaved:
    """Have a copy of a node's settings of before the hop."""

    hop: str
    name: str = "settings saved"

    def done(self, host: Host) -> bool:
        """Return whether they are saved."""
        return host.ok(f"test -s {SNAPSHOTS}/{self.hop}/settings.tar.gz")

    def run(self, host: Host) -> None:
        """Save them, readable for root only."""
        folder = f"{SNAPSHOTS}/{self.hop}"
        host.run(f"set -e; umask 077; mkdir -p {folder}; {_save_settings(folder)}")
        if has_local_etcd(host):
            forget_data_before(host)


def _save_settings(folder: str) -> str:
    target = f"{folder}/settings.tar.gz"
    # kubeadm's own copies of etcd below /etc/kubernetes/tmp are not settings, and large.
    return f"tar -C / --exclude=etc/kubernetes/tmp -czf {target}.new {SETTINGS}; chmod 600 {target}.new; mv {target}.new {target}"


def data_before(data: str, hop: str = "*") -> str:
    """Return where a rollback keeps what etcd's folder held before it: inside of it, as that may be a mount of its own."""
    return f"{data}/migrator-before-{hop}"


def data_restored(data: str, hop: str = "*") -> str:
    """Return where a rollback restores a snapshot to, before it is etcd's data."""
    return f"{data}/migrator-restored-{hop}"


def forget_data_before(host: Host) -> None:
    """Remove what earlier rollbacks have kept: the cluster runs, and a snapshot of it was taken and checked since."""
    data = for_shell(etcd_folders(host).data)
    host.run(f"rm -rf -- {data_before(data)} {data_restored(data)}", timeout=300)
