"""What traffic moves through is built from the file: nothing, one, or several as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.config.haproxy import HAProxyConfig
from migrator.config.traffic import Traffic
from migrator.errors import TrafficError
from migrator.wiring.switches import switch_of


def haproxy(socket: str) -> Traffic:
    """Return the configuration of an HAProxy."""
    return Traffic(haproxy=HAProxyConfig(socket=socket, backend="b", blue=("x",), green=("y",), state_file="f"))


def test_nothing_is_built_of_nothing(tmp_path: Path) -> None:
    """The file says nothing of traffic."""
    assert switch_of((), relative_to=tmp_path) is None


@pytest.mark.parametrize("names", [["one"], ["one", "two"]])
def test_each_is_asked_at_its_own_place(tmp_path: Path, names: list[str]) -> None:
    """Paths are relative to the file; of several each is named."""
    switch = switch_of([haproxy(name) for name in names], relative_to=tmp_path)
    assert switch is not None
    with pytest.raises(TrafficError) as caught:
        switch.read()
    assert [f"{tmp_path / name}: no such socket" in caught.value.message for name in names] == [True] * len(names)
