"""Cutover and rollback with a real HAProxy under load."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.config.haproxy import HAProxyConfig
from migrator.errors import TrafficError
from migrator.testbed.balancer import Balancer, Service, balanced, load
from migrator.testbed.waiting import PATIENCE_SECONDS
from migrator.traffic.haproxy import HAProxy
from tests.support.objects import config_map, cron_job, deployment, service
from tests.support.sandbox import TYPES, Sandbox, until
from tests.support.traffic_section import through

Edge = tuple[Balancer, Service, Service]


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """Run HAProxy before two services."""
    with balanced(tmp_path / "haproxy") as running:
        yield running


def traffic(balancer: Balancer, **more: Any) -> dict[str, Any]:
    """Return the traffic section of a migration.yaml."""
    return {"haproxy": through(balancer), "steps": [25, 100], "soak": "1s", **more}


def adapter(balancer: Balancer, **more: Any) -> HAProxy:
    """Return the adapter under test."""
    return HAProxy(HAProxyConfig.model_validate({**traffic(balancer)["haproxy"], **more}), relative_to=Path())


def ready(sandbox: Sandbox, balancer: Balancer, **more: Any) -> None:
    """Bring a small application to green and validate it."""
    sandbox.configure(traffic=traffic(balancer), **more)
    sandbox.on_blue(config_map("a"), cron_job("nightly"))
    assert sandbox.run("copy").code == 0
    verdict = sandbox.run("validate")
    assert verdict.code == 0, verdict.out


def test_weights_are_set_read_back_and_survive_a_restart(edge: Edge) -> None:
    """A restart of HAProxy keeps the weights; no reload is needed to set them."""
    balancer, _, _ = edge
    switch = adapter(balancer)
    assert switch.read().green_percent == 0
    assert switch.shift(25).servers == {"blue": 75, "green": 25}
    balancer.stop()
    balancer.start()
    assert switch.read().servers == {"blue": 75, "green": 25}
    assert switch.shift(100).green_percent == 100


def test_cutover_and_rollback_lose_no_request(sandbox: Sandbox, edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    """Zero failed requests through cutover, rollback and cutover; CronJobs run where the traffic is."""
    balancer, _, _ = edge
    ready(sandbox, balancer)
    with load(balancer.port) as seen:
        done = sandbox.json("cutover", "--yes")
        assert done.code == 0, done.err
        assert done.document["handedOver"] == [f"CronJob.batch/{sandbox.namespace}/nightly"]
        assert (sandbox.blue("CronJob", "nightly")["spec"]["suspend"], sandbox.green("CronJob", "nightly")["spec"]["suspend"]) == (
            True,
            False,
        )
        assert adapter(balancer).read().green_percent == 100
        back = sandbox.json("rollback")
        assert (back.code, back.document["undone"]) == (0, []), back.err
        assert adapter(balancer).read().green_percent == 0
        assert (sandbox.blue("CronJob", "nightly")["spec"]["suspend"], sandbox.green("CronJob", "nightly")["spec"]["suspend"]) == (
            False,
            True,
        )
        edited = {"spec": {"schedule": "1 1 1 1 *"}}
        sandbox.pair.blue.patch(TYPES["CronJob"], sandbox.namespace, "nightly", edited, manager="kubectl-edit")
        assert sandbox.run("copy").code == 0
        assert sandbox.run("validate").code == 0
        assert sandbox.run("cutover", "--yes").code == 0
        assert sandbox.green("CronJob", "nightly")["spec"]["schedule"] == "1 1 1 1 *"
    assert seen.failures == []
    assert seen.answers["green"] > 0
    with capsys.disabled():
        print(f"\ncutover, rollback, cutover: {seen.requests} requests, 0 failed, longest gap {seen.longest_gap_ms:.0f} ms")  # noqa: T201


@pytest.mark.parametrize(("illness", "word"), [("fail", "failed"), ("delay", "answers in"), ("probe", "probe front page")])
def test_a_failed_gate_moves_all_traffic_back(sandbox: Sandbox, edge: Edge, illness: str, word: str) -> None:
    """Errors, latency and probes each send all traffic, and the CronJobs, back to blue by themselves."""
    balancer, _, green = edge
    ready(sandbox, balancer, gates={"errorRate": "5%", "latency": "0.15s"})
    if illness == "fail":
        green.fail = True
    elif illness == "delay":
        green.delay = 0.3
    else:
        probe = {"name": "front page", "command": ["false"]}
        sandbox.configure(traffic=traffic(balancer), probes=[probe])
    with load(balancer.port):
        result = sandbox.run("cutover", "--yes")
    assert result.code == 3
    assert word in result.err, result.err
    assert "all traffic is back on blue" in result.err
    assert adapter(balancer).read().green_percent == 0
    assert sandbox.green("CronJob", "nightly")["spec"]["suspend"] is True
    assert not sandbox.blue("CronJob", "nightly")["spec"]["suspend"]


def test_silence_is_no_proof(sandbox: Sandbox, edge: Edge) -> None:
    """Without a request on green a step is unproven; gates.minRequests 0 accepts that."""
    balancer, _, _ = edge
    ready(sandbox, balancer)
    assert "nothing is proven" in sandbox.run("cutover", "--yes").err
    sandbox.configure(traffic=traffic(balancer), gates={"minRequests": 0})
    sandbox.run("validate")
    assert sandbox.run("cutover", "--yes").code == 0


def test_cutover_needs_a_fresh_good_verdict(sandbox: Sandbox, edge: Edge) -> None:
    """Without a verdict, with a bad one or with an old one nothing moves."""
    balancer, _, _ = edge
    sandbox.configure(traffic=traffic(balancer))
    sandbox.on_blue(config_map("a"))
    sandbox.run("copy")
    result = sandbox.run("cutover", "--yes")
    assert (result.code, "no good verdict" in result.err) == (3, True)
    sandbox.run("validate")
    sandbox.configure(traffic=traffic(balancer), gates={"verdictAge": "0s"})
    result = sandbox.run("cutover", "--yes")
    assert (result.code, "minutes old" in result.err) == (3, True)


def test_rollback_works_without_green(sandbox: Sandbox, edge: Edge) -> None:
    """With green out of reach traffic goes back all the same, and what could not be done is said."""
    balancer, _, _ = edge
    ready(sandbox, balancer, gates={"minRequests": 0})
    assert sandbox.run("cutover", "--yes").code == 0
    broken = sandbox.folder / "broken"
    text = sandbox.pair.kubeconfig.read_text()
    port = next(line.rsplit(":", 1)[1] for line in text.splitlines() if "server:" in line and _server_of(text, "green") in line)
    broken.write_text(text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{_closed_port()}"))
    sandbox.configure(traffic=traffic(balancer), green={"kubeconfig": str(broken), "context": "green"})
    result = sandbox.json("rollback")
    assert result.code == 4, result.err
    assert "may still run" in result.document["undone"][0]
    assert adapter(balancer).read().green_percent == 0
    assert sandbox.blue("CronJob", "nightly")["spec"]["suspend"] is False
    sandbox.configure(traffic=traffic(balancer))
    assert sandbox.run("rollback").code == 0
    assert sandbox.green("CronJob", "nightly")["spec"]["suspend"] is True


def test_killed_cutover_goes_on(sandbox: Sandbox, edge: Edge) -> None:
    """Kill -9 in the middle of a cutover: status tells, the next cutover finishes the job."""
    balancer, _, _ = edge
    ready(sandbox, balancer)
    sandbox.configure(traffic=traffic(balancer, soak="2s"))
    with load(balancer.port):
        child = sandbox.start("cutover", "--yes")
        until(lambda: bool(sandbox.events("sample")))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        status = sandbox.json("status").document
        assert (status["stage"], status["greenPercent"]) == ("cutting over", 25)
        done = sandbox.run("cutover", "--yes")
    assert done.code == 0, done.err
    assert adapter(balancer).read().green_percent == 100
    assert sandbox.json("status").document["stage"] == "on green"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_cutover_goes_back(sandbox: Sandbox, edge: Edge, number: signal.Signals) -> None:
    """^C, being told to end, or a terminal that is closed in the middle of a cutover moves all traffic back to blue."""
    balancer, _, _ = edge
    ready(sandbox, balancer)
    with load(balancer.port):
        child = sandbox.start("cutover", "--yes")
        until(lambda: bool(sandbox.events("sample")))
        child.send_signal(number)
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 130, err
    assert adapter(balancer).read().green_percent == 0
    assert not sandbox.blue("CronJob", "nightly")["spec"]["suspend"]


def test_copy_is_refused_while_green_serves(sandbox: Sandbox, edge: Edge) -> None:
    """Copying over a cluster that has the traffic would undo what it has done since."""
    balancer, _, _ = edge
    ready(sandbox, balancer, gates={"minRequests": 0})
    sandbox.run("cutover", "--yes")
    result = sandbox.run("copy")
    assert (result.code, "rollback" in result.err) == (3, True)


def test_retire_waits_and_archives(sandbox: Sandbox, edge: Edge) -> None:
    """Blue is retired only after the soak time and without traffic; then its archive lies beside the journal, private."""
    balancer, _, _ = edge
    ready(sandbox, balancer, gates={"minRequests": 0})
    assert "not on green" in sandbox.run("retire", "--yes").err
    sandbox.run("cutover", "--yes")
    assert "retire.soak" in sandbox.run("retire", "--yes").err
    sandbox.configure(traffic=traffic(balancer), retire={"soak": "0s"})
    adapter(balancer).shift(90)
    assert "still reaches blue" in sandbox.run("retire", "--yes").err
    adapter(balancer).shift(100)
    result = sandbox.json("retire", "--yes")
    assert result.code == 0, result.err
    archive = Path(sandbox.folder / result.document["archive"])
    assert archive.stat().st_mode & 0o777 == 0o600
    assert "nothing to go back to" in sandbox.run("rollback").err


def test_report_tells_the_story(sandbox: Sandbox, edge: Edge) -> None:
    """The report is one page that loads nothing, with plots, and the same as JSON."""
    balancer, _, _ = edge
    ready(sandbox, balancer)
    sandbox.on_blue(deployment("late"), service("late"))
    with load(balancer.port):
        assert sandbox.run("cutover", "--yes").code == 0
        sandbox.run("rollback")
    result = sandbox.json("report", "--out", "page.html")
    assert result.code == 0, result.err
    html = (sandbox.folder / "page.html").read_text()
    assert html.count("<svg") == html.count("<figure") == 4
    assert "http" not in html.split("</style>")[0]
    assert result.document["weights"][-1]["percent"] == 0
    assert {"cutover ended", "rollback ended"} <= {item["what"] for item in result.document["milestones"]}
    assert "published by green&#x27;s own controller" in html


def test_haproxy_faults_are_said_in_one_line(edge: Edge, tmp_path: Path) -> None:
    """A socket that is not there, one without a listener, an unknown backend or server, a state file that cannot be written."""
    balancer, _, _ = edge
    with pytest.raises(TrafficError, match="no such socket"):
        adapter(balancer, socket=str(tmp_path / "nowhere")).read()
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(dead))
    with pytest.raises(TrafficError, match="nobody listens"):
        adapter(balancer, socket=str(dead)).read()
    with pytest.raises(TrafficError, match="no backend shpo") as caught:
        adapter(balancer, backend="shpo").read()
    assert "shop" in caught.value.hint
    with pytest.raises(TrafficError, match="no server gren"):
        adapter(balancer, green=["gren"]).read()
    with pytest.raises(TrafficError, match="cannot be written"):
        adapter(balancer, stateFile=str(tmp_path / "no" / "state")).shift(25)


def test_socket_without_permission_is_said_in_one_line(edge: Edge) -> None:
    """A Runtime API without admin level, or a socket of another user, is named with its hint."""
    balancer, _, _ = edge
    config = balancer.folder / "haproxy.cfg"
    config.write_text(config.read_text().replace("level admin", "level user"))
    balancer.stop()
    balancer.start()
    with pytest.raises(TrafficError, match="Permission denied") as caught:
        adapter(balancer).shift(25)
    assert "level admin" in caught.value.hint


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _server_of(text: str, context: str) -> str:
    import yaml

    clusters = {item["name"]: item["cluster"]["server"] for item in yaml.safe_load(text)["clusters"]}
    return str(clusters[context])


def test_a_load_balancer_that_dies_in_a_soak_stops_the_cutover_and_loses_no_way_back(sandbox: Sandbox, edge: Edge) -> None:
    """HAProxy is gone: one line says where traffic was; it is back: rollback works."""
    balancer, _, _ = edge
    ready(sandbox, balancer)
    sandbox.configure(traffic=traffic(balancer, soak="30s"))
    with load(balancer.port):
        child = sandbox.start("cutover", "--yes")
        until(lambda: bool(sandbox.events("sample")))
        balancer.stop()
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode not in (0, 70), err
    assert b"HAProxy" in err
    assert b"Traceback" not in err
    balancer.start()
    assert sandbox.run("rollback", "--yes").code == 0
    assert adapter(balancer).read().green_percent == 0
    assert not sandbox.blue("CronJob", "nightly")["spec"]["suspend"]


def test_rollback_tells_what_was_open_on_green(sandbox: Sandbox, edge: Edge) -> None:
    """In TCP mode connections stay for hours; first they get time, then they are ended, and the result counts them."""
    balancer, _, _ = edge
    config = balancer.folder / "haproxy.cfg"
    config.write_text(config.read_text().replace("mode http", "mode tcp").replace("    option httpchk GET /healthz\n", ""))
    balancer.stop()
    balancer.start()
    ready(sandbox, balancer, gates={"minRequests": 0})
    with socket.create_connection(("127.0.0.1", balancer.port)) as on_blue:
        until(lambda: adapter(balancer).read().blue.sessions == 1)
        done = sandbox.json("cutover", "--yes")
        assert (done.code, done.document["openOnBlueByServer"]) == (0, {"blue": 1}), done.err
        with socket.create_connection(("127.0.0.1", balancer.port)) as on_green:
            until(lambda: adapter(balancer).read().green_sessions == {"green": 1})
            result = sandbox.json("rollback", "--graceful", "1s")
            assert (result.code, result.document["connectionsLeft"]) == (4, {"green": 1}), result.err
            result = sandbox.json("rollback")
            assert (result.code, result.document["connectionsEnded"]) == (0, {"green": 1}), result.err
            assert on_green.recv(1) == b""
        on_blue.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"blue" in on_blue.makefile("rb").read()


def test_a_green_that_refuses_connections_fails_the_gate_in_tcp_mode(sandbox: Sandbox, edge: Edge) -> None:
    """There are no HTTP codes; what green does not take blue has to."""
    balancer, _, green = edge
    config = balancer.folder / "haproxy.cfg"
    text = config.read_text().replace("mode http", "mode tcp").replace("    option httpchk GET /healthz\n", "")
    config.write_text(text.replace(f"{green.port} check inter 500", str(_closed_port())))
    balancer.stop()
    balancer.start()
    ready(sandbox, balancer)
    with load(balancer.port):
        result = sandbox.run("cutover", "--yes")
    assert (result.code, "requests on green failed" in result.err) == (3, True), result.err
    assert adapter(balancer).read().servers == {"blue": 100, "green": 0}
