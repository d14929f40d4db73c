"""Snapshots of etcd before a hop, and the data of a member after a rollback."""

from __future__ import annotations

import json

import pytest

from migrator.errors import BlockedError, MigratorError
from migrator.nodes.hop.etcd import EtcdRestored, SettingsSaved, Snapshot, has_local_etcd, members
from tests.support.crictl import Crictl
from tests.support.hosts import FakeHost

FOLDER = "/var/lib/migrator/snapshots/hop"


def roomy(**status: int) -> FakeHost:
    """Return a host with a running etcd, and room for a snapshot of this status."""
    host = Crictl().on(FakeHost("cp"))
    host.answers |= {"du -sm": "1\n9000\n", f"cat {FOLDER}/status.json": json.dumps(status)}
    host.accepts("etcdctl --endpoints", "ls -1t /var/lib/migrator/snapshots", "etcdutl snapshot restore")
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
    removed = [command for command in host.commands if command.startswith("rm -rf -- ")]
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


@pytest.mark.parametrize(
    ("told", "intact"), [('{"hash": 1, "totalKey": 5}', True), ('{"hash": 2, "totalKey": 5}', False), ("", False)]
)
def test_a_snapshot_is_intact_with_the_hash_it_was_taken_with(told: str, intact: bool) -> None:  # noqa: FBT001
    """Etcdutl computes it from the bytes; where it cannot read them it says nothing."""
    host = FakeHost("cp")
    host.answers = {f"cat {FOLDER}/status.json": '{"hash": 1, "totalKey": 5}', "snapshot status": told}
    assert Snapshot("hop").intact(host) is intact


def test_every_member_restores_its_own_part() -> None:
    """Each has its name, its address and the list of all; revisions move ahead, so that watchers read anew."""
    host = roomy()
    EtcdRestored(Snapshot("hop"), "b", "10.0.0.2", [("a", "10.0.0.1"), ("b", "10.0.0.2")]).run(host)
    restoring = host.commands[-1]
    assert "--initial-cluster=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380" in restoring
    assert "--name=b" in restoring
    assert "--initial-advertise-peer-urls=https://10.0.0.2:2380" in restoring
    assert "--bump-revision=1000000000 --mark-compacted" in restoring


def test_the_data_before_a_rollback_is_kept_and_restored_only_once() -> None:
    """What etcd has written since must not be replaced when the rollback is run again."""
    host, restored = roomy(), EtcdRestored(Snapshot("hop"), "a", "10.0.0.1", [("a", "10.0.0.1")])
    host.fails(f"test -e {FOLDER}/restored")
    assert not restored.done(host)
    restored.run(host)
    assert f"mv /var/lib/etcd {FOLDER}/etcd-before-rollback" in host.commands[-1]
    assert host.commands[-1].endswith(f"sync; touch {FOLDER}/restored")
    del host.answers[f"test -e {FOLDER}/restored"]
    host.files[f"{FOLDER}/restored"] = ""
    assert restored.done(host)


def test_settings_are_saved_without_kubeadm_s_own_copies() -> None:
    """Those below /etc/kubernetes/tmp are large; a half archive does not get the name of a whole one."""
    host = FakeHost("w1", accepts=["mkdir -p /var/lib/migrator/snapshots/hop"])
    host.fails("test -s")
    saved = SettingsSaved("hop")
    assert not saved.done(host)
    saved.run(host)
    assert "--exclude=etc/kubernetes/tmp" in host.commands[-1]
    assert host.commands[-1].endswith(f"mv {FOLDER}/settings.tar.gz.new {FOLDER}/settings.tar.gz")
    host.files[f"{FOLDER}/settings.tar.gz"] = "archive"
    del host.answers["test -s"]
    assert saved.done(host)


def test_etcd_is_local_where_its_manifest_is() -> None:
    """An external etcd has none on the control planes."""
    host = FakeHost("cp")
    host.fails("test -e /etc/kubernetes/manifests/etcd.yaml")
    assert not has_local_etcd(host)
    assert has_local_etcd(Crictl().on(FakeHost("cp")))


def test_members_tell_how_they_are() -> None:
    """One answers, one is a learner that does not."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["member list"] = (
        '{"members": [{"ID": 1, "name": "a", "clientURLs": ["https://10.0.0.1:2379"]},'
        ' {"ID": 2, "isLearner": true, "clientURLs": ["https://10.0.0.2:2379"]}]}'
    )
    host.answers["endpoint status"] = '[{"Endpoint": "https://10.0.0.1:2379", "Status": {"version": "3.6.5", "dbSize": 4096}}]'
    assert [(item.name, item.version, item.learner, item.healthy) for item in members(host)] == [
        ("a", "3.6.5", False, True),
        ("2", "", True, False),
    ]
