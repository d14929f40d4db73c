"""Put etcd's data of before a hop back, without losing what is there: see docs/upgrade.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.nodes.detached import Detached
from migrator.nodes.hop.etcd import Snapshot, data_before, data_restored
from migrator.nodes.hop.etcd_folders import ETCD_MANIFEST, EtcdFolders, folders_in, member_in
from migrator.ports import Host
from migrator.untrusted import for_shell

# etcd's largest recommended data (8 GiB), written to an SD card with 10 MiB/s, takes 14 minutes.
_RESTORE_SECONDS = 1800.0
# What a restore writes beside the snapshot's own bytes: etcd allocates 64 MiB for a log, twice.
_SPARE_MIB = 200
# By how much revisions move ahead, as etcd's guide to recovery advises.
_AHEAD = 1_000_000_000

_CHECK = r"""
data={data}; member=$data/member; at=$data
while ! test -e "$at"; do at=$(dirname "$at"); done
if ! test -d "$at"; then echo "$at is not a folder"; fi
if test -L "$member"; then echo "$member is a symbolic link"
elif mountpoint -q "$member" 2>/dev/null; then echo "$member is a mount: only $data may be one"; fi
free=$(df -Pm "$at" | awk 'NR == 2 {{print $4}}')
if test "$free" -lt {needed}; then echo "only $free MiB are free in $at; a restore needs {needed}"; fi
true
"""
# Each line may be the last one before a cut, and the whole is then run again.
#
# A folder named `new` is whole, since it gets that name last; empty, it says that its content is in place. What stands in its
# way is kept under a name that nothing has: after a cut between the two moves a boot lets etcd begin an empty `member`.
_RESTORE = r"""
set -eu
data={data}; new={new}; before={before}
mkdir -p -m 700 "$data"
if ! test -d "$new"; then
  rm -rf "$new.partial"
  ahead=
  if {tool} snapshot restore --help 2>&1 | grep -q -e --bump-revision; then ahead='--bump-revision={ahead} --mark-compacted'; fi
  {tool} snapshot restore {database} --data-dir="$new.partial" {member} $ahead
  chown -R --reference="$data" "$new.partial"
  sync
  mv "$new.partial" "$new"
  sync
fi
if test -e "$new/member"; then
  if test -e "$data/member"; then
    kept=$before; number=1
    while test -e "$kept"; do number=$((number + 1)); kept=$before.$number; done
    mv "$data/member" "$kept"
    sync
  fi
  mv "$new/member" "$data/member"
  sync
fi
touch {marker}
sync
rm -rf "$new"
"""


def saved_folders(host: Host, snapshot: Snapshot) -> EtcdFolders:
    """Return the folders of the etcd that will run again: those of the manifest that was saved; raises BlockedError."""
    return folders_in(_saved_manifest(host, snapshot), host.name)


def saved_member(host: Host, snapshot: Snapshot, address: str) -> tuple[str, str]:
    """Return name and peer URLs of the etcd that will run again on a host of this address; raises BlockedError."""
    return member_in(_saved_manifest(host, snapshot), host.name, address)


def _saved_manifest(host: Host, snapshot: Snapshot) -> str:
    return host.run(f"tar -xzOf {snapshot.folder}/settings.tar.gz {ETCD_MANIFEST.lstrip('/')} 2>/dev/null; true")


def require_restorable(host: Host, snapshot: Snapshot, size_mib: int) -> None:
    """Raise BlockedError where a restore could not be done to its end; nothing was stopped by then."""
    if host.ok(f"test -e {snapshot.folder}/restored"):
        return
    data = for_shell(saved_folders(host, snapshot).data)
    found = host.run(_CHECK.format(data=data, needed=size_mib + _SPARE_MIB)).strip().splitlines()
    if found:
        raise BlockedError(f"{host.name}: {'; '.join(found)}", hint="nothing was stopped; fix the cause, then run this again")


def require_tool(host: Host, snapshot: Snapshot) -> None:
    """Raise BlockedError where the program that restores a snapshot does not run; nothing was stopped by then."""
    if not host.ok(f"{snapshot.tool(host)} version >/dev/null"):
        raise BlockedError(
            f"{host.name}: {snapshot.tool(host)} does not run there",
            hint="nothing was stopped; put the etcdutl of the previous etcd, for this machine, in its place",
        )


@dataclass(slots=True, frozen=True)
class EtcdRestored:
    """Have etcd's data of the snapshot; run with kubelet and etcd stopped."""

    snapshot: Snapshot
    member: tuple[str, str]
    """Name and peer URLs of this member."""
    peers: Sequence[tuple[str, str]]
    """The same of every member."""
    name: str = "etcd restored"

    def done(self, host: Host) -> bool:
        """Return whether the data was put in place since it was stopped; then it must not be put there again."""
        return host.ok(f"test -e {self._marker}")

    def run(self, host: Host) -> None:
        """Restore it as a unit of its own; what was there before is kept in etcd's folder until the next snapshot.

        The revision is moved ahead, so that no watcher takes what it remembers of the future for the truth. Raises
        MigratorError with etcdutl's words.
        """
        data = saved_folders(host, self.snapshot).data
        script = self._script(data, self.snapshot.tool(host))
        unit = Detached(f"migrator-etcd-restore-{self.snapshot.hop}", f"sh -c {for_shell(script)}", _RESTORE_SECONDS)
        try:
            unit.run(host, lambda _: None)
        except CommandFailedError as error:
            raise MigratorError(
                f"{host.name}: etcd's data is not restored: {error.output.strip()[-400:]}",
                hint=f"what was in {data} is still there; fix the cause, then `migrator upgrade rollback` continues",
            ) from error

    @property
    def _marker(self) -> str:
        return f"{self.snapshot.folder}/restored"

    def _script(self, data: str, tool: str) -> str:
        name, urls = self.member
        peers = ",".join(f"{peer}={url}" for peer, listed in self.peers for url in listed.split(","))
        words = (f"--name={name}", f"--initial-cluster={peers}", f"--initial-advertise-peer-urls={urls}")
        return _RESTORE.format(
            data=for_shell(data),
            new=for_shell(data_restored(data, self.snapshot.hop)),
            before=for_shell(data_before(data, self.snapshot.hop)),
            tool=tool,
            ahead=_AHEAD,
            database=f"{self.snapshot.folder}/etcd.db",
            member=" ".join(map(for_shell, words)),
            marker=self._marker,
        )
