"""A new CRI-O starts a container, or that of before comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.errors import CommandFailedError, MigratorError
from migrator.nodes.hop.runtime_trial import ProvenRuntime, start_a_container
from migrator.nodes.packages import Packages
from tests.support.hosts import FakeHost
from tests.support.shell_host import ShellHost

BEFORE = "/var/lib/migrator/runtime-before.json"
CONMON = "container create failed: exec /usr/bin/crio-conmon: permission denied"


class Machine(FakeHost):
    """A host with a CRI-O, whose packages can be changed, and whose containers start with some versions only."""

    def __init__(self, works: Callable[[str], bool], installed: str = "1.36.0") -> None:
        super().__init__("w1", accepts=["mkdir -p", "systemctl", "lock=", "rm -rf /run/migrator/trial"])
        self.installed, self.works, self.trials = installed, works, 0
        self.answers = {
            "crictl runp": lambda _: self.trial(),
            "pacman -Q cri-o 2>/dev/null | grep": lambda command: (
                "" if f"' {self.installed}-'" in command.replace("\\", "") else "cri-o\n"
            ),
            "pacman -Q cri-o 2>/dev/null | cut": lambda _: self.installed,
            "uname -m": "aarch64\n",
            "sha256sum": "",
            "test -s": "",
            "systemd-run": self.install,
            "cat /var/log/migrator/": "",
            f"rm -f {BEFORE}": lambda _: self.files.pop(BEFORE) and "",
            f"test -e {BEFORE}": lambda _: self.there(),
        }

    def trial(self) -> str:
        """Start a container."""
        self.trials += 1
        if not self.works(self.installed):
            raise CommandFailedError("crictl runp", 1, CONMON)
        return ""

    def install(self, command: str) -> str:
        """Install a package."""
        self.installed = "1.37.0" if "cri-o-1.37.0" in command else "1.36.0"
        return ""

    def there(self) -> str:
        """Find the note of what was before."""
        if BEFORE not in self.files:
            raise CommandFailedError("test", 1, "")
        return ""


@pytest.fixture
def action(tmp_path: Path) -> ProvenRuntime:
    """Return the action for a new CRI-O, with both packages in the source."""
    for version in ("1.36.0", "1.37.0"):
        (tmp_path / f"cri-o-{version}-1-aarch64.pkg.tar.zst").touch()
    return ProvenRuntime(Packages({"cri-o": "1.37.0"}, str(tmp_path)))


def test_an_image_that_cannot_be_pulled_says_nothing_about_the_runtime(action: ProvenRuntime) -> None:
    """The new packages stay, and the next run tries again."""
    host = Machine(lambda _: True)
    host.answers["crictl runp"] = lambda _: no_image()
    with pytest.raises(MigratorError, match="the pause image cannot be pulled"):
        action.run(host)
    assert (host.installed, action.done(host)) == ("1.37.0", False)


def no_image() -> str:
    """End as the trial does where its image cannot be had."""
    raise CommandFailedError("sh", 75, "pinging container registry: i/o timeout")


def test_a_runtime_that_starts_a_container_stays(action: ProvenRuntime) -> None:
    """Until it has, a run that was cut off does it again."""
    host = Machine(lambda _: True)
    assert not action.done(host)
    action.run(host)
    assert (host.installed, host.trials, action.done(host)) == ("1.37.0", 1, True)
    host.files[BEFORE] = json.dumps({"cri-o": "1.36.0"})
    assert not action.done(host), "a proof is outstanding"
    action.run(host)
    assert (host.trials, action.done(host)) == (2, True)


def test_a_runtime_that_starts_nothing_is_put_back(action: ProvenRuntime) -> None:
    """The package of before comes back and is tried, too (cri-o#8385); the run stops there."""
    host = Machine(lambda version: version == "1.36.0")
    with pytest.raises(
        MigratorError, match=r"CRI-O 1\.37\.0 starts no container: .*crio-conmon.*1\.36\.0 is back there, and starts them"
    ) as caught:
        action.run(host)
    assert (host.installed, BEFORE in host.files) == ("1.36.0", False)
    assert "no further node is changed" in caught.value.hint


def test_a_runtime_that_does_not_start_at_all_is_put_back_too(action: ProvenRuntime) -> None:
    """Its restart after the installation fails already (cri-o#7612, cri-o#8214)."""
    host = Machine(lambda version: version == "1.36.0")

    def restart(_: str) -> str:
        if host.installed == "1.37.0":
            raise CommandFailedError("systemctl", 1, "Job for crio.service failed")
        return ""

    host.answers = {"try-restart crio": restart, **host.answers}
    with pytest.raises(MigratorError, match="is back there, and starts them"):
        action.run(host)
    assert host.installed == "1.36.0"


def test_a_setting_that_breaks_every_version_is_told_as_such(action: ProvenRuntime) -> None:
    """Not the package is the reason."""
    with pytest.raises(MigratorError, match=r"starts none either \(.*crio-conmon.*\): is it a setting"):
        action.run(Machine(lambda _: False))


def test_a_proof_that_is_outstanding_with_nothing_to_put_back_keeps_what_is_there(action: ProvenRuntime) -> None:
    """The same version was there before."""
    host = Machine(lambda _: False, installed="1.37.0")
    host.files[BEFORE] = json.dumps({"cri-o": "1.37.0"})
    with pytest.raises(MigratorError, match=r"CRI-O 1\.37\.0 starts no container"):
        action.run(host)
    assert host.installed == "1.37.0"


@pytest.mark.parametrize(
    ("said", "tries"),
    [
        ("container 12 is not running", 5),
        ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", 5),
        ("pod sandbox with name k8s_POD_migrator-trial_kube-system_u_1 already exists: name is reserved for 12", 5),
        (CONMON, 1),
    ],
)
def test_a_trial_that_the_kubelet_has_ended_or_a_busy_host_is_made_again(said: str, tries: int) -> None:
    """It ends pods that it does not know; what the runtime says is taken at its word."""
    host = FakeHost()
    host.fails("crictl runp", said)
    with pytest.raises(CommandFailedError):
        start_a_container(host)
    assert sum("crictl runp" in command for command in host.commands) == tries


CRICTL = """#!/bin/sh
echo "$@" >> "$HOST/asked"
case "$1" in
  pods) echo old ;;
  runp) echo pod-1 ;;
  create) echo container-1 ;;
  start) {start} ;;
  exec) {enter} ;;
  inspect) echo '"state": "CONTAINER_RUNNING"' ;;
  inspectp) {sandbox} ;;
esac
"""


@pytest.mark.parametrize(
    ("start", "enter", "sandbox", "works"),
    [
        ("true", "true", "", True),
        ("true", "echo 'exec: /pause: no such file' >&2; exit 1", "echo SANDBOX_READY", True),
        ("true", "echo 'seccomp: permission denied' >&2; exit 1", "echo SANDBOX_READY", False),
        ("true", "echo 'container is not running' >&2; exit 1", "exit 1", True),
        ("echo 'conmon exited' >&2; exit 1", "true", "", False),
    ],
    ids=["all works", "an image without the program", "cannot be entered", "ended by the kubelet", "does not start"],
)
def test_the_trial_s_words_to_the_shell(tmp_path: Path, start: str, enter: str, sandbox: str, *, works: bool) -> None:
    """A pod of the settings' own pause image on the host's network; what is left of it, or of an earlier one, goes."""
    host = ShellHost(tmp_path)
    host.program("sleep", "#!/bin/sh\n")
    host.program("crio", "#!/bin/sh\necho '# pause_image_auth_file = \"no\"'; echo '# pause_image = \"r.example/pause:3.10\"'\n")
    host.program("crictl", CRICTL.format(start=start, enter=enter, sandbox=sandbox or "true"))
    if works:
        start_a_container(host)
    else:
        with pytest.raises(CommandFailedError, match=r"seccomp|conmon exited"):
            start_a_container(host)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "inspecti -q r.example/pause:3.10"
    assert [line for line in asked if line.startswith("rmp")] == ["rmp -f old", "rmp -f pod-1"]


def test_an_image_that_cannot_be_pulled_has_a_code_of_its_own(tmp_path: Path) -> None:
    """No container was tried."""
    host = ShellHost(tmp_path)
    host.program("sleep", "#!/bin/sh\n")
    host.program("crio", "#!/bin/sh\necho 'pause_image = \"r.example/pause:3.10\"'\n")
    host.program("crictl", "#!/bin/sh\necho i/o timeout >&2; exit 1\n")
    with pytest.raises(CommandFailedError, match="i/o timeout") as caught:
        start_a_container(host)
    assert caught.value.code == 75
