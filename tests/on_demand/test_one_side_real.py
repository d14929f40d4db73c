"""Real controllers that act outside, handed over and back many times: counted at the DNS server, not in the clusters."""

from __future__ import annotations

import os
from pathlib import Path

from migrator.testbed.binaries import Store
from tests.integration.conftest import pair, sandbox, store
from tests.support.one_side_real import dns_stage
from tests.support.sandbox import Sandbox

__all__ = ["pair", "sandbox", "store"]
ROUNDS = int(os.environ.get("ROUNDS", "20"))


def test_external_dns_and_a_real_name_server(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """No name is missing at any moment, each is changed once per hand-over, and what others own is left alone."""
    with dns_stage(sandbox, store, tmp_path) as stage:
        for verb in ("plan", "copy"):
            result = sandbox.run(verb)
            assert result.code == 0, result.err
        stage.address("green")
        for _ in range(ROUNDS):
            result = sandbox.run("validate")
            assert result.code == 0, result.err
            stage.hand_over("cutover", "--yes")
            stage.hand_over("rollback")
        seen = stage.judge()
    assert (seen.records_lost, seen.double_effects) == ([], [])
    assert (seen.cutovers, seen.rollbacks) == (ROUNDS, ROUNDS)
    assert (len(stage.blue.runs), len(stage.green.runs)) == (ROUNDS + 1, ROUNDS)
