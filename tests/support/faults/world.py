"""Two real control planes behind proxies, and for each round a real HAProxy under load behind a stand-in of its socket."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import yaml

from migrator.errors import ApiError
from migrator.testbed.balancer import Balancer, Load, Service, balancing, load
from tests.support.faults.api_proxy import ApiProxy
from tests.support.faults.moments import Lines, Moments
from tests.support.faults.plan import Counted, RoundPlan
from tests.support.faults.relay import Relay
from tests.support.sandbox import TYPES, Pair, Sandbox, until
from tests.support.traffic_section import through

_PAUSE_SECONDS = 0.04
"""Between two requests of one client."""


@dataclass(slots=True)
class World:
    """What all rounds share."""

    pair: Pair
    """The clusters as the suite itself sees them: past the proxies."""
    proxies: dict[str, ApiProxy]
    kubeconfig: Path
    """The clusters as the tool sees them: through the proxies."""
    moments: list[Moments]
    """The counter of the round that runs."""


@dataclass(slots=True)
class Stage:
    """What one round has."""

    plan: RoundPlan
    world: World
    sandbox: Sandbox
    balancer: Balancer
    relay: Relay
    load: Load
    moments: Moments
    secret: str
    said: list[bytes] = field(default_factory=list)
    """All that any process of the round has written or had as an argument."""
    excused: list[tuple[float, float]] = field(default_factory=list)
    """From when to when requests may fail, because the fault itself fails them; monotonic."""
    taken_over_at: float | None = None
    """When another run took the lock, because the one of the round stood still for too long; seconds since 1970."""


@contextmanager
def worlds(pair: Pair) -> Iterator[World]:
    """Put proxies before both API servers of a testbed."""
    with ExitStack() as stack:
        moments = [Moments()]
        proxies = {}
        content = yaml.safe_load(pair.kubeconfig.read_text())
        for cluster in content["clusters"]:
            side = cluster["name"]
            proxies[side] = ApiProxy(side, pair.testbed.folder / side, lambda: moments[0].tick(Counted.REQUEST))
            stack.callback(proxies[side].close)
            cluster["cluster"]["server"] = f"https://127.0.0.1:{proxies[side].port}"
        kubeconfig = pair.testbed.folder / "through-proxies"
        kubeconfig.write_text(yaml.safe_dump(content))
        kubeconfig.chmod(0o600)
        yield World(pair, proxies, kubeconfig, moments)


@contextmanager
def stages(world: World, plan: RoundPlan) -> Iterator[Stage]:
    """Make one round's namespace, folder, HAProxy and load; nothing of it is left afterwards."""
    name = f"round-{plan.number}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        (folder / "work").mkdir()
        through = Pair(world.pair.blue, world.pair.green, world.kubeconfig, world.pair.testbed)
        sandbox = Sandbox(through, name, folder / "work")
        blue, green = Service("blue"), Service("green")
        stack.callback(blue.close)
        stack.callback(green.close)
        balancer = stack.enter_context(
            balancing(folder / "haproxy", blue=f"127.0.0.1:{blue.port}", green=f"127.0.0.1:{green.port}")
        )
        moments = world.moments[0] = Moments()
        relay = Relay(folder / "front.sock", balancer.socket, lambda: moments.tick(Counted.COMMAND))
        stack.callback(relay.close)
        _configure(sandbox, relay, balancer)
        _make_namespace(world, name)
        stack.callback(_forget_namespace, world, name)
        until(sandbox.has_default_account)
        lines = Lines(sandbox.journal, moments)
        stack.callback(lines.close)
        seen = stack.enter_context(load(balancer.port, pause=_PAUSE_SECONDS))
        yield Stage(plan, world, sandbox, balancer, relay, seen, moments, f"hunter2-{plan.seed}-{plan.number}-of-nobody")


def _configure(sandbox: Sandbox, relay: Relay, balancer: Balancer) -> None:
    sandbox.configure(
        traffic={"haproxy": through(balancer, relay.path), "steps": [50, 100], "soak": "0.5s"},
        retire={"soak": "0s"},
        gates={"readyTimeout": "60s", "backendTimeout": "2s"},
    )


def _make_namespace(world: World, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    world.pair.blue.create(TYPES["Namespace"], "", orjson.dumps(body), manager="kubectl-create")


def _forget_namespace(world: World, name: str) -> None:
    """Delete the round's namespace on both sides; its controller does that while the next round runs."""

    def delete(side: str) -> None:
        cluster = getattr(world.pair, side)
        try:
            uid = cluster.get(TYPES["Namespace"], "", name)["metadata"]["uid"]
            cluster.delete(TYPES["Namespace"], "", name, uid=uid)
        except ApiError:
            return

    for side in ("blue", "green"):
        threading.Thread(target=delete, args=(side,), daemon=True).start()
