"""Real controllers that act outside, handed over and back many times: counted at the DNS server and the ACME server."""

from __future__ import annotations

import json
import os
import platform
import random
import time
from pathlib import Path
from typing import Any

from migrator import __version__
from migrator.testbed.binaries import Store
from migrator.testbed.versions import BLUE, CERT_MANAGER, EXTERNAL_DNS, GREEN, PEBBLE
from tests.support.outside import NAMES, Outside, outside
from tests.support.sandbox import Sandbox, until
from tests.support.zone_history import changes_since, missing_after, records, serial

ROUNDS = int(os.environ.get("ROUNDS", "20"))
"""Cutovers and rollbacks, each."""
KILLS = int(os.environ.get("KILLS", "5"))
"""Rounds in which both are killed at a moment of chance, and run again."""
MOST_SECONDS = float(os.environ.get("MOST_SECONDS", "inf"))
"""No round begins when so many seconds are over."""
SEED = int(os.environ.get("SEED", "1"))
ADD = os.environ.get("ADD") == "1"
"""Whether the figures are added to those that are there, of the same versions."""
_LONGEST = 6.0
"""Seconds of a run within which it is killed; one that has ended before has done its work."""
RESULT = Path(__file__).parents[2] / "benchmarks/results/one-side.json"


def copied(stage: Outside) -> None:
    """Copy, and play green's cloud."""
    result = stage.sandbox.run("copy")
    assert result.code == 0, result.err
    stage.give_addresses("green")


def validated(stage: Outside) -> None:
    """Validate, as a cutover demands."""
    result = stage.sandbox.run("validate")
    assert result.code == 0, result.err + result.out


def written(stage: Outside, orders: int, left_out: list[int]) -> None:
    """Write the figures where they are asked for."""
    if not os.environ.get("MIGRATOR_WRITE_RESULTS"):
        return
    seen = stage.seen
    document: dict[str, Any] = {
        "cutovers": seen.cutovers,
        "rollbacks": seen.rollbacks,
        "killed_runs": seen.kills,
        "double_effects": len(seen.double_effects),
        "records_lost": len(seen.records_lost),
        "acme_orders_per_name_max": orders,
        "dns_updates": seen.updates,
        "cronjob_minutes_left_out": len(left_out),
        "seeds": [SEED],
        "machine": {"cpus": os.cpu_count(), "architecture": platform.machine(), "kernel": platform.release()},
        "versions": {
            "migrator": __version__,
            "blue": BLUE,
            "green": GREEN,
            "external-dns": EXTERNAL_DNS,
            "cert-manager": CERT_MANAGER,
            "pebble": PEBBLE,
        },
    }
    if ADD:
        document = added(json.loads(RESULT.read_text()), document)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")


def added(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of both; raises AssertionError when other programs were measured, or the same moments of chance."""
    assert before["versions"] == now["versions"], "other versions: run it without ADD=1"
    assert not set(before["seeds"]) & set(now["seeds"]), f"was run with SEED={SEED} already"
    most = "acme_orders_per_name_max"
    sums = {key: before[key] + value for key, value in now.items() if isinstance(value, int | list) and key != most}
    return now | sums | {most: max(before[most], now[most])}


def test_nothing_is_done_twice_and_no_name_is_lost(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """No name is missing at any moment, each moves once per hand-over, one ACME order per name, and foreign names are left alone."""
    chance = random.Random(SEED)
    killed, ends = set(chance.sample(range(ROUNDS), min(KILLS, ROUNDS))), time.monotonic() + MOST_SECONDS
    with outside(sandbox, store, tmp_path, acme=True) as stage:
        copied(stage)
        for number in range(ROUNDS):
            if time.monotonic() > ends:
                break
            validated(stage)
            for verb in ("cutover", "rollback"):
                stage.hand_over(verb, kill_after=chance.uniform(0, _LONGEST) if number in killed else None)
        seen, orders, left_out = stage.judge(), stage.orders_per_name(), stage.left_out()
        written(stage, orders, left_out)
    assert (seen.records_lost, seen.double_effects) == ([], [])
    assert (seen.cutovers, orders) == (seen.rollbacks, 1)
    assert seen.cutovers == ROUNDS or time.monotonic() > ends
    assert left_out == []


def test_external_dns_waits_for_the_addresses_of_green(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """Started before a Service has its address, it would delete the name."""
    with outside(sandbox, store, tmp_path, acme=False) as stage:
        assert sandbox.run("copy").code == 0
        validated(stage)
        before, first = records(stage.server), serial(stage.server)
        child = sandbox.start("cutover", "--yes")
        until(lambda: any(step["step"] == "stopped" and step["row"] == "external-dns" for step in sandbox.events("hand-over-step")))
        stage.give_addresses("green", NAMES[:1])
        assert (stage.green.runs, records(stage.server)) == ([], before)
        stage.give_addresses("green")
        out, err = child.communicate()
        assert child.returncode == 0, (out + err).decode()
        stage.await_names("green")
        kept = [(name, "A") for name in NAMES]
        assert missing_after(before, changes_since(stage.server, first), kept) == []
        stage.hand_over("rollback")
        seen = stage.judge()
    assert (seen.records_lost, seen.double_effects) == ([], [])
