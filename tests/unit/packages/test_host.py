"""What a build host needs, against recorded trees of boards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.errors import BlockedError, ConfigError
from migrator.packages.host import BuildHost, Preparation, prepare, read_host
from migrator.packages.prepare_host import prepared, undo_leftovers
from migrator.packages.recipes import RECIPES, Order, Source, checksum, parse_orders


def board(root: Path, *, memory_kib: int = 2048000, cpus: str = "0-3", zram: bool = True, tmpfs: bool = True) -> Path:
    """Make the files that a board of 2 GB shows."""
    files = {
        "proc/meminfo": f"MemTotal: {memory_kib} kB\nMemFree: 100 kB\nSwapTotal: 0 kB\n",
        "proc/mounts": "/dev/root / ext4 rw 0 0\n" + ("tmpfs /tmp tmpfs rw 0 0\n" if tmpfs else ""),
        "proc/swaps": "Filename Type Size Used Priority\n",
        "sys/devices/system/cpu/online": f"{cpus}\n",
        **{f"sys/devices/system/cpu/cpu{number}/online": "1" for number in range(4)},
    }
    if zram:
        files |= {
            "sys/class/zram-control/hot_add": "0\n",
            "sys/class/zram-control/hot_remove": "",
            "sys/block/zram0/disksize": "",
            "sys/block/zram0/reset": "",
        }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def host(**more: object) -> BuildHost:
    """Return a board of 2 GB with four cores."""
    values: dict[str, object] = {
        "memory": 2000,
        "swap": 0,
        "cpus": (0, 1, 2, 3),
        "disk": 20000,
        "tmp_in_memory": False,
        "zram": True,
    }
    return BuildHost(**{**values, **more})  # type: ignore[arg-type]


def test_a_board_is_read(tmp_path: Path) -> None:
    """Memory, CPUs, a /tmp in memory and zram are seen."""
    seen = read_host(tmp_path / "work", board(tmp_path))
    assert (seen.memory, seen.swap, seen.cpus, seen.tmp_in_memory, seen.zram) == (2000, 0, (0, 1, 2, 3), True, True)


def test_a_board_of_2_gb_gets_zram_and_a_swap_file_and_fewer_compilers() -> None:
    """Linking needs 4 GB: compressed memory first, a file for the rest; CPUs stay on."""
    got = prepare(host())
    assert (got.zram, got.swap_file, got.jobs, got.offline) == (2000, 96, 1, ())
    assert got.shortage == ""


def test_a_server_needs_nothing() -> None:
    """Enough memory: all CPUs, no swap."""
    assert prepare(host(memory=24000)) == Preparation(0, 0, 4, (), (), "")


def test_what_is_done_to_a_machine_is_said_in_words() -> None:
    """And nothing of what is not done."""
    assert Preparation(0, 0, 4, (), (), "").steps == ("4 compilers at a time",)
    assert Preparation(2000, 96, 1, (1, 2), (), "").steps == (
        "1 compilers at a time",
        "2000 MiB of compressed swap in memory (zram)",
        "a swap file of 96 MiB",
        "CPUs 1, 2 offline for the time of the build",
    )


def test_cpus_go_offline_only_where_not_one_compiler_fits() -> None:
    """The last resort."""
    assert prepare(host(memory=480)).offline == (1, 2, 3)
    assert prepare(host(memory=1000)).offline == ()


def test_a_full_disk_is_said_before_anything_is_done() -> None:
    """The swap file counts, too."""
    assert "8288 MiB are needed" in prepare(host(disk=5000)).shortage


def test_everything_is_undone_after_a_failure(tmp_path: Path) -> None:
    """zram, swap file and CPUs are as before, and the record is gone."""
    root = board(tmp_path / "root")
    work = tmp_path / "work"
    work.mkdir()
    calls: list[str] = []

    def call(words: list[str]) -> str:
        calls.append(words[0])
        if words[0] == "fallocate":
            Path(words[-1]).touch()
        if words[0] == "swapon":
            swaps = root / "proc/swaps"
            swaps.write_text(swaps.read_text() + f"{words[-1]} file 1 0 -2\n")
        return ""

    def build_that_fails() -> None:
        with prepared(Preparation(2000, 96, 1, (1, 2), (), ""), work, root=root, call=call):
            assert (root / "sys/devices/system/cpu/cpu1/online").read_text() == "0"
            assert (root / "sys/block/zram0/disksize").read_text() == str(2000 * 1024 * 1024)
            assert (work / "swap").stat().st_mode & 0o777 == 0o600
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_that_fails()
    assert calls == ["mkswap", "swapon", "fallocate", "mkswap", "swapon", "swapoff", "swapoff"]
    assert (root / "sys/devices/system/cpu/cpu1/online").read_text() == "1"
    assert (root / "sys/block/zram0/reset").read_text() == "1"
    assert (root / "sys/class/zram-control/hot_remove").read_text() == "0"
    assert not (work / "swap").exists()
    assert not (work / "preparation.json").exists()


def test_what_a_killed_build_left_is_undone_at_the_next_start(tmp_path: Path) -> None:
    """Kill -9 leaves the record, and the next build reads it; while that build lives it is left alone."""
    root = board(tmp_path / "root")
    (root / "sys/devices/system/cpu/cpu3/online").write_text("0")
    record = tmp_path / "preparation.json"
    record.write_text(json.dumps({"pid": 1, "steps": [{"kind": "cpu", "target": "3"}]}))
    with pytest.raises(BlockedError, match="process 1"):
        undo_leftovers(tmp_path, root=root)
    record.write_text(json.dumps({"pid": 4194999, "steps": [{"kind": "cpu", "target": "3"}]}))
    assert undo_leftovers(tmp_path, root=root) == ["cpu 3"]
    assert (root / "sys/devices/system/cpu/cpu3/online").read_text() == "1"


def test_orders_are_checked_all_at_once() -> None:
    """Every mistake is named."""
    with pytest.raises(ConfigError) as caught:
        parse_orders(["kubernets=1.37.2", "cri-o"], "aarch64", Source.RELEASE)
    assert len(caught.value.issues) == 2


def test_a_version_without_a_pinned_checksum_needs_a_word(tmp_path: Path) -> None:
    """A pinned sum is taken from the recipes, a recorded one from the person's file, any other is refused."""
    pinned = Order(RECIPES["kubernetes"], "1.37.2", "x86_64", Source.MODULES)
    assert checksum(pinned, tmp_path / "own", accept_new=False).startswith("h1:")
    unknown = Order(RECIPES["kubernetes"], "1.99.0", "x86_64", Source.RELEASE)
    with pytest.raises(BlockedError, match="no checksum is pinned"):
        checksum(unknown, tmp_path / "own", accept_new=False)
    (tmp_path / "own").write_text(f"release kubernetes 1.99.0 {'a' * 64}\n")
    assert checksum(unknown, tmp_path / "own", accept_new=False) == "a" * 64
