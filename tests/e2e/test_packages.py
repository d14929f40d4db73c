"""Real makepkg, real pacman: packages are built, reproducible, cross-built, published, installed, upgraded and removed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.adapters.commands import run
from migrator.errors import BlockedError
from migrator.nodes.package_trust import PackageTrust
from migrator.nodes.packages import Packages
from migrator.testbed.binaries import Store
from migrator.testbed.go_build import workshop
from migrator.testbed.machines.lab import Lab
from migrator.testbed.machines.supplies import CROSS_BUILT, RUNTIME, packages
from migrator.testbed.versions import BLUE, GREEN
from tests.support.project import say
from tests.support.shell_host import ShellHost
from tests.support.web import Reply, serving

SECONDS = 90


@pytest.fixture
def work() -> Iterator[Path]:
    """Return a work folder of the test's own, as somebody else may build on this machine; Go's caches in it are the common ones."""
    folder = Path(tempfile.mkdtemp(prefix="migrator-work-", dir="/var/tmp"))
    folder.chmod(0o755)
    caches = workshop().environment
    run(workshop().command(["true"], folder))
    for variable, name in (("GOMODCACHE", "go-mod"), ("GOCACHE", "go-build")):
        (folder / name).symlink_to(caches[variable])
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def migrator(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", "packages", *words], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def host(store: Store, supplies: Path, tmp_path: Path) -> Iterator[Lab]:
    """Boot one host with all packages in its cache folder."""
    lab = Lab(tmp_path / "lab", "pac", store, say)
    lab.up(1, ())
    root = tmp_path / "lab/nodes/pac-1/root/root"
    for file in supplies.glob("*x86_64.pkg.tar.zst"):
        run(["cp", file, root])
    yield lab
    lab.down()


def test_a_package_is_built_twice_to_the_same_bytes_and_published(tmp_path: Path, work: Path) -> None:
    """Same inputs, same file; the repository names it."""
    made = []
    order = (f"crictl={RUNTIME['crictl']}", "--source", "modules", "--work", str(work))
    for name in ("one", "two"):
        done = migrator(tmp_path, "build", *order, "--dest", name, "-o", "json")
        assert done.returncode == 0, done.stderr
        made.append(Path(json.loads(done.stdout)["packages"][0]))
    assert hashlib.sha256(made[0].read_bytes()).digest() == hashlib.sha256(made[1].read_bytes()).digest()
    done = migrator(tmp_path, "publish", "--dest", "one")
    assert done.returncode == 0, done.stderr
    assert f"crictl-{RUNTIME['crictl']}-1/desc" in run(["bsdtar", "-tf", tmp_path / "one/migrator.db.tar.gz"])


def test_a_repository_is_signed_where_a_key_is_given(supplies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages and database carry signatures that hold; a key that is not there is one line."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    run(["gpg", "--batch", "--passphrase", "", "--quick-generate-key", "packages@example.com", "ed25519", "sign", "never"])
    (tmp_path / "dist").mkdir()
    file = next(supplies.glob("crictl-*x86_64*"))
    (tmp_path / "dist" / file.name).write_bytes(file.read_bytes())
    done = migrator(tmp_path, "publish", "--dest", "dist", "--key", "packages@example.com")
    assert done.returncode == 0, done.stderr
    for name in (file.name, "migrator.db.tar.gz"):
        run(["gpg", "--batch", "--verify", tmp_path / "dist" / f"{name}.sig", tmp_path / "dist" / name])
    refused = migrator(tmp_path, "publish", "--dest", "dist", "--key", "nobody@example.com")
    run(["gpgconf", "--kill", "all"])
    assert refused.returncode == 1
    assert "nobody@example.com" in refused.stderr


def test_a_host_takes_what_the_pinned_key_has_signed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by the key: taken. Changed afterwards, or signed by another key: refused, and removed."""
    home, shelf, file = tmp_path / "gnupg", tmp_path / "shelf", "crictl-1.37.0-1-aarch64.pkg.tar.zst"
    home.mkdir(mode=0o700)
    shelf.mkdir()
    monkeypatch.setenv("GNUPGHOME", str(home))
    for name in ("good", "bad"):
        run(["gpg", "--batch", "--passphrase", "", "--quick-generate-key", f"{name}@example.com", "ed25519", "sign", "never"])
    (tmp_path / "key").write_text(run(["gpg", "--armor", "--export", "good@example.com"]))

    def signed(content: bytes, *, key: str) -> None:
        (shelf / file).write_bytes(content)
        run(["gpg", "--batch", "--yes", "--detach-sign", "--local-user", f"{key}@example.com", shelf / file])

    host = ShellHost(tmp_path / "host")
    host.program("uname", "#!/bin/sh\necho aarch64\n")
    cached = host.path(f"/var/cache/migrator/{file}")
    with serving(lambda asked: Reply(body=(shelf / asked.path[1:]).read_bytes())) as web:
        packages_of = Packages({"crictl": "1.37.0"}, f"http://{web.address}", trust=PackageTrust(key=str(tmp_path / "key")))
        signed(b"package", key="good")
        packages_of.fetch(host, ["crictl"])
        assert cached.read_bytes() == b"package"
        (shelf / file).write_bytes(b"changed")
        for spoil in (lambda: (shelf / file).write_bytes(b"changed"), lambda: signed(b"package", key="bad")):
            spoil()
            with pytest.raises(BlockedError, match="no signature by packageKey"):
                packages_of.fetch(host, ["crictl"])
            assert not cached.exists()
    run(["gpgconf", "--kill", "all"])


def test_a_source_with_another_checksum_is_not_built(tmp_path: Path, work: Path) -> None:
    """The recorded sum decides."""
    (tmp_path / "packages.sum").write_text(f"modules crictl 1.34.0 h1:{'A' * 43}=\n")
    order = ("build", "cni-plugins=1.9.0", "--source", "modules", "--work", str(work))
    done = migrator(tmp_path, *order)
    assert done.returncode == 3
    assert "--accept-new-checksum" in done.stderr
    (tmp_path / "packages.sum").write_text(f"modules cni-plugins 1.9.0 h1:{'A' * 43}=\n")
    done = migrator(tmp_path, *order)
    assert done.returncode == 1
    assert f"pinned is h1:{'A' * 43}=" in done.stderr.replace("\n", " ")


def test_packages_are_cross_built_and_run(store: Store, tmp_path: Path) -> None:
    """A plugin for aarch64 is what it says, and answers; that Kubernetes itself does is shown by `make e2e-arm`."""
    folder = packages(store, (), architecture="aarch64", names=[CROSS_BUILT])
    run(["bsdtar", "-xf", folder / f"{CROSS_BUILT}-{RUNTIME[CROSS_BUILT]}-1-aarch64.pkg.tar.zst", "-C", tmp_path])
    plugin = tmp_path / "opt/cni/bin/loopback"
    assert "ARM aarch64" in run(["file", plugin])
    answer = json.loads(run(["qemu-aarch64-static", plugin], environment={"CNI_COMMAND": "VERSION"}))
    assert "1.0.0" in answer["supportedVersions"]


def test_pacman_installs_upgrades_and_removes_and_keeps_what_a_person_changed(host: Lab) -> None:
    """An upgrade replaces the programs and says what to restart; a changed environment file stays."""

    def root(command: str) -> str:
        return run(host.command("pac-1", f"sudo sh -c '{command}'"))

    root(f"pacman -U --noconfirm /root/cni-plugins* /root/cri-o* /root/crictl* /root/kubernetes-{BLUE}*")
    assert root("kubeadm version -o short").strip() == f"v{BLUE}"
    assert "runc" in root("cat /etc/crio/crio.conf.d/10-crio.conf")
    root("systemctl start crio")
    assert "1.34.0" in root("crictl version")
    root("echo KUBELET_ARGS=--v=3 > /etc/kubernetes/kubelet.env")
    said = root(f"pacman -U --noconfirm /root/kubernetes-{GREEN}*")
    assert "systemctl restart kubelet" in said
    assert root("kubeadm version -o short").strip() == f"v{GREEN}"
    assert root("cat /etc/kubernetes/kubelet.env").strip() == "KUBELET_ARGS=--v=3"
    root("pacman -R --noconfirm kubernetes")
    assert root("ls /usr/bin/kubelet 2>/dev/null || echo gone").strip() == "gone"
    assert root("cat /etc/kubernetes/kubelet.env.pacsave").strip() == "KUBELET_ARGS=--v=3"
