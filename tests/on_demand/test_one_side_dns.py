"""A real external-dns that cannot write to its DNS server: seen by the cutover, though its pod is ready, and taken back."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from migrator.testbed.binaries import Store
from tests.support.guarded import done
from tests.support.objects import made
from tests.support.outside import Outside, outside
from tests.support.outside_programs import tsig
from tests.support.sandbox import TYPES, Result, Sandbox, one_line, until
from tests.support.zone_history import changes_since, records, serial

_LIMITS = {"startTimeout": "10s"}


def taken_back(stage: Outside, result: Result) -> None:
    """Check that a cutover has ended with one line that tells why, and that blue's external-dns runs again, and green's does not."""
    assert result.code != 0, result.out
    line = one_line(result)
    assert "external-dns is not working on green after 10 s: pod external-dns-" in line, line
    assert "is ready and has synced nothing yet (external_dns_registry_errors_total is" in line, line
    assert "all traffic is back on blue" in line
    assert stage.sandbox.blue("Deployment", "external-dns")["spec"]["replicas"] == 1
    assert stage.sandbox.green("Deployment", "external-dns")["spec"]["replicas"] == 0
    until(lambda: stage.blue.runs[-1].ended is None)
    assert stage.green.runs[-1].ended is not None


def synced_on_blue(stage: Outside) -> bool:
    """Return whether blue's present external-dns has compared the zone with what it sees."""
    log = stage.blue.folder / stage.blue.runs[-1].pod / "log"
    return "All records are already up to date" in log.read_text()


def test_a_dns_server_that_is_away_ends_the_cutover_and_keeps_nothing_from_blue(
    sandbox: Sandbox, store: Store, tmp_path: Path
) -> None:
    """Records and owners are blue's own, to the serial; once it is back the same command succeeds, and a rollback without it, too."""
    with outside(sandbox, store, tmp_path, acme=False, cutover=_LIMITS) as stage:
        done(sandbox, "copy")
        stage.give_addresses("green")
        done(sandbox, "validate")
        before, first = records(stage.server), serial(stage.server)
        stage.server.stop()
        taken_back(stage, sandbox.run("cutover", "--yes"))
        stage.server.start()
        until(lambda: synced_on_blue(stage))
        assert (records(stage.server), changes_since(stage.server, first)) == (before, [])
        done(sandbox, "validate")
        stage.hand_over("cutover")
        stage.server.stop()
        done(sandbox, "rollback")
        stage.server.start()
        stage.await_names("blue")
        assert records(stage.server) == before
        seen = stage.judge()
    assert (seen.records_lost, seen.double_effects) == ([], [])


def test_a_key_on_green_that_the_dns_server_does_not_take_ends_the_cutover(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """Green has a Secret of its own, with an old key: external-dns goes on trying, and its pod stays ready."""
    own = [{"kind": "Secret", "name": "tsig"}]
    with outside(sandbox, store, tmp_path, acme=False, cutover=_LIMITS, move={"objects": {"exclude": own}}) as stage:
        wrong = made("v1", "Secret", "tsig", stringData={"secret": base64.b64encode(os.urandom(32)).decode()})
        sandbox.on_green(made("v1", "Namespace", sandbox.namespace), wrong)
        done(sandbox, "copy")
        stage.give_addresses("green")
        done(sandbox, "validate")
        before, first = records(stage.server), serial(stage.server)
        taken_back(stage, sandbox.run("cutover", "--yes"))
        assert "tsig verify failure (BADSIG)" in (stage.server.folder / "log").read_text()
        until(lambda: synced_on_blue(stage))
        assert (records(stage.server), changes_since(stage.server, first)) == (before, [])
        right = {"stringData": tsig(stage.server)["stringData"]}
        sandbox.pair.green.patch(TYPES["Secret"], sandbox.namespace, "tsig", right, manager="kubectl-edit")
        done(sandbox, "validate")
        stage.hand_over("cutover")
        seen = stage.judge()
    assert (seen.records_lost, seen.double_effects) == ([], [])
