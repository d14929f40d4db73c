"""Move traffic to green and back under load, with each adapter and its real server; what fails and how long it takes is counted."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import quick
import yaml

from migrator import __version__
from migrator.adapters.clock import SystemClock
from migrator.config.traffic import Traffic
from migrator.journal.file import FileJournal
from migrator.journal.records.migration import MIGRATION
from migrator.ports import TrafficSwitch
from migrator.ssh.session import SessionHost
from migrator.testbed.addresses import Addresses
from migrator.testbed.arp_watch import watching
from migrator.testbed.balancer import Load, load
from migrator.testbed.threads import beside
from migrator.traffic.dns_server import DnsServer
from migrator.traffic.runtime_api import RuntimeApi
from migrator.wiring.switches import switch_of
from tests.support.edges import BACKEND, Edges, Names, Nginx

RESULT = Path(__file__).parent / "results/traffic.json"
TTL = 1


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="Least number of requests with each HAProxy.")
    parser.add_argument("--other-requests", type=int, default=10_000, help="The same with a name in DNS, and nginx.")
    parser.add_argument("--rollbacks", type=int, default=10, help="Runs of `migrator rollback` with each adapter.")
    parser.add_argument("--moves", type=int, default=50, help="Hand-overs of the address.")
    parser.add_argument("--only", default="", help="Names of adapters, with commas.")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {"cores": os.cpu_count(), "adapters": {}}
    if options.only and RESULT.exists():
        result["adapters"] = json.loads(RESULT.read_text())["adapters"]
    for name, bench in BENCHES.items():
        if not options.only or name in options.only.split(","):
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                busy = round(os.getloadavg()[0], 1)
                result["adapters"][name] = {"load_at_start": busy, **bench(Path(folder), stack, options)}
            print(f"{name}: {json.dumps(result['adapters'][name])}", file=sys.stderr)
            if not options.no_write:  # a run of an hour that is cut off has its first results
                RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def moved(config: dict[str, Any], loaded: Callable[[], contextlib.AbstractContextManager[Load]], requests: int) -> dict[str, Any]:
    """Move forth and back until there were enough requests; return what clients saw, and how long each move took."""
    switch = switch_of([Traffic.model_validate(config)], relative_to=Path())
    if switch is None:
        raise SystemExit("no switch")
    seconds: dict[str, list[float]] = {"to_green": [], "to_blue": []}
    with loaded() as seen:
        begun = time.monotonic()
        while seen.requests < requests:
            seconds["to_green"].append(timed(lambda: switch.shift(100)))
            time.sleep(0.5)
            seconds["to_blue"].append(timed(lambda: switch.withdraw(end_connections=True)))
            time.sleep(0.5)
        seconds_of_load = time.monotonic() - begun
    return {
        "requests": seen.requests,
        "requests_per_second": round(seen.requests / seconds_of_load),
        "failed": len(seen.failures),
        "failures": sorted({str(one) for one in seen.failures})[:3],
        "longest_gap_ms": round(seen.longest_gap_ms, 1),
        "answers": seen.answers,
        "moves": len(seconds["to_green"]) * 2,
        **{f"{name}_ms_median": round(1000 * statistics.median(values), 1) for name, values in seconds.items()},
        **{f"{name}_ms_longest": round(1000 * max(values), 1) for name, values in seconds.items()},
        "round_trips_to_blue": round_trips(switch),
    }


def round_trips(switch: TrafficSwitch) -> int:
    """Return how many answers of servers and hosts a way back asks for; those that are asked side by side count each."""
    with contextlib.ExitStack() as stack:
        asked = [
            stack.enter_context(mock.patch.object(kind, "_ask", autospec=True, side_effect=kind._ask))  # noqa: SLF001 - the seam
            for kind in (RuntimeApi, SessionHost, DnsServer)
        ]
        switch.shift(100)
        before = sum(one.call_count for one in asked)
        switch.withdraw(end_connections=True)
        return sum(one.call_count for one in asked) - before


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


def rolled_back(folder: Path, config: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Run `migrator rollback`; no cluster answers. Return its own time, from its start until blue had all traffic."""
    work = folder / "rollback"
    work.mkdir()
    (work / "kubeconfig").write_text(yaml.safe_dump(NOBODY))
    clusters = {side: {"kubeconfig": "kubeconfig", "context": "nobody"} for side in ("blue", "green")}
    (work / "migration.yaml").write_text(yaml.safe_dump({"name": "bench", **clusters, "traffic": config}))
    with FileJournal(work / ".migrator/bench/journal.jsonl", MIGRATION, tool=__version__, migration="bench", clock=SystemClock()):
        pass
    switch = switch_of([Traffic.model_validate(config)], relative_to=Path())
    seconds: list[float] = []
    processor: list[float] = []
    codes: set[int] = set()
    for _ in range(options.rollbacks):
        if switch is not None:
            with contextlib.suppress(Exception):  # with a dead instance it stays where it is; what is measured is the same
                switch.shift(100)
        with (work / "out").open("w+b") as out:
            child = subprocess.Popen(
                [sys.executable, "-m", "migrator", "rollback", "-o", "json"], cwd=work, stdout=out, stderr=subprocess.DEVNULL
            )
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            seconds.append(json.loads(out.read())["trafficSeconds"])
        processor.append(used.ru_utime + used.ru_stime)
        codes.add(child.returncode)
    median, longest, used_median = (
        round(1000 * number) for number in (statistics.median(seconds), max(seconds), statistics.median(processor))
    )
    return {
        "rollback_ms_median": median,
        "rollback_ms_longest": longest,
        "rollback_processor_ms_median": used_median,
        "rollback_exit_codes": sorted(codes),
    }


NOBODY = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "nobody", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {"token": "x"}}],
    "contexts": [{"name": "nobody", "context": {"cluster": "nobody", "user": "nobody"}}],
    "current-context": "nobody",
}


def haproxy_here(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a socket of this machine."""
    edge = Edges(folder, stack, 1, quick.answering(folder / "services", stack))
    config = {"haproxy": {**BACKEND, **edge.local(edge.balancers[0])}}
    return moved(config, lambda: quick.load(edge.balancers[0].port), options.requests) | rolled_back(folder, config, options)


def haproxy_at_address(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the Runtime API over TCP."""
    edge = Edges(folder, stack, 1, quick.answering(folder / "services", stack))
    config = {"haproxy": {**BACKEND, **edge.on_tcp(edge.balancers[0])}}
    return moved(config, lambda: quick.load(edge.balancers[0].port), options.requests) | rolled_back(folder, config, options)


def haproxy_over_ssh(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a socket behind a real sshd on loopback."""
    edge = Edges(folder, stack, 1, quick.answering(folder / "services", stack))
    config = {"haproxy": {**BACKEND, **edge.on_ssh(edge.balancers[0])[0]}}
    return moved(config, lambda: quick.load(edge.balancers[0].port), options.requests) | rolled_back(folder, config, options)


def pair(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure two instances, clients at both; then the way back with one of them killed, and with one that is silent."""
    edge = Edges(folder, stack, 2, quick.answering(folder / "services", stack))
    dying, living = edge.balancers
    config = {"haproxy": {**BACKEND, **edge.pair()}}
    result = moved(config, lambda: quick.load(dying.port, living.port), options.requests)
    (folder / "dead").mkdir()
    (folder / "silent").mkdir()
    dying.kill()
    result["one_dead"] = rolled_back(folder / "dead", config, options)
    dying.start()
    os.kill(dying.process, signal.SIGSTOP)
    try:
        result["one_silent"] = rolled_back(folder / "silent", config, options)
    finally:
        os.kill(dying.process, signal.SIGCONT)
    return result


def dns(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a name: clients that honour its TTL, at a primary and a secondary; also when the last old answer was seen."""
    names = Names(folder, stack)
    port = names.serve(stack)
    config = names.config(ttl=f"{TTL}s")
    switch = switch_of([Traffic.model_validate(config)], relative_to=Path())
    if switch is None:
        raise SystemExit("no switch")
    switch.prepare()
    result = moved(config, lambda: resolving(names, port), options.other_requests)
    result["ttl_seconds"] = TTL
    result["last_old_answer_seconds_after_move"] = last_old_answer(names, port, switch)
    return result | rolled_back(folder, config, options)


@contextmanager
def resolving(names: Names, port: int, *, clients: int = 4) -> Iterator[Load]:
    """Ask the address that the name has, looked up again when the TTL is over."""
    seen, done = Load(), threading.Event()

    def client(number: int) -> None:
        server = DnsServer("127.0.0.1", (names.primary, names.secondary)[number % 2].port)
        until, address = 0.0, ""
        while not done.is_set():
            if time.monotonic() >= until:
                found = server.records(names.shop, "A")
                until, address = time.monotonic() + found.ttl, min(found.values)
            began = time.monotonic()
            answer, failure = asked(address, port)
            seen.count(began, answer, failure)
            done.wait(0.005)

    with beside(done, *(partial(client, number) for number in range(clients)), patience=60):
        yield seen


def asked(address: str, port: int) -> tuple[str, str]:
    """Return who answers, or why nobody does."""
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        return response.read().decode().strip(), "" if response.status == 200 else f"status {response.status}"
    except (OSError, http.client.HTTPException) as error:
        return "", type(error).__name__
    finally:
        connection.close()


def last_old_answer(names: Names, port: int, switch: TrafficSwitch) -> float:
    """Return how long after a move to green a client still went to blue."""
    with resolving(names, port) as seen:
        time.sleep(2 * TTL)
        switch.shift(100)
        moved_at = last = time.monotonic()
        before = seen.answers.get("blue", 0)
        while time.monotonic() < moved_at + 5 * TTL:
            time.sleep(0.01)
            if seen.answers.get("blue", 0) > before:
                before, last = seen.answers["blue"], time.monotonic()
        switch.withdraw(end_connections=True)
    return round(last - moved_at, 2)


def nginx(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the worked example of a program of one's own."""
    edge = Nginx(folder / "nginx", stack)
    return moved(edge.config, lambda: load(edge.port), options.other_requests) | rolled_back(folder, edge.config, options)


def address(folder: Path, stack: ExitStack, options: argparse.Namespace) -> dict[str, Any]:
    """Measure hand-overs of an address between real keepalived: an ARP question every 5 ms, and who answers it."""
    hosts = Addresses(folder / "hosts", stack)
    switch = switch_of([Traffic.model_validate(hosts.config())], relative_to=Path())
    if switch is None:
        raise SystemExit("no switch")
    gaps: list[float] = []
    holders = questions = answered = 0
    seconds: list[float] = []
    for number in range(options.moves):
        with watching(hosts.lan) as seen:
            time.sleep(0.2)
            seconds.append(timed(lambda: switch.withdraw(end_connections=True) if number % 2 else switch.shift(100)))  # noqa: B023
            time.sleep(0.5)
        gaps.append(seen.longest_gap_ms)
        holders = max(holders, seen.most_holders)
        questions += len(seen.asked)
        answered += len(seen.answers)
    if options.moves % 2:
        switch.withdraw(end_connections=True)
    ordered = sorted(gaps)
    return {
        "moves": len(gaps),
        "questions": questions,
        "answered": answered,
        "most_holders_at_once": holders,
        "gap_ms_median": round(statistics.median(gaps), 1),
        "gap_ms_p99": round(ordered[min(len(ordered) - 1, math.ceil(len(ordered) * 0.99) - 1)], 1),
        "gap_ms_longest": round(max(gaps), 1),
        "move_ms_median": round(1000 * statistics.median(seconds)),
        "round_trips_to_blue": round_trips(switch),
    } | rolled_back(folder, hosts.config(), options)


BENCHES: dict[str, Callable[[Path, ExitStack, argparse.Namespace], dict[str, Any]]] = {
    "haproxy local socket": haproxy_here,
    "haproxy TCP": haproxy_at_address,
    "haproxy SSH": haproxy_over_ssh,
    "haproxy pair": pair,
    "dns": dns,
    "command nginx": nginx,
    "address keepalived": address,
}

if __name__ == "__main__":
    main()
