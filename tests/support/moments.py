"""The moments of a pass, by what can be seen of it on its hosts: not by a word that it says, which may change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from tests.support.sandbox import until
from tests.support.volume_hosts import VolumePair

# It hands on each question to the other host, and holds one back: `held` tells that it has come to it.
_SSH = """\
#!/usr/bin/python3 -I
import os, subprocess, sys, time
there = os.path.dirname(os.path.abspath(__file__))
if sys.argv[-1] != "session" or not os.path.exists(f"{there}/hold"):
    os.execv("/usr/bin/ssh", ["ssh", *sys.argv[1:]])
with open(f"{there}/hold", "rb") as file:
    wanted = file.read()
ssh = subprocess.Popen(["/usr/bin/ssh", *sys.argv[1:]], stdin=subprocess.PIPE)
os.close(1)  # else it would not end with ssh
while line := sys.stdin.buffer.readline():
    word, _, length = line.strip().partition(b" ")
    if word == wanted:
        os.close(os.open(f"{there}/held", os.O_CREAT | os.O_WRONLY))
        while os.path.exists(f"{there}/hold"):
            time.sleep(0.02)
    ssh.stdin.write(line + sys.stdin.buffer.read(int(length or 0)))
    ssh.stdin.flush()
ssh.stdin.close()
sys.exit(ssh.wait())
"""


class Moment:
    """A moment of a pass to green, by what is there of it: `transfer`, or a question to blue's host that is held back."""

    def __init__(self, hosts: VolumePair, target: Path, name: str) -> None:
        self._bin, self._name = hosts.green.folder / "bin", name
        self._transferring = transferring(target, "large")

    def __enter__(self) -> Self:
        """Hold passes back from now on."""
        if self._name != "transfer":
            (self._bin / "hold").write_text(self._name)
            (self._bin / "ssh").write_text(_SSH)
            (self._bin / "ssh").chmod(0o755)
        return self

    def __exit__(self, *_: object) -> None:
        """Take all of it away."""
        for name in ("hold", "held", "ssh"):
            (self._bin / name).unlink(missing_ok=True)

    def reached(self) -> bool:
        """Return whether the pass has come there."""
        return self._transferring() if self._name == "transfer" else (self._bin / "held").exists()

    def let_go(self) -> None:
        """Let the pass ask."""
        (self._bin / "hold").unlink(missing_ok=True)


def transferring(target: Path, name: str) -> Callable[[], bool]:
    """Return what tells whether rsync has written something of a file, and not all of it."""

    def has_begun() -> bool:
        with contextlib.suppress(FileNotFoundError):
            return any(path.stat().st_size for path in target.glob(f".{name}.??????"))
        return False

    return has_begun


@contextlib.contextmanager
def meanwhile(reached: Callable[[], bool], act: Callable[[], object]) -> Iterator[None]:
    """Act once a moment is reached, beside what the block does; a moment that never comes fails the test."""
    with ThreadPoolExecutor(1) as pool:

        def wait_and_act() -> None:
            until(reached, every=0.01)
            act()

        acted = pool.submit(wait_and_act)
        yield
        acted.result()
