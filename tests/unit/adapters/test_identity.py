"""Who holds a lock."""

from __future__ import annotations

import os
import re

import pytest

from migrator.adapters.identity import this_process


def test_a_holder_names_person_host_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name of the person their number stands for it."""
    monkeypatch.setenv("USER", "ann")
    assert re.fullmatch(rf"ann@[^/]+/{os.getpid()}", this_process())
    monkeypatch.delenv("USER")
    assert this_process().startswith(f"{os.getuid()}@")
