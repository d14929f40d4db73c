"""A copy of a process has its program, arguments and environment; a real shell copies a real process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from migrator.nodes.hop.process_copy import COPY
from migrator.nodes.paths import SECOND_FOLDER
from tests.support.shell_host import ShellHost

PROGRAM = """
import json, os, sys, time
with open(sys.argv[1], "a") as said:
    print(json.dumps([sys.argv[2:], os.environ["SECRET"]]), file=said)
if sys.argv[-1] != "--last":
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_copy_has_program_arguments_and_environment(tmp_path: Path) -> None:
    """With quotes and spaces in them; what may be secret is in a file that only root reads."""
    host = ShellHost(tmp_path)
    host.program("nsenter", '#!/bin/sh\nwhile test "$1" != --; do shift; done; shift; exec "$@"\n')
    program, said = tmp_path / "program.py", tmp_path / "said"
    program.write_text(PROGRAM)
    words = [sys.executable, str(program), str(said), "--a=it's $HOME", "--b"]
    with subprocess.Popen(words, env={"SECRET": 'it\'s "$x"'}, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"ready\n"
        host.run(COPY.format(pid=first.pid, name="copy") + 'exec 7< /dev/null; sh -c "$start --last"')
        first.kill()
    before, after = said.read_text().splitlines()
    assert after == before.replace('"--b"', '"--b", "--last"')
    assert host.path(f"{SECOND_FOLDER}/copy.env").stat().st_mode & 0o077 == 0
