"""A control plane that emulates the old minor: it comes, it is raised, or the old one goes on; a real shell does it to real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.errors import BlockedError, CommandFailedError, MigratorError
from migrator.model.kubeadm import CONTROL_PLANE
from migrator.nodes.hop.emulation import ControlPlaneEmulating, EmulationRaised, ManifestsPutBack, local_version
from migrator.nodes.hop.kubeadm import PATCHES, ControlPlaneUpgraded
from migrator.nodes.paths import MANIFESTS
from tests.support.hosts import FakeHost
from tests.support.nodes import STAGED, spec
from tests.support.shell_host import ShellHost

SAVED = "1.36.3-to-1.37.2-20260101-000000"
FLAG = "--emulated-version=1.36"
EMULATING = ControlPlaneEmulating(STAGED, spec(), "1.36", lambda _: None)
RAISED = EmulationRaised("1.37.2")
BACK = ManifestsPutBack(SAVED, "1.36.3")

KUBECTL = """#!/bin/sh
# Stands for kubectl that asks the API server of this host: it answers what its manifest says, once the kubelet has started it.
echo "$@" >> "$HOST/asked"
case "$*" in *" get pods "*)
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    file=$HOST/etc/kubernetes/manifests/$name.yaml
    echo "$(sed -n 's/.*image: //p' $file) [$(sed -n 's/^    - //p' $file | tr '\\n' ' ')]"
  done
  exit ;;
esac
manifest=$HOST/etc/kubernetes/manifests/kube-apiserver.yaml
version=$(sed -n 's/.*image: .*:v//p' $manifest)
minor=$(echo $version | cut -d. -f2)
emulated=$(sed -n 's/.*--emulated-version=1[.]//p' $manifest)
echo "{\\"gitVersion\\": \\"v$version\\", \\"minor\\": \\"$minor\\", \\"emulationMinor\\": \\"${emulated:-$minor}\\"}"
"""
KUBEADM = """#!/bin/sh
# Stands for kubeadm: it gives each static pod the new image, and the flag that a patch of its name adds.
echo "$@" >> "$HOST/kubeadm"
for word; do case "$word" in --patches=*) patches=${word#--patches=} ;; esac; done
for name in kube-apiserver kube-controller-manager kube-scheduler; do
  manifest=$HOST/etc/kubernetes/manifests/$name.yaml
  flag=$(sed -n 's/.*"value": "\\(.*\\)".*/\\1/p' "$patches/$name~emulated+json.json")
  sed -i -e 's/:v1[.]36[.]3$/:v1.37.2/' -e "s/^    - --secure-port.*/&\\n    - $flag/" $manifest
done
"""


def manifest(component: str, version: str, *flags: str) -> str:
    """Return a static pod as kubeadm writes it."""
    lines = "".join(f"    - {flag}\n" for flag in ("--advertise-address=10.0.0.1", "--secure-port=6443", *flags))
    return f"spec:\n  containers:\n  - command:\n    - {component}\n{lines}    image: registry.k8s.io/{component}:v{version}\n"


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    """Return a control plane of the old minor, whose manifests are saved."""
    made = ShellHost(tmp_path)
    made.program("kubectl", KUBECTL)
    made.write(f"{STAGED.folder}/kubeadm", KUBEADM.encode(), mode=0o755)
    for component in CONTROL_PLANE:
        made.write(f"{MANIFESTS}/{component}.yaml", manifest(component, "1.36.3").encode(), mode=0o600)
    made.run(
        f"mkdir -p /var/lib/migrator/snapshots/{SAVED}; tar -C {tmp_path} -czf /var/lib/migrator/snapshots/{SAVED}/settings.tar.gz etc"
    )
    made.write(f"{MANIFESTS}/etcd.yaml", b"image: registry.k8s.io/etcd:3.7.0-0\n", mode=0o600)
    return made


def content(host: ShellHost) -> dict[str, str]:
    """Return all manifests."""
    return {path.stem: path.read_text() for path in sorted(host.path(MANIFESTS).iterdir())}


OLD = {component: manifest(component, "1.36.3") for component in CONTROL_PLANE}
NEW = {component: manifest(component, "1.37.2") for component in CONTROL_PLANE}
BETWEEN = {component: manifest(component, "1.37.2", FLAG) for component in CONTROL_PLANE}
ETCD = {"etcd": "image: registry.k8s.io/etcd:3.7.0-0\n"}


def test_kubeadm_gets_the_flag_beside_a_person_s_patches_and_changes_static_pods_alone(host: ShellHost) -> None:
    """What else it would change, inside of the cluster or of the kubelet, a way back would have to undo."""
    host.write(f"{PATCHES}/kube-apiserver0+strategic.yaml", b"kept: true\n")
    assert not EMULATING.done(host)
    EMULATING.run(host)
    assert content(host) == BETWEEN | ETCD
    assert EMULATING.done(host)
    (words,) = host.path("kubeadm").read_text().splitlines()
    skipped = "upload-config,kubelet-config,bootstrap-token,addon,post-upgrade"
    assert words.startswith(f"upgrade apply v1.37.2 --yes --skip-phases={skipped}")
    folder = host.path("/var/lib/migrator/emulating-patches")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["kube-apiserver0+strategic.yaml", *(f"{name}~emulated+json.json" for name in CONTROL_PLANE)]
    )
    assert json.loads((folder / "kube-scheduler~emulated+json.json").read_text()) == [
        {"op": "add", "path": "/spec/containers/0/command/-", "value": FLAG}
    ]
    assert host.path("/var/lib/migrator/upgraded-made-of").read_text().startswith("1.37.2 "), (
        "what tells whether it must be covered again"
    )
    assert host.started == ["migrator-emulating-1.37.2"], "a unit that the raising kubeadm cannot be taken for"


def test_patches_that_a_kubeadm_of_an_earlier_run_may_read_stay_as_they_are() -> None:
    """Without its flag the new API server would write what the old one cannot read."""
    unit = f"migrator-emulating-{STAGED.version}.service"
    host = FakeHost("cp", accepts=[""])
    host.answers["list-units"] = f"{unit} loaded active running kubeadm\n"
    host.answers["systemctl show"] = "ActiveState=active\nSubState=exited\nExecMainStatus=0\n"
    EMULATING.run(host)
    assert any("list-units" in command for command in host.commands)
    assert not any("emulating-patches" in command and "rm -rf" in command for command in host.commands)


def test_emulating_is_not_done_once_the_old_manifests_are_back(host: ShellHost) -> None:
    """The next upgrade runs kubeadm again."""
    EMULATING.run(host)
    BACK.run(host)
    assert not EMULATING.done(host)


def test_raising_takes_the_flag_out_and_nothing_else(host: ShellHost) -> None:
    """It is done when the API server of this host says so, at its own address."""
    EMULATING.run(host)
    assert not RAISED.done(host)
    RAISED.run(host)
    assert content(host) == NEW | ETCD
    assert RAISED.done(host)
    assert "--server=https://10.0.0.1:6443" in host.path("asked").read_text()
    assert {path.stat().st_mode & 0o777 for path in host.path(MANIFESTS).iterdir()} == {0o600}


def test_an_api_server_that_still_emulates_is_not_raised() -> None:
    """The manifest is new and the old process answers."""
    host = FakeHost("cp")
    host.fails("grep -q -e --emulated-version=")
    host.answers["get --raw /version"] = '{"gitVersion": "v1.37.2", "minor": "37", "emulationMinor": "36"}'
    assert not RAISED.done(host)
    host.answers["get --raw /version"] = '{"gitVersion": "v1.37.2", "minor": "37", "emulationMinor": "37"}'
    host.answers["get pods kube-apiserver-cp"] = "r/kube-scheduler:v1.37.2 [kube-scheduler --emulated-version=1.36]"
    assert not RAISED.done(host), "the kubelet has not told of the scheduler that it has started"
    host.answers["get pods kube-apiserver-cp"] = "r/kube-scheduler:v1.37.2 [kube-scheduler]"
    assert RAISED.done(host)


def test_going_back_puts_the_three_back_and_leaves_etcd(host: ShellHost) -> None:
    """Its data and its version stay; what kubeadm has marked as done is so no more."""
    EMULATING.run(host)
    assert not BACK.done(host)
    BACK.run(host)
    assert content(host) == OLD | ETCD
    assert BACK.done(host)
    assert not host.path("/var/lib/migrator/upgraded-emulating").exists()


def test_going_back_needs_all_manifests_of_before(host: ShellHost) -> None:
    """Without them nothing is changed."""
    EMULATING.run(host)
    host.run(f"rm /var/lib/migrator/snapshots/{SAVED}/settings.tar.gz")
    with pytest.raises(BlockedError, match="cp has no manifests saved before this hop"):
        BACK.run(host)
    assert content(host) == BETWEEN | ETCD


@pytest.mark.parametrize(("action", "after"), [(RAISED, NEW), (BACK, OLD)], ids=["raised", "back"])
def test_cut_off_anywhere_each_manifest_is_the_old_or_the_new_one(
    host: ShellHost, action: EmulationRaised | ManifestsPutBack, after: dict[str, str]
) -> None:
    """A kubelet reads every file of the folder at any time; run again, it goes on."""
    EMULATING.run(host)
    for changes in range(6):
        host.cut_after(changes)
        try:
            action.run(host)
        except CommandFailedError:
            found = content(host)
            assert found.keys() == (BETWEEN | ETCD).keys()
            assert all(found[name] in (BETWEEN[name], after[name]) for name in CONTROL_PLANE)
    host.cut_after(1000)
    action.run(host)
    assert content(host) == after | ETCD


@pytest.mark.parametrize("action", [RAISED, BACK], ids=["raised", "back"])
def test_an_api_server_that_does_not_come_up_is_told_with_the_kubelet_s_words(action: EmulationRaised | ManifestsPutBack) -> None:
    """With what goes on once it is mended."""
    host = FakeHost("cp", accepts=["for name in kube-apiserver", "grep -q kube-", "cmp -s", "rm -f /var/lib/migrator/upgraded-"])
    host.answers |= {"get --raw /version": "", "journalctl": "the last words"}
    host.fails("grep -q -e --emulated-version=")
    with pytest.raises(MigratorError, match=r"cp: the API server of .* does not answer after 300 s: the last words") as caught:
        action.run(host)
    assert "goes on" in caught.value.hint
    assert local_version(host)["gitVersion"] == ""


def test_the_api_server_comes_before_the_others() -> None:
    """A controller-manager is never newer than its API server, and the kubelet can tell of each pod that it starts."""
    host = FakeHost("cp", accepts=["for name in", "grep -q kube-", "cmp -s", "rm -f /var/lib/migrator/upgraded-"])
    host.answers["get --raw /version"] = '{"gitVersion": "v1.36.3", "minor": "36"}'
    host.answers["get pods"] = "".join(f"r/{component}:v1.36.3 [{component}]\n" for component in CONTROL_PLANE)
    BACK.run(host)
    steps = [command for command in host.commands if "for name in" in command or "get --raw" in command]
    assert "for name in kube-apiserver;" in steps[0]
    assert "get --raw /version" in steps[1]
    assert "for name in kube-controller-manager kube-scheduler;" in steps[2]


def test_kubeadm_raises_without_touching_etcd_or_certificates_again() -> None:
    """Both were done when the static pods were made new; etcd's folder is not copied a second time."""
    host = FakeHost("cp", accepts=["systemd-run", "cat /var/log/migrator/", "test -d"])
    host.fails("test -e /etc/kubernetes/admin.conf")
    ControlPlaneUpgraded(STAGED, spec(), first=True, say=lambda _: None, raising=True).run(host)
    started = next(command for command in host.commands if "systemd-run" in command)
    assert "upgrade apply v1.37.2 --yes --etcd-upgrade=false --certificate-renewal=false" in started
