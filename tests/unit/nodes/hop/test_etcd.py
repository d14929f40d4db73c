"""Snapshots of etcd before a hop, with what belongs to them."""

from __future__ import annotations

import json

import pytest

from migrator.errors import BlockedError, MigratorError
from migrator.nodes.hop.etcd import SettingsSaved, Snapshot
from tests.support.crictl import Crictl, etcd_manifest
from tests.support.hosts import FakeHost

FOLDER = "/var/lib/migrator/snapshots/hop"


def roomy(**status: int) -> FakeHost:
    """Return a host with a running etcd, and room for a snapshot of this status."""
    host = Crictl().on(FakeHost("cp"))
    host.answers |= {"du -sm": "1\n9000\n", f"cat {FOLDER}/status.json": json.dumps(status)}
    host.accepts("etcdctl --endpoints", "ls -1t /var/lib/migrator/snapshots", "rm -rf -- /var/lib/etcd/migrator-before-*")
    return host


def test_a_snapshot_needs_room_for_itself_and_for_kubeadm_s_copy() -> None:
    """Said before anything is written."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["du -sm /var/lib/etcd"] = "700\n900\n"
    with pytest.raises(BlockedError, match="has 900 MiB free below /var/lib; the snapshot and kubeadm's own copy need 1600"):
        Snapshot("hop").run(host)
    assert not any("snapshot save" in command for command in host.commands)


def test_an_empty_snapshot_is_none() -> None:
    """Etcdutl counts the keys of what was saved."""
    with pytest.raises(MigratorError, match="holds no keys"):
        Snapshot("hop").run(roomy(totalKey=0))


def test_a_snapshot_is_private() -> None:
    """No file of it is readable for others, at any moment."""
    host = roomy(totalKey=5)
    Snapshot("hop").run(host)
    saving = next(command for command in host.commands if "snapshot save" in command)
    assert saving.index("umask 077") < saving.index("snapshot save")
    assert "chmod 600" in saving


def test_a_snapshot_gets_its_name_once_it_is_whole() -> None:
    """Cut off half way, only a folder with another name is there."""
    host = roomy(totalKey=5)
    Snapshot("hop").run(host)
    saving = next(command for command in host.commands if "snapshot save" in command)
    assert f"snapshot save {FOLDER}.partial/etcd.db" in saving
    assert saving.endswith(f"mv {FOLDER}.partial {FOLDER}")


def test_the_three_newest_snapshots_are_kept() -> None:
    """Older ones are removed, also one whose name a shell would take for several words."""
    host = roomy(totalKey=5)
    host.answers["ls -1t /var/lib/migrator/snapshots"] = "hop\nb\nc\nd\ne; reboot\n"
    host.accepts("rm -rf -- ")
    Snapshot("hop").run(host)
    removed = [command for command in host.commands if command.startswith("rm -rf -- ") and "/snapshots/" in command]
    assert removed == [
        "rm -rf -- /var/lib/migrator/snapshots/d",
        "rm -rf -- '/var/lib/migrator/snapshots/e; reboot'",
    ]


@pytest.mark.parametrize(("begun", "asks_age"), [(False, True), (True, False)])
def test_an_old_snapshot_counts_only_for_the_hop_that_has_begun(begun: bool, asks_age: bool) -> None:  # noqa: FBT001
    """Before kubeadm has changed anything it is taken anew after an hour; afterwards it must not be overwritten."""
    host = FakeHost("cp", accepts=["test -s"])
    assert Snapshot("hop", begun=begun).done(host)
    assert ("-mmin -60" in host.commands[-1]) is asks_age


SAVED = {"hash": 1, "revision": 10, "totalKey": 5, "totalSize": 100}


@pytest.mark.parametrize(
    ("shown", "intact"),
    [
        (SAVED, True),
        ({**SAVED, "version": "3.6.0"}, True),
        ({**SAVED, "hash": 2}, False),
        ({**SAVED, "revision": 9}, False),
        ({**SAVED, "totalKey": 4}, False),
        (None, False),
    ],
)
def test_a_snapshot_is_intact_with_the_hash_it_was_taken_with(shown: dict[str, int] | None, intact: bool) -> None:  # noqa: FBT001
    """Etcdutl computes it from the bytes; a newer one that prints more says the same of it; one that cannot read it nothing."""
    host = FakeHost("cp", accepts=["test -x"])
    host.answers = {f"cat {FOLDER}/status.json": json.dumps(SAVED), "snapshot status": json.dumps(shown) if shown else ""}
    assert Snapshot("hop").intact(host) is intact


def test_the_program_that_restores_a_snapshot_stays_with_it() -> None:
    """A look forward takes etcdutl out of the etcd of then; a snapshot is read and restored by its own."""
    host = roomy(totalKey=5)
    Snapshot("hop").run(host)
    saving = next(command for command in host.commands if "snapshot save" in command)
    assert f"cp /var/lib/migrator/etcd-tools/etcdutl {FOLDER}.partial/etcdutl; chmod 700" in saving
    host.files[f"{FOLDER}/etcdutl"] = "program"
    host.accepts("test -x")
    assert Snapshot("hop").tool(host) == f"{FOLDER}/etcdutl"
    of_0_1_0 = FakeHost("cp")
    of_0_1_0.fails("test -x")
    assert Snapshot("hop").tool(of_0_1_0) == "/var/lib/migrator/etcd-tools/etcdutl"


def test_etcd_s_folders_are_those_of_its_manifest() -> None:
    """Data on another disk, certificates elsewhere (kubeadm's `dataDir`, `certificatesDir`)."""
    host = roomy(totalKey=5)
    host.files["/etc/kubernetes/manifests/etcd.yaml"] = etcd_manifest(data="/data/etcd", pki="/data/pki/etcd")
    host.accepts("rm -rf -- /data/etcd/migrator-before-*")
    Snapshot("hop").run(host)
    assert any("du -sm /data/etcd |" in command for command in host.commands)
    assert any("--cacert=/data/pki/etcd/ca.crt" in command and "snapshot save" in command for command in host.commands)


def test_what_a_rollback_has_kept_goes_once_a_new_snapshot_is_good() -> None:
    """Until then it is the only copy; on every control plane."""
    host = roomy(totalKey=5)
    Snapshot("hop").run(host)
    assert host.commands[-1] == "rm -rf -- /var/lib/etcd/migrator-before-* /var/lib/etcd/migrator-restored-*"
    empty = roomy(totalKey=0)
    with pytest.raises(MigratorError):
        Snapshot("hop").run(empty)
    assert not any("migrator-before" in command for command in empty.commands)
    other = roomy()
    other.accepts("mkdir -p /var/lib/migrator/snapshots/hop")
    SettingsSaved("hop").run(other)
    assert "migrator-before" in other.commands[-1]


def test_settings_are_saved_without_kubeadm_s_own_copies() -> None:
    """Those below /etc/kubernetes/tmp are large; a half archive does not get the name of a whole one."""
    host = FakeHost("w1", accepts=["mkdir -p /var/lib/migrator/snapshots/hop"])
    host.fails("test -s")
    host.fails("test -e /etc/kubernetes/manifests/etcd.yaml")
    saved = SettingsSaved("hop")
    assert not saved.done(host)
    saved.run(host)
    saving = host.commands[-2]
    assert "--exclude=etc/kubernetes/tmp" in saving
    assert saving.endswith(f"mv {FOLDER}/settings.tar.gz.new {FOLDER}/settings.tar.gz")
    host.files[f"{FOLDER}/settings.tar.gz"] = "archive"
    del host.answers["test -s"]
    assert saved.done(host)
