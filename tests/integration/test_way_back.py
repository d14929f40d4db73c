"""The way back with a real HAProxy, whatever else is gone."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from migrator.config.haproxy import HAProxyConfig
from migrator.journal.file import FileJournal
from migrator.journal.records.migration import MIGRATION
from migrator.model.manifest import Manifest
from migrator.testbed.balancer import Balancer, balanced
from migrator.testbed.waiting import PATIENCE_SECONDS
from migrator.traffic.haproxy import HAProxy
from tests.support.clock import FakeClock
from tests.support.objects import config_map, cron_job
from tests.support.sandbox import TYPES, Sandbox, freeze_when, until
from tests.support.sockets import black_hole, closed_port, watched
from tests.support.traffic_section import through

SECONDS = 260
MINUTE = 60 + PATIENCE_SECONDS


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    """Run HAProxy before two services."""
    with balanced(tmp_path / "haproxy") as (running, _, _):
        yield running


@pytest.fixture
def on_green(sandbox: Sandbox, balancer: Balancer) -> Sandbox:
    """Return a migration that has ended: traffic and CronJob are on green."""
    configure(sandbox, balancer)
    sandbox.on_blue(config_map("a"), cron_job("nightly"))
    for verb in (("copy",), ("validate",), ("cutover", "--yes")):
        done = sandbox.run(*verb)
        assert done.code == 0, done.err
    return sandbox


def configure(
    sandbox: Sandbox,
    balancer: Balancer,
    *,
    socket: Path | None = None,
    steps: Sequence[int] = (100,),
    soak: str = "0s",
    **more: Any,
) -> None:
    """Write migration.yaml; silence on green is accepted."""
    traffic = {"haproxy": through(balancer, socket), "steps": list(steps), "soak": soak}
    sandbox.configure(**{"traffic": traffic, "gates": {"minRequests": 0}, **more})


def green_percent(balancer: Balancer) -> float:
    """Return the share of green at HAProxy."""
    config = {"socket": str(balancer.socket), "backend": "shop", "blue": ["blue"], "green": ["green"], "stateFile": "/nowhere"}
    return HAProxy(HAProxyConfig.model_validate(config), relative_to=Path()).read().green_percent


def runs_on(sandbox: Sandbox) -> tuple[bool, bool]:
    """Return whether the CronJob runs on blue, and on green."""
    return not sandbox.blue("CronJob", "nightly")["spec"]["suspend"], not sandbox.green("CronJob", "nightly")["spec"]["suspend"]


def at_ports(sandbox: Sandbox, blue: int, green: int) -> dict[str, Any]:
    """Return the part of a migration.yaml whose clusters are at these ports."""
    content = yaml.safe_load(sandbox.pair.kubeconfig.read_text())
    contexts = {item["name"]: item["context"]["cluster"] for item in content["contexts"]}
    for cluster in content["clusters"]:
        port = blue if cluster["name"] == contexts["blue"] else green
        cluster["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path = sandbox.folder / "elsewhere"
    path.write_text(yaml.safe_dump(content))
    return {side: {"kubeconfig": str(path), "context": side} for side in ("blue", "green")}


def test_traffic_is_back_within_a_second_of_work_with_both_servers_gone(on_green: Sandbox, balancer: Balancer) -> None:
    """Green a black hole, blue's server down; what could not be done is listed, and running it again finishes."""
    through = on_green.folder / "watched.sock"
    with black_hole() as port, watched(balancer.socket, through) as seen:
        configure(on_green, balancer, socket=through, **at_ports(on_green, closed_port(), port))
        began = time.monotonic()
        child = on_green.start("rollback", "-o", "json")
        out, err = child.communicate(timeout=PATIENCE_SECONDS)
        passed = time.monotonic() - began
    document = orjson.loads(out)
    assert child.returncode == 4, err
    assert green_percent(balancer) == 0
    assert seen.seconds_at_last("set server") < 1.0
    assert 0 < document["trafficSeconds"] < passed
    assert [text.partition(":")[0].split(" ", 1)[1] for text in document["undone"]] == [
        "on green may still run",
        "on blue is still stopped",
    ]
    assert runs_on(on_green) == (False, True)
    configure(on_green, balancer)
    again = on_green.json("rollback")
    assert (again.code, again.document["undone"]) == (0, []), again.err
    assert runs_on(on_green) == (True, False)
    assert {item["runsOn"] for item in on_green.json("status").document["oneSide"]} <= {"blue"}


def test_a_kubeconfig_that_is_gone_keeps_nothing_on_green(on_green: Sandbox, balancer: Balancer) -> None:
    """Not even the file of green need be there."""
    configure(on_green, balancer, green={"kubeconfig": "nowhere", "context": "green"})
    result = on_green.json("rollback")
    assert (result.code, green_percent(balancer), runs_on(on_green)) == (4, 0, (True, True)), result.err
    assert "no such file" in result.document["undone"][0]


def test_a_mistake_elsewhere_in_the_file_keeps_nothing_on_green(on_green: Sandbox, balancer: Balancer) -> None:
    """Traffic is back; what the file does not tell is listed. Where it does not tell how, nothing is done."""
    configure(on_green, balancer, hooks={"afterRollbck": []})
    result = on_green.json("rollback")
    assert (result.code, green_percent(balancer), runs_on(on_green)) == (4, 0, (False, True)), result.err
    assert "did you mean afterRollback?" in result.document["undone"][0]
    configure(on_green, balancer, gates={"errorRate": "much"}, traffic={"haproxy": {}})
    assert on_green.run("rollback").code == 2
    configure(on_green, balancer)
    assert on_green.run("rollback").code == 0


def test_a_journal_that_may_only_be_read_keeps_nothing_on_green(on_green: Sandbox, balancer: Balancer) -> None:
    """Another run holds it: all is taken back, the person is told, and running it again writes it down."""
    with FileJournal(on_green.journal, MIGRATION, tool="1", migration=on_green.namespace, clock=FakeClock()):
        result = on_green.json("rollback")
    assert (result.code, green_percent(balancer), runs_on(on_green)) == (4, 0, (True, False)), result.err
    assert "another run of migrator is using it" in result.document["undone"][0]
    assert on_green.json("status").document["stage"] == "on green"
    assert on_green.run("rollback").code == 0
    assert on_green.json("status").document["stage"] == "rolled back"


def test_without_a_journal_there_is_no_rollback(on_green: Sandbox, balancer: Balancer) -> None:
    """A wrong --state-dir moves nothing; the tool does not make a journal there."""
    result = on_green.run("rollback", "--state-dir", "elsewhere")
    assert (result.code, "no journal yet" in result.err) == (3, True)
    assert green_percent(balancer) == 100
    assert not os.path.lexists(on_green.folder / "elsewhere")


def validated(sandbox: Sandbox, balancer: Balancer, soak: str = "60s") -> Sandbox:
    """Return a migration that may be cut over, and stays at 50 % for this time."""
    configure(sandbox, balancer, steps=[50, 100], soak=soak)
    sandbox.on_blue(config_map("a"), cron_job("nightly"))
    for verb in ("copy", "validate"):
        done = sandbox.run(verb)
        assert done.code == 0, done.err
    return sandbox


def test_signals_in_a_burst_end_no_undo(sandbox: Sandbox, balancer: Balancer) -> None:
    """The terminal is closed and the supervisor gets impatient: traffic and CronJobs are back, and the journal says so."""
    child = validated(sandbox, balancer).start("cutover", "--yes")
    until(lambda: bool(sandbox.events("sample")))
    assert child.stderr is not None
    child.stderr.close()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child.send_signal(number)
    assert child.wait(PATIENCE_SECONDS) != 0
    assert (green_percent(balancer), runs_on(sandbox)) == (0, (True, False))
    document = sandbox.json("status").document
    assert (document["stage"], document["unknown"], document["next"]) == ("rolled back", [], None)


def test_a_journal_that_may_not_grow_ends_a_cutover_on_blue(sandbox: Sandbox, balancer: Balancer) -> None:
    """The kernel refuses to make the file larger, as a quota does: all is back, in the room that was kept for it."""
    child = validated(sandbox, balancer).start("cutover", "--yes")
    until(lambda: bool(sandbox.events("sample")))
    size = sandbox.journal.stat().st_size
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 3, err
    assert b"all traffic is back on blue" in err
    assert (green_percent(balancer), runs_on(sandbox)) == (0, (True, False))
    assert sandbox.json("status").document["stage"] == "rolled back"


def test_a_lock_that_is_lost_ends_a_cutover_on_blue(sandbox: Sandbox, balancer: Balancer) -> None:
    """Green gets no more traffic then; going back, its CronJob included, asks nobody."""
    leases, green = TYPES["Lease"], sandbox.pair.green
    child = validated(sandbox, balancer).start("cutover", "--yes")
    until(lambda: bool(sandbox.events("sample")))
    taken = {"metadata": {"annotations": {"migrator/run": "another"}}, "spec": {"holderIdentity": "bob@elsewhere/17"}}
    uid = green.patch(leases, "kube-system", "migrator", taken, manager="test")["metadata"]["uid"]
    try:
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    finally:
        green.delete(leases, "kube-system", "migrator", uid=uid)
    assert (child.returncode, b"this run's lock on green" in err) == (3, True), err
    assert (green_percent(balancer), runs_on(sandbox)) == (0, (True, False))


@pytest.mark.parametrize("event", ["cutover-started", "hand-over", "hand-over-step", "handed-over", "shift", "shifted", "sample"])
def test_killed_the_named_command_goes_on(sandbox: Sandbox, balancer: Balancer, event: str) -> None:
    """Until all traffic, and the CronJob, are on one side."""
    child = validated(sandbox, balancer, soak="1s").start("cutover", "--yes")
    freeze_when(child, lambda: bool(sandbox.events(event)))
    child.kill()
    child.communicate()
    command = sandbox.json("status").document["next"].split()[1:]
    done = sandbox.run(*command, "--yes")
    assert done.code == 0, done.err
    assert (green_percent(balancer), runs_on(sandbox)) == (100, (False, True))
    assert sandbox.json("status").document["unknown"] == []


def test_killed_on_the_way_back_a_rollback_ends_it(on_green: Sandbox, balancer: Balancer) -> None:
    """Traffic is on blue, and the journal has it on green: nothing is built on that."""
    child = on_green.start("rollback")
    freeze_when(child, lambda: green_percent(balancer) == 0)
    child.kill()
    child.communicate()
    document = on_green.json("status").document
    assert document["greenPercentNow"] == 0
    for verb in (("copy",), ("cutover", "--yes")):
        refused = on_green.run(*verb)
        assert (refused.code, "migrator rollback" in refused.err) == (3, True), refused.err
    assert on_green.run("rollback").code == 0
    assert (on_green.json("status").document["stage"], runs_on(on_green)) == ("rolled back", (True, False))


def minutes_run(sandbox: Sandbox) -> dict[str, list[int]]:
    """Return the minutes that the CronJob has run on each side, by the names of its Jobs."""
    sides = {"blue": sandbox.pair.blue, "green": sandbox.pair.green}
    return {side: sorted(map(minute_of, at.list(TYPES["Job"], sandbox.namespace))) for side, at in sides.items()}


def minute_of(job: Manifest) -> int:
    """Return for which minute a CronJob has made a Job (Kubernetes, pkg/controller/cronjob, `getJobName`)."""
    return int(job["metadata"]["name"].rpartition("-")[2])


def test_each_minute_runs_once(sandbox: Sandbox, balancer: Balancer) -> None:
    """Over cutover and rollback, by both sides' own controllers: no minute is run twice, and none is left out."""
    # Green's CronJob is older than the first run, and blue's has missed some when it is resumed: both would catch up.
    configure(sandbox, balancer)
    sandbox.on_blue(config_map("a"), cron_job("tick", schedule="* * * * *", successfulJobsHistoryLimit=100))
    assert sandbox.run("copy").code == 0
    until(lambda: len(minutes_run(sandbox)["blue"]) == 1, seconds=MINUTE)
    for verb in (("validate",), ("cutover", "--yes")):
        done = sandbox.run(*verb)
        assert done.code == 0, done.err
    until(lambda: bool(minutes_run(sandbox)["green"]), seconds=MINUTE)
    back = sandbox.run("rollback")
    assert back.code == 0, back.err
    before = len(minutes_run(sandbox)["blue"])
    until(lambda: len(minutes_run(sandbox)["blue"]) > before, seconds=MINUTE)
    ran = minutes_run(sandbox)
    both = sorted([*ran["blue"], *ran["green"]])
    assert both == list(range(both[0], both[-1] + 1)), ran
    assert set(ran["blue"]).isdisjoint(ran["green"]), ran
    assert len(ran["green"]) >= 1, ran
