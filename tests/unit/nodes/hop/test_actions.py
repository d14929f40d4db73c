"""What a hop does to a host, where something is not as it should be; the rest runs on real nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import BlockedError, CommandFailedError, HostError, MigratorError
from migrator.nodes.detached import Detached
from migrator.nodes.hop.etcd import EtcdRestored, Snapshot, members
from migrator.nodes.hop.kubeadm import ControlPlaneUpgraded, ImagesPulled, Patches
from migrator.nodes.hop.read_host import read_host
from migrator.nodes.hop.settings import changed_settings, settings_before, settings_now
from migrator.nodes.hop.staged import Staged
from migrator.nodes.packages import Packages, available_versions
from migrator.nodes.spec import ClusterSpec
from tests.support.clock import FakeClock
from tests.support.crictl import Crictl
from tests.support.hosts import FakeHost
from tests.support.nodes import FIRST, spec

STAGED = Staged(Packages({"kubernetes": "1.37.2"}, "/packages"))
CLUSTER: ClusterSpec = spec()


def unit(*states: str) -> FakeHost:
    """Return a host on which a unit is in these states, one after the other; the last one stays."""
    host = FakeHost("cp", accepts=["systemd-run"])
    left = list(states)

    def show(_: str) -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    host.answers["systemctl show -p ActiveState"] = show
    host.answers["cat /var/log/migrator/job.log"] = "what it said"
    return host


INACTIVE = "ActiveState=inactive\nSubState=dead\nExecMainStatus=0\n"
RUNNING = "ActiveState=active\nSubState=running\nExecMainStatus=0\nat work\n"
ENDED = "ActiveState=active\nSubState=exited\nExecMainStatus=0\n"
FAILED = "ActiveState=failed\nSubState=failed\nExecMainStatus=7\n"
JOB = Detached("job", "kubeadm upgrade apply", 60.0)


def test_a_unit_is_started_once_and_its_progress_shown() -> None:
    """Nothing runs yet: it is started, watched and taken away; what it says last is shown once."""
    host, said = unit(INACTIVE, RUNNING, RUNNING, ENDED), list[str]()
    assert JOB.run(host, said.append) == "what it said"
    assert sum("systemd-run" in command for command in host.commands) == 1
    assert said == ["cp: at work"]
    assert "systemctl stop job" in host.commands[-1]


@pytest.mark.parametrize("state", [RUNNING, ENDED])
def test_a_unit_of_an_earlier_run_is_joined_and_not_begun_again(state: str) -> None:
    """It runs, or has ended while nobody looked."""
    host = unit(state, ENDED)
    assert JOB.run(host, lambda _: None) == "what it said"
    assert not any("systemd-run" in command for command in host.commands)


def test_a_unit_that_fails_is_an_error_with_its_words() -> None:
    """The exit code and the output are kept."""
    with pytest.raises(CommandFailedError, match="ended with 7: what it said"):
        JOB.run(unit(INACTIVE, FAILED), lambda _: None)


def test_a_host_that_is_away_for_a_while_is_waited_for_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command goes on without us; a host that stays away is an error."""
    monkeypatch.setattr("migrator.nodes.detached._POLL", 0.01)
    host, away = unit(INACTIVE, ENDED), [True, True, False]

    def show(_: str) -> str:
        if any("systemd-run" in command for command in host.commands):
            if away.pop(0):
                raise HostError("cp: no route to host")
            return ENDED
        return INACTIVE

    host.answers["systemctl show -p ActiveState"] = show
    assert JOB.run(host, lambda _: None) == "what it said"
    monkeypatch.setattr("migrator.nodes.detached._LOST_SECONDS", 0.0)
    away[:] = [True] * 50
    host.commands.clear()
    with pytest.raises(HostError, match="no route"):
        JOB.run(host, lambda _: None)


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    """Nothing was drained when it is found; a worker pulls only what runs on it."""
    host = FakeHost("w1")
    host.answers["images list"] = "r/kube-apiserver:v1.37.2\nr/kube-proxy:v1.37.2\nr/pause:3.10\n"
    host.answers["crictl inspecti"] = lambda command: "r/kube-proxy:v1.37.2\n" if "kube-apiserver" not in command else "wrong"
    host.fails("crictl pull", "connection refused")
    with pytest.raises(MigratorError, match=r"w1: image r/kube-proxy:v1\.37\.2 cannot be pulled: connection refused") as caught:
        ImagesPulled(STAGED, CLUSTER, "worker").run(host)
    assert "nothing was drained" in caught.value.hint


def test_a_package_that_is_not_whole_is_told_before_it_is_installed(tmp_path: Path) -> None:
    """Kubeadm is taken out of it first: that fails."""
    (tmp_path / "kubernetes-1.37.2-1-aarch64.pkg.tar.zst").write_bytes(b"half")
    host = FakeHost("cp")
    host.answers["uname -m"] = "aarch64"
    host.accepts("mkdir -p /var/cache/migrator", "sha256sum --check")
    host.fails("tar --zstd", "zstd: unexpected end of file")
    with pytest.raises(MigratorError, match="not a whole package"):
        Staged(Packages({"kubernetes": "1.37.2"}, str(tmp_path))).run(host)


def test_kubeadm_s_own_words_come_with_what_can_be_done() -> None:
    """Which check failed, and that both ways are open; no mark says that it was done."""
    host = FakeHost("cp", accepts=["test -d /etc/kubernetes/migrator-patches"])
    host.fails("systemd-run", "[ERROR CreateJob]: job did not end\nerror: error execution phase preflight: preflight checks failed")
    with pytest.raises(MigratorError, match=r"preflight checks failed \[ERROR CreateJob\]") as caught:
        ControlPlaneUpgraded(STAGED, CLUSTER, first=True, say=lambda _: None).run(host)
    assert "resume" in caught.value.hint
    assert "rollback" in caught.value.hint
    assert not host.files


def test_a_snapshot_needs_room_for_itself_and_for_kubeadm_s_copy() -> None:
    """Said before anything is written."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["du -sm /var/lib/etcd"] = "700\n900\n"
    with pytest.raises(BlockedError, match="has 900 MiB free below /var/lib; the snapshot and kubeadm's own copy need 1600"):
        Snapshot("hop").run(host)
    assert not any("snapshot save" in command for command in host.commands)


def test_an_empty_snapshot_is_none() -> None:
    """Etcdutl counts the keys of what was saved."""
    host = Crictl().on(FakeHost("cp"))
    host.answers |= {"du -sm": "1\n9000\n", "cat /var/lib/migrator/snapshots/hop/status.json": '{"totalKey": 0}'}
    host.accepts("etcdctl --endpoints")
    with pytest.raises(MigratorError, match="holds no keys"):
        Snapshot("hop").run(host)


def test_a_snapshot_is_private_and_every_member_restores_its_own_part() -> None:
    """Mode 0600; each member has its name, its address and the list of all."""
    host = Crictl().on(FakeHost("cp"))
    host.answers |= {"du -sm": "1\n9000\n", "cat /var/lib/migrator/snapshots/hop/status.json": '{"totalKey": 5}'}
    host.accepts("etcdctl --endpoints", "ls -1t /var/lib/migrator/snapshots", "etcdutl snapshot restore")
    Snapshot("hop").run(host)
    saving = next(command for command in host.commands if "snapshot save" in command)
    assert "umask 077" in saving
    assert "chmod 600" in saving
    EtcdRestored(Snapshot("hop"), "b", "10.0.0.2", [("a", "10.0.0.1"), ("b", "10.0.0.2")]).run(host)
    assert "--initial-cluster=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380" in host.commands[-1]
    assert "--name=b" in host.commands[-1]
    assert "--bump-revision" in host.commands[-1]


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


def test_patches_are_brought_as_they_are() -> None:
    """Other files go: what is there is what the person's folder has."""
    host = FakeHost("cp", accepts=["rm -rf /etc/kubernetes/migrator-patches"])
    patches = Patches((("etcd0+merge.yaml", b"a: 1\n"),))
    patches.run(host)
    assert host.files["/etc/kubernetes/migrator-patches/etcd0+merge.yaml"] == "a: 1\n"
    host.answers["ls /etc/kubernetes/migrator-patches"] = "etcd0+merge.yaml\n"
    assert patches.done(host)
    host.answers["ls /etc/kubernetes/migrator-patches"] = "etcd0+merge.yaml\nold.yaml\n"
    assert not patches.done(host)


def test_a_source_lists_what_it_has_for_an_architecture(tmp_path: Path) -> None:
    """A folder by its files, a repository by its index, asked from the host."""
    for name in (
        "kubernetes-1.36.3-1-aarch64",
        "kubernetes-1.37.2-1-aarch64",
        "kubernetes-1.37.2-1-x86_64",
        "cri-o-1.37.0-1-aarch64",
    ):
        (tmp_path / f"{name}.pkg.tar.zst").touch()
    assert available_versions(FakeHost(), str(tmp_path), "aarch64") == {"kubernetes": ("1.36.3", "1.37.2"), "cri-o": ("1.37.0",)}
    host = FakeHost()
    host.answers["curl -fsSL"] = "%FILENAME%\nkubernetes-1.37.2-1-armv7h.pkg.tar.zst\n--\n"
    assert available_versions(host, "http://build.example/packages", "armv7l") == {"kubernetes": ("1.37.2",)}
    assert "http://build.example/packages/migrator.db.tar.gz" in host.commands[0]


API_SERVER = (
    "spec:\n  containers:\n  - command: [kube-apiserver, --audit-log-path=/var/log/audit, --v=2]\n    image: x:{}\nkind: Pod\n"
)


def test_settings_that_kubeadm_has_dropped_are_told_and_images_are_not() -> None:
    """A flag of the API server, a setting of the kubelet."""
    host = FakeHost("cp")
    host.answers = {
        "tar -xzOf /var/lib/migrator/snapshots/hop/settings.tar.gz var/lib/kubelet": "maxPods: 40\n",
        "tar -xzOf /var/lib/migrator/snapshots/hop/settings.tar.gz etc/kubernetes/manifests/kube-apiserver": API_SERVER.format(1),
        "cat /var/lib/kubelet/config.yaml": "maxPods: 110\n",
        "cat /etc/kubernetes/manifests/kube-apiserver.yaml": API_SERVER.format(2).replace(" --audit-log-path=/var/log/audit,", ""),
    }
    for part in ("etcd", "kube-controller-manager", "kube-scheduler"):
        host.accepts(f"cat /etc/kubernetes/manifests/{part}.yaml", f"settings.tar.gz etc/kubernetes/manifests/{part}.yaml")
    host.accepts("cat /var/lib/migrator/snapshots/hop/addons.json")
    found = {
        item.path: (item.live, item.wanted)
        for item in changed_settings(settings_before(host, "hop"), settings_now(host, addons=False))
    }
    assert found == {"kubelet.maxPods": (40, 110), "kube-apiserver.flags.--audit-log-path": ("/var/log/audit", "(absent)")}


def test_a_host_tells_what_the_checks_need() -> None:
    """Packages, kubelet, edited lines, gates and flags that the target's kubelet does not know."""
    host = FakeHost("green-1")
    host.answers = {
        "echo architecture=": "architecture=aarch64\ncgroup=2\ndisk=9000\nclock=1\n",
        "@@ installed": "@@ installed\nkubernetes 1.36.3-1\n@@ etcd\n42\n@@ kubelet\nmaxPods: 40\n@@ flags\nKUBELET_ARGS=--gone --v=2\n# --not-read\n",
        "upgrade diff": "--- /etc/kubernetes/manifests/kube-apiserver.yaml\n+++ new manifest\n-    - --v=4\n",
        "kubelet --help": "  --v number\n  --feature-gates  KnownGate=true|false (BETA - default=true)\n",
        "version -o short": "v1.37.2",
    }
    seen = read_host(host, FIRST, STAGED, "1.36.3", FakeClock())
    assert (seen.installed, seen.facts.etcd, seen.kubelet) == ({"kubernetes": "1.36.3-1"}, 42, {"maxPods": 40})
    assert seen.edited == ("kube-apiserver has `- --v=4`",)
    assert (seen.gates, seen.unknown_flags) == (frozenset({"KnownGate"}), ("--gone",))
    host.answers["echo architecture="] = HostError("green-1: refused", hint="is it on?")
    assert (
        read_host(host, FIRST, None, "1.36.3", FakeClock()).error,
        read_host(host, FIRST, None, "1.36.3", FakeClock()).cure,
    ) == (
        "green-1: refused",
        "is it on?",
    )
