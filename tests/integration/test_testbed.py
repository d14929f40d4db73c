"""The testbed: real control planes that come, stay and go without a trace."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from migrator.adapters.clock import SystemClock
from migrator.errors import ApiError, ConfigError
from migrator.kube.access import load_access
from migrator.kube.cluster import KubeCluster
from migrator.testbed.binaries import Store
from migrator.testbed.downloads import ChecksumError, DownloadError
from migrator.testbed.planes import pair as beds
from migrator.testbed.planes.control_plane import Recipe
from migrator.testbed.planes.deploy import deploy
from migrator.testbed.versions import BLUE, GREEN
from tests.support.objects import config_map, deployment, made, service
from tests.support.sandbox import TYPES, Sandbox, until


def test_up_is_repeatable_and_down_leaves_nothing(tmp_path: Path, store: Store) -> None:
    """A second `up` is a no-op, a crashed testbed is cleaned up, another version is refused, `down` leaves nothing."""
    bed = beds.Testbed(tmp_path / "bed", store, lambda _: None)
    recipes = (Recipe("blue", BLUE, controllers=False), Recipe("green", GREEN, controllers=False))
    try:
        planes = bed.up(recipes)
        assert planes["blue"].cluster().version()[2] == f"v{BLUE}"
        assert bed.kubeconfig.stat().st_mode & 0o777 == 0o600
        first = bed.status().processes
        bed.up(recipes)
        assert bed.status().processes == first
        with pytest.raises(ConfigError, match="already runs"):
            bed.up((Recipe("blue", GREEN, controllers=False),))
        etcd = next(item for item in first if item.name == "blue/etcd")
        os.kill(etcd.pid, signal.SIGKILL)
        until(lambda: not etcd.alive)
        assert bed.up(recipes)["blue"].cluster().healthy()
        assert not any(item.alive for item in first)
        second = bed.status().processes
    finally:
        bed.down()
    assert not any(item.alive for item in second)
    assert not bed.folder.exists()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """Serve a folder as a release mirror."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_downloads_are_checked(tmp_path: Path) -> None:
    """Releases come from the mirror that was named; one that does not match its checksum is never used."""
    release = tmp_path / "site" / "v1.2.3" / "bin" / "linux" / "arm64"
    release.mkdir(parents=True)
    (release / "kube-apiserver").write_bytes(b"program")
    (release / "kube-apiserver.sha256").write_text(hashlib.sha256(b"program").hexdigest())
    with mirror(tmp_path / "site") as url:
        store = Store(tmp_path / "cache", lambda _: None, {"kubernetes": url}, source="download", architecture="arm64")
        store.cache.mkdir()
        found = store.kubernetes("1.2.3", ("kube-apiserver",))["kube-apiserver"]
        assert (found.read_bytes(), os.access(found, os.X_OK)) == (b"program", True)
        found.unlink()
        (release / "kube-apiserver").write_bytes(b"other")
        for source in ("download", "auto"):
            store.source = source
            with pytest.raises(ChecksumError, match="does not match its checksum"):
                store.kubernetes("1.2.3", ("kube-apiserver",))
        store.source = "download"
        with pytest.raises(DownloadError, match="cannot be fetched"):
            store.kubernetes("1.2.4", ("kube-apiserver",))
    assert not list((tmp_path / "cache").glob(".partial-*"))


def test_programs_of_one_build_are_compiled_together(tmp_path: Path) -> None:
    """Go makes them in one run, for the architecture that was asked for; a second store waits for none of it."""
    said: list[str] = []
    store = Store(tmp_path, said.append, source="build", architecture="arm64")
    made = store.programs("pause", "web")
    assert {name: path.read_bytes()[18] for name, path in made.items()} == {"pause": 183, "web": 183}  # ELF: EM_AARCH64
    assert len([text for text in said if text.startswith("building")]) == 1
    assert Store(tmp_path, said.append, architecture="arm64").programs("web") == {"web": made["web"]}
    assert len([text for text in said if text.startswith("building")]) == 1


def test_api_servers_reach_nothing_beyond_this_machine(sandbox: Sandbox) -> None:
    """Addresses of pods, Services and nodes are made up: what an API server sends there never leaves, it fails at once."""
    name = f"hook-{sandbox.namespace}"
    hook = {
        "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": sandbox.namespace, "name": "guard", "port": 80}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
    }  # fmt: skip
    sandbox.on_blue(
        deployment("guard", 1),
        service("guard"),
        made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name, webhooks=[hook]),
    )
    access = load_access(str(sandbox.pair.kubeconfig), "blue", cluster="blue", relative_to=Path())
    impatient = KubeCluster("blue", access, clock=SystemClock(), patience=0)
    with pytest.raises(ApiError, match=r"dial unix .*no such file"):
        deploy(impatient, [sandbox.placed(config_map("a"))])
    uid = sandbox.blue("ValidatingWebhookConfiguration", name)["metadata"]["uid"]
    sandbox.pair.blue.delete(TYPES["ValidatingWebhookConfiguration"], "", name, uid=uid)
