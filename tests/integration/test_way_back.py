"""The way back with a real HAProxy, whatever else is gone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from migrator.config.schema import HAProxyConfig
from migrator.journal.file import FileJournal
from migrator.journal.records.codec import MIGRATION
from migrator.testbed.balancer import Balancer, balanced
from migrator.testbed.waiting import PATIENCE_SECONDS
from migrator.traffic.haproxy import HAProxy
from tests.support.clock import FakeClock
from tests.support.objects import config_map, cron_job
from tests.support.sandbox import Sandbox
from tests.support.sockets import black_hole, closed_port, watched


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


def configure(sandbox: Sandbox, balancer: Balancer, socket: Path | None = None, **more: Any) -> None:
    """Write migration.yaml; silence on green is accepted."""
    haproxy = {"backend": "shop", "blue": ["blue"], "green": ["green"], "stateFile": str(balancer.state_file)}
    traffic = {"haproxy": {**haproxy, "socket": str(socket or balancer.socket)}, "steps": [100], "soak": "0s"}
    sandbox.configure(traffic=traffic, gates={"minRequests": 0}, **more)


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
        "on blue is still suspended",
    ]
    assert runs_on(on_green) == (False, True)
    configure(on_green, balancer)
    again = on_green.json("rollback")
    assert (again.code, again.document["undone"]) == (0, []), again.err
    assert runs_on(on_green) == (True, False)
    assert on_green.json("status").document["fencedCronJobs"] == []


def test_a_kubeconfig_that_is_gone_keeps_nothing_on_green(on_green: Sandbox, balancer: Balancer) -> None:
    """Not even the file of green need be there."""
    configure(on_green, balancer, green={"kubeconfig": "nowhere", "context": "green"})
    result = on_green.json("rollback")
    assert (result.code, green_percent(balancer), runs_on(on_green)) == (4, 0, (True, True)), result.err
    assert "no such file" in result.document["undone"][0]


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
