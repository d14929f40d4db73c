"""The store of programs: where they lie, and what counts as there."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import MigratorError
from migrator.testbed.binaries import Store
from migrator.testbed.versions import COREDNS, PULUMI_LANGUAGE


def put(file: Path, *, mode: int = 0o755) -> None:
    """Put a file where a program would be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    file.chmod(mode)


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """A warm cache needs neither network nor Go, and says nothing."""
    said: list[str] = []
    store = Store(tmp_path, said.append, architecture="arm64")
    put(tmp_path / "kubernetes-1.2.3-arm64/kube-apiserver")
    assert store.kubernetes("1.2.3", ("kube-apiserver",))["kube-apiserver"].parent.name == "kubernetes-1.2.3-arm64"
    assert said == []


def test_a_program_without_the_files_beside_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The language host is of no use without its launcher: the store makes both again, which needs Go."""
    monkeypatch.setenv("PATH", str(tmp_path))
    store = Store(tmp_path, lambda _: None, source="build")
    place = store.place("pulumi-language-python")
    assert place.parent.name == f"pulumi-language-python-{PULUMI_LANGUAGE}-{store.architecture}"
    put(place)
    with pytest.raises(MigratorError, match="Go is needed"):
        store.programs("pulumi-language-python")
    put(place.with_name("pulumi-language-python-exec"))
    assert store.programs("pulumi-language-python") == {"pulumi-language-python": place}
    assert [entry for entry in tmp_path.iterdir() if entry.name.startswith(".partial")] == []


def test_a_program_of_our_own_source_lies_under_its_fingerprint(tmp_path: Path) -> None:
    """Another source is another program, also at the same version of what it is made from."""
    store = Store(tmp_path, lambda _: None, architecture="arm64")
    folder = store.place("coredns").parent.name
    assert folder.startswith(f"coredns-{COREDNS}-")
    assert folder.endswith("-arm64")
    assert folder != f"coredns-{COREDNS}-arm64"
    assert store.place("etcd").parent.name.count("-") == 2
