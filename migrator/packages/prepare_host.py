"""Prepare a build host and undo that; each change is recorded first, so that a later run can undo it after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from migrator.adapters.commands import run
from migrator.errors import BlockedError
from migrator.packages.host import MIB, Preparation

Run = Callable[[list[str]], str]
_SWAP = "swap"


@contextmanager
def prepared(preparation: Preparation, state: Path, *, root: Path = Path("/"), call: Run = run) -> Iterator[None]:
    """Prepare a host while a build runs, and undo that at the end, also after an exception or ^C.

    `state` is a folder that only who runs this can write to: what is recorded there is undone by a later run.
    """
    undo_leftovers(state, root=root, call=call)
    record = state / "preparation.json"
    steps: list[dict[str, Any]] = []

    def note(kind: str, target: str) -> None:
        steps.append({"kind": kind, "target": target})
        _write(record, steps)

    try:
        if preparation.zram:
            _add_zram(preparation.zram, root, call, note)
        if preparation.swap_file:
            file = state / _SWAP
            note("swap-file", str(file))
            call(["fallocate", "-l", f"{preparation.swap_file}MiB", str(file)])
            file.chmod(0o600)
            call(["mkswap", "-q", str(file)])
            call(["swapon", str(file)])
        for cpu in preparation.offline:
            note("cpu", str(cpu))
            _online(root, str(cpu)).write_text("0")
        yield
    finally:
        undo_leftovers(state, root=root, call=call, own=True)


def undo_leftovers(state: Path, *, root: Path = Path("/"), call: Run = run, own: bool = False) -> list[str]:
    """Undo the changes that an earlier build left on this host; return them.

    Raises BlockedError while that build still runs.
    """
    record = state / "preparation.json"
    if not record.exists():
        return []
    content = json.loads(record.read_text())
    if not own and Path(f"/proc/{content['pid']}").exists() and content["pid"] != os.getpid():
        raise BlockedError(
            f"{state}: a build is at work here (process {content['pid']})", hint="wait for it, or name another --work"
        )
    undone = []
    for step in reversed(content["steps"]):
        _require_own(step, state)
        undone.append(f"{step['kind']} {step['target']}")
        _UNDO[step["kind"]](step["target"], root, call)
    record.unlink()
    return undone


def _require_own(step: dict[str, Any], state: Path) -> None:
    """Raise BlockedError for a step that no build records: a number of a device or a CPU, or its own swap file."""
    kind, target = step.get("kind"), str(step.get("target"))
    if not (target == str(state / _SWAP) if kind == "swap-file" else kind in _UNDO and target.isdecimal()):
        raise BlockedError(f"{state}/preparation.json: has a step that no build makes: {kind} {target}", hint="remove the file")


def _add_zram(size: int, root: Path, call: Run, note: Callable[[str, str], None]) -> None:
    control = root / "sys/class/zram-control"
    if not control.exists():
        call(["modprobe", "zram", "num_devices=0"])
    # Reading creates a device. After a kill before the next line an empty device remains, which uses no memory.
    number = (control / "hot_add").read_text().strip()
    note("zram", number)
    (root / f"sys/block/zram{number}/disksize").write_text(str(size * MIB))
    call(["mkswap", "-q", f"/dev/zram{number}"])
    call(["swapon", "--priority", "100", f"/dev/zram{number}"])


def _drop_zram(number: str, root: Path, call: Run) -> None:
    device = root / f"sys/block/zram{number}"
    if device.exists():
        _swap_off(f"/dev/zram{number}", root, call)
        (device / "reset").write_text("1")
        (root / "sys/class/zram-control/hot_remove").write_text(number)


def _drop_swap_file(file: str, root: Path, call: Run) -> None:
    _swap_off(file, root, call)
    Path(file).unlink(missing_ok=True)


def _swap_off(device: str, root: Path, call: Run) -> None:
    if any(line.split()[0] == device for line in (root / "proc/swaps").read_text().splitlines()[1:]):
        call(["swapoff", device])


def _cpu_on(cpu: str, root: Path, call: Run) -> None:
    del call
    _online(root, cpu).write_text("1")


_UNDO: dict[str, Callable[[str, Path, Run], None]] = {"zram": _drop_zram, "swap-file": _drop_swap_file, "cpu": _cpu_on}


def _online(root: Path, cpu: str) -> Path:
    return root / f"sys/devices/system/cpu/cpu{cpu}/online"


def _write(record: Path, steps: list[dict[str, Any]]) -> None:
    partial = record.with_suffix(".new")
    partial.write_text(json.dumps({"pid": os.getpid(), "steps": steps}))
    with partial.open() as file:
        os.fsync(file.fileno())
    partial.replace(record)
