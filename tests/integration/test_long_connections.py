"""WebSockets, gRPC and kept connections at a cutover: what stays on blue is told, and ended only where that is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from migrator.testbed.balancer import Balancer, balancing, load
from tests.support.edges import BACKEND, Edges
from tests.support.long_lived import Talk, calls, streaming_call, unary_calls, web_socket, web_sockets
from tests.support.objects import config_map
from tests.support.sandbox import Sandbox

SOCKETS, STREAMS = 3, 2


@pytest.fixture
def edges(tmp_path: Path) -> Iterator[tuple[Balancer, Balancer]]:
    """Run one HAProxy before WebSockets and one before gRPC, both sides of each."""
    with ExitStack() as stack:
        places = [
            {side: f"127.0.0.1:{stack.enter_context(service(side))}" for side in ("blue", "green")}
            for service in (web_sockets, calls)
        ]
        first, second = (stack.enter_context(balancing(tmp_path / f"lb{number}", **sides)) for number, sides in enumerate(places))
        changes = {"    option httpchk GET /healthz\n": ""}
        for balancer, more in (
            (first, {}),
            (second, {" check inter": " proto h2 check inter", f":{second.port}\n": f":{second.port} proto h2\n"}),
        ):
            config = balancer.folder / "haproxy.cfg"
            text = config.read_text()
            for old, new in {**changes, **more}.items():
                assert old in text
                text = text.replace(old, new)
            config.write_text(text)
            balancer.stop()
            balancer.start()
        yield first, second


def open_all(edges: tuple[Balancer, Balancer], stack: ExitStack) -> list[Talk]:
    """Open some of both kinds."""
    sockets = [stack.enter_context(web_socket(edges[0].port)) for _ in range(SOCKETS)]
    return sockets + [stack.enter_context(streaming_call(edges[1].port)) for _ in range(STREAMS)]


def test_what_lives_long_stays_on_blue_until_it_may_be_ended(sandbox: Sandbox, edges: tuple[Balancer, Balancer]) -> None:
    """Each step tells the number; the way back ends green's; requests on kept and new connections notice nothing."""
    sandbox.configure(
        traffic=[{"haproxy": {**BACKEND, **Edges.local(one)}, "steps": [25, 100], "soak": "0s"} for one in edges],
        gates={"minRequests": 0},
    )
    sandbox.on_blue(config_map("a"))
    for verb in ("copy", "validate"):
        assert sandbox.run(verb).code == 0
    with ExitStack() as stack:
        early = open_all(edges, stack)
        assert {talk() for talk in early} == {"blue"}
        loads = [stack.enter_context(load(edges[0].port, clients=2)), stack.enter_context(unary_calls(edges[1].port))]
        done = sandbox.json("cutover", "--yes")
        assert done.code == 0, done.err
        # A request of the load may be under way, too.
        told = [int(number) for number in re.findall(r"%: open now: (\d+) on blue", done.err)]
        assert (len(told), min(told) >= SOCKETS + STREAMS) == (2, True), done.err
        assert all(SOCKETS + 1 >= number >= STREAMS for number in done.document["openOnBlueByServer"].values())
        late = open_all(edges, stack)
        assert ({talk() for talk in early}, {talk() for talk in late}) == ({"blue"}, {"green"})
        back = sandbox.json("rollback")
        assert (back.code, sum(back.document["connectionsEnded"].values()) >= SOCKETS + STREAMS) == (0, True), back.err
        assert ({talk() for talk in early}, {talk() for talk in late}) == ({"blue"}, {""})
        assert sandbox.run("validate").code == 0
        done = sandbox.json("cutover", "--yes", "--end-connections")
        assert (done.code, done.document["openOnBlue"]) == (0, 0), done.err
        assert {talk() for talk in early} == {""}
    assert [seen.failures for seen in loads] == [[], []]
    assert [seen.answers.keys() for seen in loads] == [{"blue", "green"}] * 2
