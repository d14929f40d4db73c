"""Where a host cannot choose between two API servers it is left to chance; `tests/integration/test_steering.py` has real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.nodes.hop import steering
from migrator.nodes.hop.local_api import MANIFEST
from tests.support.shell_host import ShellHost


@pytest.mark.parametrize(
    ("flags", "code", "chooses"), [("", 0, True), ("", 127, False), ("    - --bind-address=10.0.0.1\n", 0, False)]
)
def test_lines_choose_only_where_the_host_can(tmp_path: Path, flags: str, code: int, *, chooses: bool) -> None:
    """A single address is not shared with the loopback address, at which a starting API server must reach itself."""
    host = ShellHost(tmp_path)
    host.program("perl", f'#!/bin/sh\nshift; echo "$@" >> $HOST/steered\nexit {code}\n')
    host.write(MANIFEST, f"    - --secure-port=7443\n{flags}".encode())
    assert steering.begin(host) is chooses
    (tmp_path / "steered").write_text("")
    host.run(f"{steering.to_newest()} && {steering.to_oldest()} && {steering.by_chance()}")
    assert (tmp_path / "steered").read_text().splitlines() == (["7443 newest", "7443 oldest", "7443 chance"] if chooses else [])
