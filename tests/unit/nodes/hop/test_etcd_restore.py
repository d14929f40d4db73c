"""Etcd's data of before a hop is put back, by the very shell that a host runs, cut off wherever it may be."""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path

import pytest

from migrator.errors import BlockedError, MigratorError
from migrator.nodes.hop.etcd import Snapshot
from migrator.nodes.hop.etcd_restore import EtcdRestored, require_restorable, require_tool, saved_folders, saved_member
from tests.support.crictl import etcd_manifest
from tests.support.shell_host import ShellHost

FOLDER = "/var/lib/migrator/snapshots/hop"
SNAPSHOT = Snapshot("hop", begun=True)
MEMBERS = [("a", "https://10.0.0.1:2380"), ("b", "https://10.0.0.2:2380")]
RESTORED = EtcdRestored(SNAPSHOT, MEMBERS[1], MEMBERS)
ETCDUTL = """#!/bin/sh
case "$*" in
  *--help*) echo "  --bump-revision  --mark-compacted"; exit 0 ;;
  version) exit 0 ;;
esac
echo "$*" > "$HOST/arguments"
for word; do case $word in --data-dir=*) folder=${word#--data-dir=} ;; esac; done
/bin/mkdir -p "$folder/member"
echo restored > "$folder/member/db"
"""


def control_plane(root: Path, data: str = "/var/lib/etcd", *, etcdutl: str = ETCDUTL) -> ShellHost:
    """Return a stopped control plane with a snapshot, and etcd's data of after the hop."""
    host = ShellHost(root)
    host.write(f"{FOLDER}/etcd.db", b"snapshot")
    host.write(f"{FOLDER}/etcdutl", etcdutl.encode(), mode=0o700)
    host.write(f"{data}/member/db", b"after the hop")
    settings = io.BytesIO()
    with tarfile.open(fileobj=settings, mode="w:gz") as archive:
        # The container's folder is that of the test: all paths of a command are moved there.
        content = etcd_manifest(data=data).encode()
        entry = tarfile.TarInfo("etc/kubernetes/manifests/etcd.yaml")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    host.write(f"{FOLDER}/settings.tar.gz", settings.getvalue())
    return host


def kept(host: ShellHost, data: str = "/var/lib/etcd") -> list[str]:
    """Return what stands in the folders that keep what was there before."""
    return sorted(path.read_text().strip() for path in host.path(data).glob("migrator-before-hop*/db"))


def content(host: ShellHost, data: str = "/var/lib/etcd") -> str:
    """Return what etcd would start with."""
    return host.path(f"{data}/member/db").read_text().strip()


@pytest.mark.parametrize("data", ["/var/lib/etcd", "/data/etcd"])
def test_the_data_before_a_rollback_is_kept_and_restored_only_once(tmp_path: Path, data: str) -> None:
    """In the folder that the manifest names; what etcd has written since is not replaced when the rollback is run again."""
    host = control_plane(tmp_path, data)
    assert not RESTORED.done(host)
    RESTORED.run(host)
    assert RESTORED.done(host)
    assert (content(host, data), kept(host, data)) == ("restored", ["after the hop"])
    assert host.started == ["migrator-etcd-restore-hop"]
    assert sorted(path.name for path in host.path(data).iterdir()) == ["member", "migrator-before-hop"]


def test_every_member_restores_its_own_part(tmp_path: Path) -> None:
    """Each has its name, its peer URLs and the list of all; revisions move ahead, so that watchers read anew."""
    host = control_plane(tmp_path)
    RESTORED.run(host)
    arguments = (tmp_path / "arguments").read_text().split()
    assert "--initial-cluster=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380" in arguments
    assert {"--name=b", "--initial-advertise-peer-urls=https://10.0.0.2:2380"} <= set(arguments)
    assert {"--bump-revision=1000000000", "--mark-compacted"} <= set(arguments)


def test_a_member_is_restored_as_its_saved_manifest_knows_it(tmp_path: Path) -> None:
    """Each of its URLs is one of the list, as etcd compares the two."""
    host = control_plane(tmp_path)
    assert saved_member(host, SNAPSHOT, "10.0.0.9") == (host.name, "https://10.0.0.9:2380")
    member = ("b", "https://10.0.0.2:2380,https://[fd00::2]:2380")
    EtcdRestored(SNAPSHOT, member, [member]).run(host)
    arguments = (tmp_path / "arguments").read_text().split()
    assert "--initial-cluster=b=https://10.0.0.2:2380,b=https://[fd00::2]:2380" in arguments
    assert "--initial-advertise-peer-urls=https://10.0.0.2:2380,https://[fd00::2]:2380" in arguments


def test_an_etcdutl_that_cannot_move_revisions_restores_all_the_same(tmp_path: Path) -> None:
    """The flags came with etcd 3.6; an older one refuses what it does not know."""
    host = control_plane(tmp_path, etcdutl=ETCDUTL.replace("--bump-revision  --mark-compacted", "--name"))
    RESTORED.run(host)
    assert "--bump-revision" not in (tmp_path / "arguments").read_text()
    assert content(host) == "restored"


CHANGES = 12
"""More commands than the restore has."""


@pytest.mark.parametrize("boot", [False, True], ids=["", "booted in between"])
@pytest.mark.parametrize("cut", range(CHANGES))
def test_a_restore_that_is_cut_anywhere_goes_on_and_loses_nothing(tmp_path: Path, cut: int, boot: bool) -> None:  # noqa: FBT001
    """Killed in place of any of its changes; a boot lets the kubelet start etcd, which makes an empty member where none is."""
    host = control_plane(tmp_path)
    host.cut_after(cut)
    try:
        RESTORED.run(host)
    except MigratorError:
        assert "after the hop" in (*kept(host), content(host) if host.path("/var/lib/etcd/member").exists() else "")
    host.cut_after(1000)
    member = host.path("/var/lib/etcd/member")
    if boot and not member.exists():
        member.mkdir(parents=True)
        (member / "db").write_text("begun by a boot")
    if not RESTORED.done(host):
        RESTORED.run(host)
    assert content(host) == "restored"
    assert "after the hop" in kept(host)


def test_the_cuts_reach_every_change(tmp_path: Path) -> None:
    """Or the test above would stop short of the last ones."""
    for cut in itertools.count():
        host = control_plane(tmp_path / str(cut))
        host.cut_after(cut)
        try:
            RESTORED.run(host)
        except MigratorError:
            continue
        assert 6 < cut < CHANGES
        return


def test_a_restore_that_fails_says_so_and_has_moved_nothing(tmp_path: Path) -> None:
    """Etcdutl's words, and where the data is."""
    host = control_plane(tmp_path, etcdutl=ETCDUTL.replace("/bin/mkdir", "echo 'no space left on device' >&2; exit 1; /bin/mkdir"))
    with pytest.raises(MigratorError, match="no space left on device") as caught:
        RESTORED.run(host)
    assert "what was in /var/lib/etcd is still there" in caught.value.hint
    assert content(host) == "after the hop"
    assert not RESTORED.done(host)


def test_a_folder_that_is_the_root_of_a_disk_keeps_what_the_disk_has_there(tmp_path: Path) -> None:
    """`lost+found` is no part of etcd, and etcdutl refuses a folder that has it (clastix/kamaji-etcd#141)."""
    host = control_plane(
        tmp_path, etcdutl=ETCDUTL.replace("/bin/mkdir", 'test -z "$(ls "$folder" 2>/dev/null)" || exit 1; /bin/mkdir')
    )
    host.write("/var/lib/etcd/lost+found/inode", b"")
    RESTORED.run(host)
    assert (content(host), kept(host)) == ("restored", ["after the hop"])
    assert host.path("/var/lib/etcd/lost+found/inode").exists()


def test_lost_data_is_no_hindrance(tmp_path: Path) -> None:
    """Nothing is kept where nothing was."""
    host = control_plane(tmp_path)
    host.run("rm -rf /var/lib/etcd")
    require_restorable(host, SNAPSHOT, 1)
    RESTORED.run(host)
    assert (content(host), kept(host)) == ("restored", [])


def test_what_would_stop_a_restore_half_way_is_said_before_anything_is_stopped(tmp_path: Path) -> None:
    """A mount or link in the place of `member` cannot be renamed; no room; no manifest; a program of another machine."""
    host = control_plane(tmp_path)
    require_restorable(host, SNAPSHOT, 1)
    require_tool(host, SNAPSHOT)
    with pytest.raises(BlockedError, match=r"MiB are free in .*; a restore needs 1000000200"):
        require_restorable(host, SNAPSHOT, 1_000_000_000)
    host.program("mountpoint", "#!/bin/sh\nexit 0\n")
    with pytest.raises(BlockedError, match=r"member is a mount: only .*/var/lib/etcd may be one"):
        require_restorable(host, SNAPSHOT, 1)
    host.program("mountpoint", "#!/bin/sh\nexit 1\n")
    host.run("mv /var/lib/etcd/member /var/lib/elsewhere; ln -s /var/lib/elsewhere /var/lib/etcd/member")
    with pytest.raises(BlockedError, match="member is a symbolic link"):
        require_restorable(host, SNAPSHOT, 1)
    host.write(f"{FOLDER}/etcdutl", b"#!/bin/sh\nexit 126\n", mode=0o700)
    with pytest.raises(BlockedError, match="etcdutl does not run there"):
        require_tool(host, SNAPSHOT)
    host.run(f"rm {FOLDER}/settings.tar.gz")
    with pytest.raises(BlockedError, match="no single container etcd"):
        saved_folders(host, SNAPSHOT)


def test_a_member_that_is_restored_already_is_not_asked_for_room_again(tmp_path: Path) -> None:
    """A rollback that goes on after it must not be refused because of it."""
    host = control_plane(tmp_path)
    host.write(f"{FOLDER}/restored", b"")
    require_restorable(host, SNAPSHOT, 1_000_000_000)
    assert RESTORED.done(host)
