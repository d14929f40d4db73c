"""Packages at their version, through pacman."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from migrator.errors import BlockedError, MigratorError
from migrator.nodes.packages import NoPackages, Packages, available_versions
from tests.support.hosts import FakeHost
from tests.support.shell_host import ShellHost


def host() -> FakeHost:
    """Return an aarch64 board without the package."""
    made = FakeHost(accepts=("mkdir -p /var/cache/migrator", "sha256sum --check", "curl -fsSL", "systemctl daemon-reload"))
    made.accepts("/var/lib/pacman/db.lck", "pacman -U", "cat /var/log/migrator/migrator-packages-")
    made.answers = {"uname -m": "aarch64\n", "cut -d": "1.36.0\n", "pacman -Q": "crictl\n"}
    return made


def test_a_missing_package_says_how_to_make_it(tmp_path: Path) -> None:
    """Nothing was installed."""
    board = host()
    with pytest.raises(BlockedError, match=r"crictl-1\.37\.0-1-aarch64") as caught:
        Packages({"crictl": "1.37.0"}, str(tmp_path)).run(board)
    assert "packages build" in caught.value.hint
    assert not any("pacman -U" in command for command in board.commands)


def test_a_host_that_was_upgraded_in_place_is_not_taken_back(tmp_path: Path) -> None:
    """A stack that still says the old version is told so, and nothing is installed."""
    board = host()
    board.answers["cut -d"] = "1.38.1"
    with pytest.raises(BlockedError, match=r"has crictl 1\.38\.1, newer than the 1\.37\.0") as caught:
        Packages({"crictl": "1.37.0"}, str(tmp_path)).run(board)
    assert "upgraded in place" in caught.value.hint
    assert not any("pacman -U" in command for command in board.commands)


@pytest.mark.parametrize("version", ["1:1.37.0", "1.37.0.r12.gabcdef"])
def test_a_package_of_somebody_else_s_is_named(tmp_path: Path, version: str) -> None:
    """Packages of the AUR have epochs and commits in their versions; which is newer nobody can tell."""
    board = host()
    board.answers["cut -d"] = version
    with pytest.raises(BlockedError, match=f"has crictl {version}, which cannot be compared"):
        Packages({"crictl": "1.37.0"}, str(tmp_path)).run(board)


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("error: 'crictl': invalid or corrupted package (PGP signature)", "pacman-key"),
        ("error: Partition / too full: 10 blocks needed", "make room"),
        ("error: unable to lock database", "db.lck"),
        ('error: conmon: signature from "Arch Linux ARM Build System <a@b>" is unknown trust', "archlinuxarm-keyring"),
        (":: unable to satisfy dependency 'conntrack-tools' required by kubernetes", "pacman -Syu"),
        ("error: failed retrieving file 'runc-1.3.0-1-aarch64.pkg.tar.xz' from mirror : 404", "pacman -Syu"),
        ("cri-o: /etc/containers/policy.json exists in filesystem (owned by containers-common)", "pacman -R"),
        ("error: unresolvable package conflicts detected: kubernetes and kubectl are in conflict", "pacman -R"),
        ("error: failed to init transaction", "see the message"),
    ],
)
def test_pacman_s_refusals_come_with_their_hint(tmp_path: Path, output: str, hint: str) -> None:
    """A wrong signature, a full disk, another pacman."""
    (tmp_path / "crictl-1.37.0-1-aarch64.pkg.tar.zst").write_bytes(b"x")
    board = host()
    board.fails("pacman -U", output)
    with pytest.raises(MigratorError) as caught:
        Packages({"crictl": "1.37.0"}, str(tmp_path)).run(board)
    assert hint in caught.value.hint


def test_a_repository_s_packages_are_fetched_by_the_host() -> None:
    """An address is handed to the host, which needs no file from here."""
    board = host()
    Packages({"crictl": "1.37.0"}, "https://build.example/packages/").run(board)
    assert any(
        "curl" in command and "https://build.example/packages/crictl-1.37.0-1-aarch64.pkg.tar.zst" in command
        for command in board.commands
    )


def test_a_package_that_was_cut_off_is_none(tmp_path: Path) -> None:
    """On the way back what the cache has is taken as it is; a download that broke is not among it."""
    board = ShellHost(tmp_path)
    board.program("uname", "#!/bin/sh\necho aarch64\n")
    # Its fifth argument is the file.
    first, then = "echo half > $5; touch $HOST/cut-off; echo 'curl: (56) connection reset' >&2; exit 56", "echo whole > $5; exit"
    board.program("curl", f"#!/bin/sh\ntest ! -e $HOST/cut-off || {{ {then}; }}\n{first}\n")
    back = Packages({"crictl": "1.36.0"}, "https://build.example/packages", allow_downgrade=True)
    (file,) = back.fetch(board, ["crictl"])
    path = board.path(f"/var/cache/migrator/{file}")
    assert (path.read_text(), [item.name for item in path.parent.iterdir()]) == ("whole\n", [file])


@pytest.mark.parametrize(("held", "age", "stays"), [(False, 1e9, False), (True, 1e9, True), (False, 0, True)])
def test_a_lock_of_before_the_boot_goes_that_nobody_has(tmp_path: Path, age: float, *, held: bool, stays: bool) -> None:
    """A clock that leaps, and a kernel that made the entry of process 1 anew, tell of a boot that was none."""
    board = ShellHost(tmp_path)
    board.program("uname", "#!/bin/sh\necho x86_64\n")
    board.program("pacman", "#!/bin/sh\nexit 0\n")
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "crictl-1.37.0-1-x86_64.pkg.tar.zst").write_bytes(b"a package")
    board.write("/var/lib/pacman/db.lck", b"")
    lock = board.path("/var/lib/pacman/db.lck")
    since = time.time() - age
    os.utime(lock, (since, since))
    with lock.open() if held else nullcontext():
        Packages({"crictl": "1.37.0"}, str(packages)).run(board)
    assert lock.exists() is stays


@pytest.mark.parametrize(("program", "settings", "done"), [("x", "", True), ("", "x", False)])
def test_an_empty_program_is_none(tmp_path: Path, program: str, settings: str, *, done: bool) -> None:
    """A power cut after pacman leaves some; a file of settings is empty where a person has emptied it."""
    board = ShellHost(tmp_path)
    files = {"/usr/bin/crictl": program, "/etc/crictl.yaml": settings}
    for path, content in files.items():
        board.write(path, content.encode())
    listed = "\\n".join(("/usr/", "/usr/bin/", *files, "/usr/share/not/there"))
    board.program("pacman", f"#!/bin/sh\ncase $1 in -Q) echo crictl 1.37.0-1 ;; -Qlq) printf '{listed}\\n' ;; esac\n")
    board.program("xargs", f"#!/bin/sh\nsed 's|^|{tmp_path}|' | /usr/bin/xargs \"$@\"\n")
    assert Packages({"crictl": "1.37.0"}, "").done(board) is done


def test_packages_are_on_the_disk_before_they_count(tmp_path: Path) -> None:
    """Pacman itself writes no file through."""
    (tmp_path / "crictl-1.37.0-1-aarch64.pkg.tar.zst").write_bytes(b"x")
    board = host()
    Packages({"crictl": "1.37.0"}, str(tmp_path)).run(board)
    (install,) = (command for command in board.commands if "pacman -U" in command)
    assert "crictl-1.37.0-1-aarch64.pkg.tar.zst && sync" in install


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


@pytest.mark.parametrize(("there", "done"), [((), True), (("weave",), False), (("weave", "docker"), False)])
def test_packages_that_must_not_be_there_are_looked_for_one_by_one(there: tuple[str, ...], *, done: bool) -> None:
    """One of several is enough to be wrong; those that are not there are not named to pacman."""
    host = FakeHost(accepts=["pacman -R --noconfirm"])
    for name in ("weave", "docker"):
        if name in there:
            host.accepts(f"pacman -Q {name}")
        else:
            host.fails(f"pacman -Q {name}")
    action = NoPackages(("weave", "docker"))
    assert action.done(host) is done
    action.run(host)
    assert host.commands[-1] == "pacman -R --noconfirm $(for p in weave docker; do pacman -Qq $p 2>/dev/null; done)"


def test_a_new_cri_o_is_told_that_no_boot_has_been(tmp_path: Path) -> None:
    """Else one of another minor removes all pods of its node as it starts (cri-o#8739); after a boot there is no file."""
    board = ShellHost(tmp_path)
    board.program("uname", "#!/bin/sh\necho x86_64\n")
    board.program(
        "crio",
        f"""#!/bin/sh
case "$1" in
  --version) printf 'crio version 1.37.0\\n   GitCommit:  unknown\\n' ;;
  config) printf '# version_file = "{tmp_path}/run/version"\\nversion_file_persist = "{tmp_path}/kept"\\n# version_file is where\\n' ;;
esac
""",
    )
    board.program("pacman", "#!/bin/sh\nexit 0\n")
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "cri-o-1.37.0-1-x86_64.pkg.tar.zst").write_bytes(b"a package")
    board.program("systemctl-own", (tmp_path / "bin/systemctl").read_text())
    told = "grep -c KillMode=process $HOST/run/systemd/system/crio.service.d/*"
    board.program("systemctl", f'#!/bin/sh\necho "$*" $({told}) >> $HOST/asked\nexec systemctl-own "$@"\n')
    board.write("/run/version", b'"1.36.0+commit"')
    Packages({"cri-o": "1.37.0"}, str(packages)).run(board)
    assert (tmp_path / "run/version").read_text() == '"1.37.0"'
    assert not (tmp_path / "kept").exists()
    # systemd would end what it finds in CRI-O's cgroup, as it was told before (cri-o#2745).
    assert (tmp_path / "asked").read_text().splitlines()[-2:] == ["daemon-reload 1", "try-restart crio 1"]
