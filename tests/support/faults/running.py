"""Runs verbs as processes of their own, the first one with a fault."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from migrator.cli.boundary import INTERRUPTED
from tests.support.faults.disk import breakable
from tests.support.faults.faults import Fault
from tests.support.faults.plan import Kind
from tests.support.faults.recovery import Said
from tests.support.faults.world import Stage

LIMIT_SECONDS = 240.0
"""Longest run of one verb."""
HUNG = -1000
"""Exit code of a verb that did not end by itself."""


def run(stage: Stage, *command: str) -> Said:
    """Run a verb without a fault."""
    return _finished(stage, command, _start(stage, command, _environment(None)))


def prepare(stage: Stage, *command: str) -> Said:
    """Run a verb that only leads to what is tried, in this process: the start of Python is most of what it would take."""
    whole = _answered(command)
    stage.said.append(" ".join(whole).encode())
    result = stage.sandbox.run(*whole)
    # A process of its own would end now; here its cycles are to be collected, and with them the connections that they keep open.
    gc.unfreeze()
    gc.collect()
    if result.code == INTERRUPTED:  # a signal to the suite itself, which the verb has taken for its own
        sys.exit("ended: what was played is kept")
    stage.said += [result.out.encode(), result.err.encode()]
    return Said(command, result.code, result.out, result.err)


def run_with_fault(stage: Stage, fault: Fault, *command: str) -> Said:
    """Run a verb with the round's fault; returns when the verb has ended and all is well again."""
    environment = _environment(stage.plan.kind)
    fault.arm()
    child = _start(stage, command, environment)
    fault.meets(child)
    try:
        return _finished(stage, command, child)
    finally:
        fault.end()


def _environment(kind: Kind | None) -> dict[str, str]:
    return breakable() if kind is Kind.DISK_BROKEN else dict(os.environ)


def _start(stage: Stage, command: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A test run that was started in the background ignores ^C, and its children would.
    defaults = ("env", "--default-signal=INT,HUP,TERM")
    whole = [*defaults, sys.executable, "-m", "migrator", *_answered(command)]
    stage.said.append(" ".join(whole).encode())
    return subprocess.Popen(
        whole, cwd=stage.sandbox.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def _answered(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command whose questions are answered."""
    answers = ("--yes",) if command[0] in ("cutover", "retire", "rollback", "copy") else ()
    return (command[0], *answers, *command[1:])


def _finished(stage: Stage, command: tuple[str, ...], child: subprocess.Popen[bytes]) -> Said:
    try:
        out, err = child.communicate(timeout=LIMIT_SECONDS)
        code = child.returncode
    except subprocess.TimeoutExpired:
        stage.said += _arguments_of(child.pid)
        child.send_signal(signal.SIGKILL)
        out, err = child.communicate()
        code = HUNG
    stage.said += [out, err]
    return Said(command, code, out.decode(errors="replace"), err.decode(errors="replace"))


def _arguments_of(pid: int) -> list[bytes]:
    try:
        return [Path(f"/proc/{pid}/cmdline").read_bytes()]
    except OSError:
        return []


def moved_back_after(stage: Stage, began: float) -> float | None:
    """Return after how many seconds HAProxy had answered the last command that moved traffic; None when there was none."""
    times = [at for at, _ in list(stage.relay.changed_at) if at >= began]
    return max(times) - began if times else None


def monotonic() -> float:
    """Return the clock that `moved_back_after` counts from."""
    return time.monotonic()
