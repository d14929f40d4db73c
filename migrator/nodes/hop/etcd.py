"""Read the members of a stacked etcd, take a snapshot before a hop, and restore it.

etcdctl and etcdutl are copied from the running etcd container: they have its version, and remain when it is gone.
Flags: etcd.io/docs/v3.6/op-guide/recovery.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migrator.errors import BlockedError, MigratorError
from migrator.model.facts import Member
from migrator.nodes.hop.static_pod import running_container
from migrator.nodes.paths import KUBECTL, MANIFESTS, STATE
from migrator.ports import Host
from migrator.untrusted import for_shell

ETCD_MANIFEST = f"{MANIFESTS}/etcd.yaml"
SNAPSHOTS = f"{STATE}/snapshots"
_TOOLS = f"{STATE}/etcd-tools"
ETCDUTL = f"{_TOOLS}/etcdutl"
"""The program that restores a snapshot."""
_TOOL_FOLDERS = ("usr/local/bin", "usr/bin", "bin")
"""Where etcd's images keep their programs."""
_PKI = "/etc/kubernetes/pki/etcd"
_CTL = (
    f"{_TOOLS}/etcdctl --endpoints=https://127.0.0.1:2379 --cacert={_PKI}/ca.crt "
    f"--cert={_PKI}/healthcheck-client.crt --key={_PKI}/healthcheck-client.key"
)
_KEPT = 3
_SPARE_MIB = 200
SETTINGS = "etc/kubernetes var/lib/kubelet/config.yaml var/lib/kubelet/kubeadm-flags.env"
"""What of a node is saved and put back, below /."""
READ_ADDONS = f"{KUBECTL} -n kube-system get --ignore-not-found -o json deployment/coredns configmap/coredns configmap/kube-proxy"
"""What kubeadm writes anew inside of the cluster; it comes back with etcd, and is kept to be compared."""


def take_tools(host: Host) -> None:
    """Copy etcdctl and etcdutl from the image of the running etcd to the host; raises BlockedError without proof of it.

    Symbolic links are not followed: on the host they would lead out of the container's file system.
    """
    root = f"/proc/{running_container(host, 'etcd').pid}/root"
    folders = " ".join(_TOOL_FOLDERS)
    host.run(
        f"""set -e
mkdir -p -m 700 {_TOOLS}
for tool in etcdctl etcdutl; do
  found=
  for folder in {folders}; do
    path={root}
    for part in $(echo $folder | tr / ' ') $tool; do
      path=$path/$part
      if test -L $path; then path=; break; fi
    done
    if test -n "$path" -a -f "$path"; then found=$path; break; fi
  done
  test -n "$found" || {{ echo "the etcd image has no $tool in {folders}, or only behind a symbolic link" >&2; exit 1; }}
  cp --no-dereference "$found" {_TOOLS}/$tool.new; chmod 755 {_TOOLS}/$tool.new; mv {_TOOLS}/$tool.new {_TOOLS}/$tool
done"""
    )


def has_local_etcd(host: Host) -> bool:
    """Return whether kubeadm runs etcd here."""
    return host.ok(f"test -e {ETCD_MANIFEST}")


def members(host: Host) -> list[Member]:
    """Return what the members of a stacked etcd say; raises CommandFailedError when none can be asked."""
    take_tools(host)
    listed = json.loads(host.run(f"{_CTL} member list -w json"))["members"]
    told = json.loads(host.run(f"{_CTL} endpoint status --cluster -w json || true") or "[]")
    statuses = {item["Endpoint"]: item["Status"] for item in told}
    found = []
    for item in listed:
        status: dict[str, Any] = next((statuses[url] for url in item.get("clientURLs") or [] if url in statuses), {})
        found.append(
            Member(
                item.get("name") or f"{item['ID']:x}",
                str(status.get("version", "")),
                bool(item.get("isLearner")),
                bool(status) and not status.get("errors"),
            )
        )
    return found


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
        take_tools(host)
        self._require_room(host)
        partial = f"{self.folder}.partial"
        host.run(
            f"set -e; umask 077; rm -rf {partial}; mkdir -p {partial}; "
            f"{_CTL} snapshot save {partial}/etcd.db >/dev/null; "
            f"{ETCDUTL} snapshot status -w json {partial}/etcd.db > {partial}/status.json; "
            f"{READ_ADDONS} > {partial}/addons.json 2>/dev/null || true; "
            f"chmod 600 {partial}/*; {_save_settings(partial)}; sync; rm -rf {self.folder}; mv {partial} {self.folder}",
            timeout=600,
        )
        status = self.status(host)
        if not int(status.get("totalKey", 0)):
            raise MigratorError(f"{host.name}: the snapshot in {self.folder} holds no keys", hint="see whether etcd is well")
        self._prune(host)

    def status(self, host: Host) -> dict[str, Any]:
        """Return what `etcdutl snapshot status` said: hash, revision, totalKey, totalSize."""
        return dict(json.loads(host.run(f"cat {self.folder}/status.json")))

    def intact(self, host: Host) -> bool:
        """Return whether the file still has the checksum that was taken with it: etcdutl works it out from the bytes."""
        told = host.run(f"{ETCDUTL} snapshot status -w json {self.folder}/etcd.db 2>/dev/null; true").strip()
        return bool(told) and json.loads(told) == self.status(host)

    def _require_room(self, host: Host) -> None:
        used, free = map(int, host.run("du -sm /var/lib/etcd | cut -f1; df -Pm /var/lib | awk 'NR == 2 {print $4}'").split())
        # kubeadm copies the whole data folder, too, and never takes the copy away (kubernetes#125357).
        needed = 2 * used + _SPARE_MIB
        if free < needed:
            raise BlockedError(
                f"{host.name} has {free} MiB free below /var/lib; the snapshot and kubeadm's own copy need {needed}",
                hint="old copies lie in /etc/kubernetes/tmp/kubeadm-backup-etcd-*; nothing was changed",
            )

    def _prune(self, host: Host) -> None:
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


def _save_settings(folder: str) -> str:
    target = f"{folder}/settings.tar.gz"
    # kubeadm's own copies of etcd below /etc/kubernetes/tmp are no settings, and large.
    return f"tar -C / --exclude=etc/kubernetes/tmp -czf {target}.new {SETTINGS}; chmod 600 {target}.new; mv {target}.new {target}"


@dataclass(slots=True, frozen=True)
class EtcdRestored:
    """Have etcd's data of the snapshot; run with kubelet and etcd stopped."""

    snapshot: Snapshot
    member: str
    """Name of this member."""
    address: str
    peers: Sequence[tuple[str, str]]
    """Name and address of every member."""
    name: str = "etcd restored"

    def done(self, host: Host) -> bool:
        """Return whether the data was put in place since it was stopped; then it must not be put there again."""
        return host.ok(f"test -e {self.snapshot.folder}/restored")

    def run(self, host: Host) -> None:
        """Restore it; what was there before is kept beside the snapshot.

        The revision is moved ahead, so that no watcher takes what it remembers of the future for the truth.
        """
        peers = ",".join(f"{name}=https://{address}:2380" for name, address in self.peers)
        folder = self.snapshot.folder
        host.run(
            f"set -e; rm -rf /var/lib/etcd.restored; {ETCDUTL} snapshot restore {folder}/etcd.db "
            f"--data-dir=/var/lib/etcd.restored --name={for_shell(self.member)} --initial-cluster={for_shell(peers)} "
            f"--initial-advertise-peer-urls=https://{self.address}:2380 --bump-revision=1000000000 --mark-compacted; "
            f"rm -rf {folder}/etcd-before-rollback; mkdir -p /var/lib/etcd; "
            f"if test -e /var/lib/etcd/member; then mv /var/lib/etcd {folder}/etcd-before-rollback; fi; "
            f"rm -rf /var/lib/etcd; mv /var/lib/etcd.restored /var/lib/etcd; chmod 700 /var/lib/etcd; "
            f"sync; touch {folder}/restored",
            timeout=600,
        )
