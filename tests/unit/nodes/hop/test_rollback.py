"""A node goes back to before a hop."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.nodes.hop.etcd import Snapshot
from migrator.nodes.hop.rollback import ControlPlaneStarted, ControlPlaneStopped, KubeletBack, SettingsRestored, restart_kubelet
from tests.support.hosts import FakeHost

FOLDER = "/var/lib/migrator/snapshots/hop"
STOPPED = ControlPlaneStopped(Snapshot("hop", begun=True))


def control_plane(*, kubelet: bool, pods: str, restored: bool = False) -> FakeHost:
    """Return a control plane in one of its states."""
    host = FakeHost("cp", accepts=["systemctl stop kubelet", "systemctl stop migrator-second-"])
    host.answers["crictl pods"] = pods
    for part, good in ((f"test -e {FOLDER}/restored", restored), ("systemctl is-active -q kubelet", kubelet)):
        host.accepts(part) if good else host.fails(part)
    return host


@pytest.mark.parametrize(
    ("host", "done"),
    [
        (control_plane(kubelet=True, pods="p1\n"), False),
        (control_plane(kubelet=False, pods="p1\n"), False),
        (control_plane(kubelet=True, pods=""), False),
        (control_plane(kubelet=False, pods="\n"), True),
        (control_plane(kubelet=True, pods="p1\n", restored=True), True),
    ],
)
def test_a_control_plane_is_stopped_once(host: FakeHost, done: bool) -> None:  # noqa: FBT001
    """Neither kubelet nor static pods run; one that has started with the restored data must not be stopped again."""
    assert STOPPED.done(host) is done


def test_the_kubelet_is_stopped_before_the_pods() -> None:
    """It would start them again; only the static pods of this node are stopped, the other pods go on serving."""
    host = control_plane(kubelet=True, pods="p1\n")
    STOPPED.run(host)
    first, left, second = host.commands
    assert first.startswith("systemctl stop kubelet")
    assert "systemctl stop migrator-second-api migrator-second-etcd" in left
    assert "crictl stopp $pod" in second
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"):
        assert f"io.kubernetes.pod.name={name}-cp" in second


def test_settings_are_put_back_only_from_a_whole_archive() -> None:
    """Manifests that the hop has added go with the folder, and nothing claims that kubeadm has upgraded this node."""
    host = FakeHost("cp", accepts=["tar -tzf", "rm -rf /etc/kubernetes/manifests", "rm -f /var/lib/migrator/upgraded-"])
    SettingsRestored("hop").run(host)
    checked, restored, forgotten = host.commands
    assert checked.startswith(f"tar -tzf {FOLDER}/settings.tar.gz")
    assert restored == (
        f"rm -rf /etc/kubernetes/manifests; tar -C / -xzpf {FOLDER}/settings.tar.gz && sync && touch {FOLDER}/settings-restored"
    )
    assert "upgraded-control-plane" in forgotten


def test_without_saved_settings_nothing_is_removed() -> None:
    """The manifests are still there when it is said."""
    host = FakeHost("cp")
    host.fails("tar -tzf")
    with pytest.raises(BlockedError, match="no settings saved before this hop") as caught:
        SettingsRestored("hop").run(host)
    assert "docs/upgrade.md" in caught.value.hint
    assert not any("rm -rf" in command for command in host.commands)


@pytest.mark.parametrize(
    ("action", "mark"), [(SettingsRestored("hop"), "settings-restored"), (KubeletBack("1.36.3", "hop"), "kubelet-back")]
)
def test_a_step_back_leaves_its_mark_beside_the_snapshot(action: SettingsRestored | KubeletBack, mark: str) -> None:
    """So a rollback that is run again does not repeat it."""
    host = FakeHost("cp", accepts=["tar ", "rm -", "systemctl"])
    host.fails("test -e")
    assert not action.done(host)
    action.run(host)
    assert any(command.endswith(f"touch {FOLDER}/{mark}") for command in host.commands)
    del host.answers["test -e"]
    host.files[f"{FOLDER}/{mark}"] = ""
    assert action.done(host)


def starting(answers_after: float) -> FakeHost:
    """Return a host whose API server of 1.36.3 answers after this time."""
    host = FakeHost("cp", accepts=["systemctl"])

    def version(command: str) -> str:
        if host.clock.monotonic() < answers_after:
            raise CommandFailedError(command, 1, "connection refused")
        return '{"gitVersion": "v1.36.3"}'

    host.answers = {"get --raw /version": version, "journalctl -u kubelet": "etcd is not ready"}
    return host


def test_a_control_plane_has_started_when_its_api_server_answers() -> None:
    """At the version of before, with a running kubelet."""
    host, action = starting(30.0), ControlPlaneStarted("1.36.3")
    action.run(host)
    assert 30 <= host.clock.monotonic() < 31
    assert not ControlPlaneStarted("1.37.2").done(host)
    host.fails("systemctl is-active -q kubelet")
    assert not action.done(host)


def test_an_api_server_that_stays_away_is_told_with_the_kubelet_s_words() -> None:
    """After five minutes; what to look at is in the hint."""
    host = starting(1000.0)
    with pytest.raises(MigratorError, match=r"API server of 1\.36\.3 does not answer after 300 s: etcd is not ready") as caught:
        ControlPlaneStarted("1.36.3").run(host)
    assert "crictl ps -a" in caught.value.hint
    assert host.clock.monotonic() == pytest.approx(300.0, abs=1.0)


def test_a_restart_does_not_wait() -> None:
    """With several members of etcd, no API server answers before most of them run."""
    host = FakeHost("cp", accepts=["systemctl restart kubelet"])
    restart_kubelet(host)
    assert (host.commands, host.clock.slept) == (["systemctl restart kubelet"], [])
