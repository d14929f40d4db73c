"""How builds of packages are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.cli.packages import view
from migrator.packages.host import BuildHost, Preparation

HOST = BuildHost(memory=2000, swap=0, cpus=(0, 1), disk=20000, tmp_in_memory=False, zram=True)
PREPARATION = Preparation(2000, 0, 1, (), ("linking needs more",), "")


def test_a_plan_tells_what_is_done_to_the_machine_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    """With the time that each package may take."""
    view.show_plan(HOST, PREPARATION, {"crictl": 90.0}, Path("/work"), "text")
    assert capsys.readouterr().out.splitlines() == [
        "this machine: 2 CPUs, 2000 MiB of memory, no swap, 20000 MiB free in /work",
        "  - 1 compilers at a time",
        "  - 2000 MiB of compressed swap in memory (zram)",
        "  because linking needs more",
        "may take: crictl 1.5 min (measured here before, or on a server's cores: boards take several times as long)",
    ]
    view.show_plan(HOST, PREPARATION, {"crictl": 90.0}, Path("/work"), "json")
    assert json.loads(capsys.readouterr().out)["minutes"] == {"crictl": 1.5}


@pytest.mark.parametrize(
    ("key", "proof"), [("ABC", "packageKey: the file of `gpg --export ABC`"), ("", "packageSums: of `sha256sum")]
)
def test_a_repository_tells_what_a_stacks_file_needs(capsys: pytest.CaptureFixture[str], key: str, proof: str) -> None:
    """A key, or sums."""
    done = view.Published(Path("/srv/migrator.db.tar.gz"), (Path("a.pkg.tar.zst"),), ("h:/srv",), key)
    view.show_published(done, "text")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 packages in /srv/migrator.db.tar.gz"
    assert second.startswith(f"in a stack's file: packageSource: the address of /srv; {proof}")
    view.show_published(done, "json")
    found = json.loads(capsys.readouterr().out)
    assert found == {"database": "/srv/migrator.db.tar.gz", "packages": ["a.pkg.tar.zst"], "copied": ["h:/srv"]}
