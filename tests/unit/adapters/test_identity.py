"""Who holds a lock."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from migrator.adapters.identity import has_ended, process_mark, this_process


def test_a_holder_names_person_host_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name of the person their number stands for it."""
    monkeypatch.setenv("USER", "ann")
    assert re.fullmatch(rf"ann@[^/]+/{os.getpid()}", this_process())
    monkeypatch.delenv("USER")
    assert this_process().startswith(f"{os.getuid()}@")


def test_a_process_that_is_gone_has_ended() -> None:
    """Also one that nobody has waited for yet; one that runs has not."""
    child = subprocess.Popen(["sleep", "600"])
    assert not has_ended(process_mark(child.pid))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(process_mark(child.pid))
    child.wait()
    assert has_ended(process_mark(child.pid))
    assert not has_ended(process_mark())


@pytest.mark.parametrize("mark", ["", "4194000", "root@runner/4194000", "0000/pid:[4026531836]/4194000"])
def test_of_a_process_of_elsewhere_nothing_is_known(mark: str) -> None:
    """Another boot, another PID namespace, or a mark of something else: it may well run."""
    assert not has_ended(mark)


def test_a_mark_of_this_namespace_with_a_strange_number_has_ended_or_is_unknown() -> None:
    """What stands in a Lease may have been written by anybody."""
    namespace = process_mark().rpartition("/")[0]
    assert has_ended(f"{namespace}/{10**30}")
    assert not has_ended(f"{namespace}/-1")
    assert not has_ended(f"{namespace}/")
