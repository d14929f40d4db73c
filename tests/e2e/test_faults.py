"""A host that is not as it should be: one clear line, and once it is mended `up` goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError
from migrator.testbed.machines.lab import Lab
from migrator.testbed.versions import GREEN
from tests.support.project import Project

SECONDS = 150

FIRST = "lone-1"


class Lone:
    """One empty host and its stack."""

    def __init__(self, project: Project, lab: Lab) -> None:
        self.project = project
        self.lab = lab
        self.configure()

    def configure(self, source: Path | None = None) -> None:
        """Write the stack, with another source of packages where one is given."""
        more = {"packageSource": str(source)} if source else {}
        self.project.stack("lone", self.project.settings("lone", GREEN, **more))

    def fails(self) -> str:
        """Run `pulumi up`, which must fail, and return what it says."""
        with pytest.raises(CommandFailedError) as caught:
            self.project.up("lone")
        assert "Traceback" not in caught.value.output
        return caught.value.output

    def on(self, command: str) -> str:
        """Run a command on the host as root, past SSH: some faults are SSH's own."""
        leader = run(["pgrep", "-P", run(["pgrep", "-P", str(self.lab.status().machines[0].process.pid)]).split()[0]]).split()[0]
        return run(["nsenter", "-t", leader, "-m", "-n", "-p", "-u", "-i", "-C", "sh", "-c", command])


@pytest.fixture(scope="module")
def lone_host(project: Project) -> Lone:
    """Boot one host."""
    return Lone(project, project.lab("lone", 1, GREEN))


@pytest.fixture
def lone(lone_host: Lone) -> Iterator[Lone]:
    """Return the host with a fresh disk, and its stack with nothing in it."""
    yield lone_host
    lone_host.configure()
    lone_host.lab.up(1, (GREEN,))
    lone_host.project.engine.run("destroy", "--yes", "--skip-preview", "--stack", "lone")
    lone_host.lab.power_off(FIRST)
    lone_host.lab.reinstall(FIRST)
    lone_host.lab.up(1, (GREEN,))


def test_an_unknown_host_key_is_refused_with_the_command_that_accepts_it(lone: Lone) -> None:
    """A host whose key nobody has confirmed is not talked to."""
    lone.lab.known_hosts.write_text("")
    assert "ssh-keyscan" in lone.fails()


def test_a_user_who_may_not_use_sudo_is_told_so(lone: Lone) -> None:
    """Without sudo nothing is done."""
    lone.on("mv /etc/sudoers.d/alarm /root/")
    said = lone.fails()
    lone.on("mv /root/alarm /etc/sudoers.d/")
    assert "may not use sudo without a password" in said
    assert "/etc/sudoers.d/alarm" in said


def test_a_host_of_another_cluster_and_a_full_disk_are_named_at_once(lone: Lone) -> None:
    """Every finding in one go; nothing was changed."""
    lone.on(
        "mkdir -p /etc/kubernetes; echo x > /etc/kubernetes/kubelet.conf; mount -t tmpfs -o size=64m tmpfs /var/lib/pacman/sync 2>/dev/null; mount -t tmpfs -o size=1g tmpfs /var/lib/misc; mount --bind /var/lib/misc /var/lib"
    )
    said = lone.fails()
    lone.on("umount /var/lib; umount /var/lib/misc; umount /var/lib/pacman/sync 2>/dev/null; rm /etc/kubernetes/kubelet.conf")
    assert "part of a cluster that was not made here" in said
    assert "MiB free below /var/lib" in said
    assert "nothing was changed" in said
    assert "kubernetes" not in lone.on("pacman -Q")


def test_a_package_that_is_not_what_it_should_be_is_not_installed(lone: Lone, tmp_path: Path) -> None:
    """A broken package ends in pacman's own words; a missing one says how to make it."""
    for file in lone.project.supplies.glob("*x86_64.pkg.tar.zst"):
        shutil.copy(file, tmp_path)
    broken = next(tmp_path.glob(f"kubernetes-{GREEN}-*"))
    broken.write_bytes(broken.read_bytes()[:1000000])
    lone.configure(tmp_path)
    assert "pacman does not install" in lone.fails()
    broken.unlink()
    said = lone.fails()
    assert f"has no kubernetes-{GREEN}-1-x86_64.pkg.tar.zst" in said
    assert "migrator packages build" in said


@pytest.mark.on_demand
def test_images_that_cannot_be_pulled_stop_init_and_the_next_up_finishes_it(lone: Lone) -> None:
    """The registry is gone: kubeadm's own words; it is back: a cluster."""
    lone.lab.stop_registry()
    said = lone.fails()
    assert "kubeadm init failed" in said
    assert "run this again to continue" in said
    lone.lab.up(1, (GREEN,))
    lone.project.up("lone")
    assert "lone-1" in lone.project.kubectl("lone", "get nodes")


def test_init_that_is_cut_off_goes_on_at_the_next_up(lone: Lone) -> None:
    """The network goes in the middle of kubeadm init."""
    cut: list[str] = []

    def show(line: str) -> None:
        if "kubeadm init" in line and not cut:
            cut.append(line)
            lone.lab.cut(FIRST)

    with pytest.raises(CommandFailedError) as caught:
        lone.project.engine.run("up", "--yes", "--skip-preview", "--stack", "lone", show=show)
    assert FIRST in caught.value.output
    lone.lab.mend(FIRST)
    lone.project.up("lone")
    assert "control-plane" in lone.project.kubectl("lone", "get nodes")
