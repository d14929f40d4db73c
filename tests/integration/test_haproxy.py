"""The adapter and a real HAProxy: what each setting of haproxy.cfg does to a shift and to a way back."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.clock import SystemClock
from migrator.config.haproxy import HAProxyConfig
from migrator.errors import TrafficError
from migrator.testbed.balancer import Balancer, Service, balanced
from migrator.testbed.processes import free_ports
from migrator.traffic.haproxy import HAProxy
from migrator.traffic.runtime_api import RuntimeApi, UnixSocket
from tests.support.sandbox import until

Edge = tuple[Balancer, Service, Service]
TCP = {"mode http": "mode tcp", "    option httpchk GET /healthz\n": ""}
COOKIES = {
    "balance roundrobin": "balance roundrobin\n    cookie SRV insert indirect nocache",
    "weight 100": "weight 100 cookie b",
    "weight 0": "weight 0 cookie g",
}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """Run HAProxy before two services."""
    with balanced(tmp_path / "haproxy") as running:
        yield running


def adapter(balancer: Balancer) -> HAProxy:
    """Return the adapter under test."""
    config = HAProxyConfig(
        socket=str(balancer.socket), backend="shop", blue=("blue",), green=("green",), state_file=str(balancer.state_file)
    )
    return HAProxy(config, relative_to=Path())


def reconfigure(balancer: Balancer, changes: dict[str, str]) -> None:
    """Change haproxy.cfg and start it again."""
    config = balancer.folder / "haproxy.cfg"
    text = config.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    config.write_text(text)
    balancer.stop()
    balancer.start()


def get(balancer: Balancer, cookie: str = "") -> str:
    """Return who answers one request."""
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
    try:
        connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


def keep_open(balancer: Balancer) -> socket.socket:
    """Return a connection that has had an answer and stays."""
    connection = socket.create_connection(("127.0.0.1", balancer.port), timeout=10)
    ask(connection)
    return connection


def ask(connection: socket.socket) -> bytes:
    """Send a request over a connection that stays, and return the answer."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    answer = b""
    while not answer.endswith((b"blue\n", b"green\n")):
        answer += connection.recv(4096)
    return answer


def weights(balancer: Balancer) -> dict[str, int]:
    """Return what HAProxy has."""
    return adapter(balancer).read().servers


def test_a_client_that_holds_greens_cookie_goes_back(edge: Edge) -> None:
    """A drained server keeps it; one in maintenance does not. The way forward takes green out of maintenance."""
    balancer, _, _ = edge
    reconfigure(balancer, COOKIES)
    switch = adapter(balancer)
    switch.shift(100)
    assert get(balancer, "SRV=g") == "green"
    assert switch.withdraw(end_connections=True).reading.servers == {"blue": 100, "green": 0}
    assert [get(balancer, "SRV=g") for _ in range(3)] == ["blue"] * 3
    switch.shift(25)
    assert get(balancer, "SRV=g") == "green"


def test_a_client_in_a_stick_table_goes_back(edge: Edge) -> None:
    """The table says green; green in maintenance is not asked."""
    balancer, _, _ = edge
    table = "balance roundrobin\n    stick-table type ip size 1k expire 10m\n    stick on src"
    reconfigure(balancer, {"balance roundrobin": table})
    switch = adapter(balancer)
    switch.shift(100)
    assert get(balancer) == "green"
    switch.shift(0)
    assert [get(balancer) for _ in range(3)] == ["blue"] * 3


def test_open_connections_on_green_are_ended_and_counted(edge: Edge) -> None:
    """Nobody stays on green unseen."""
    balancer, _, _ = edge
    reconfigure(balancer, TCP)
    switch = adapter(balancer)
    switch.shift(100)
    with keep_open(balancer) as first, keep_open(balancer) as second:
        withdrawal = switch.withdraw(end_connections=True)
        assert (withdrawal.ended, withdrawal.reading.green_sessions) == ({"green": 2}, {})
        assert (first.recv(10), second.recv(10)) == (b"", b"")
    assert switch.withdraw(end_connections=True).ended == {}


def test_open_connections_may_end_by_themselves(edge: Edge) -> None:
    """They are counted for as long as they are there; new ones go to blue."""
    balancer, _, _ = edge
    reconfigure(balancer, TCP)
    switch = adapter(balancer)
    switch.shift(100)
    with keep_open(balancer) as connection:
        withdrawal = switch.withdraw(end_connections=False)
        assert (withdrawal.ended, withdrawal.reading.green_sessions) == ({}, {"green": 1})
        assert ask(connection).endswith(b"green\n")
        assert get(balancer) == "blue"
    until(lambda: not switch.read().green_sessions)


def test_a_request_in_flight_gets_its_answer(edge: Edge) -> None:
    """A moment of grace, so that going back costs no ordinary request."""
    balancer, _, green = edge
    switch = adapter(balancer)
    switch.shift(100)
    green.delay = 0.1
    answers: list[str] = []
    client = in_flight(switch, lambda: answers.append(get(balancer)))
    assert switch.withdraw(end_connections=True).ended == {}
    client.join()
    assert set(answers) == {"green"}


def test_a_reload_in_the_middle_of_a_way_back_costs_no_request(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new process has read that blue gets nothing, after the old one said that blue gets all."""
    balancer, _, _ = edge
    adapter(balancer).shift(100)
    give, reloads, answers = HAProxy._give, [balancer.reload], []
    switch, ended = adapter(balancer), threading.Event()

    def give_and_reload(*arguments: Any, **more: Any) -> None:
        give(*arguments, **more)
        while reloads:
            reloads.pop()()

    def ask_on() -> None:
        while not ended.is_set():
            answers.append(get(balancer))

    monkeypatch.setattr(HAProxy, "_give", give_and_reload)
    client = threading.Thread(target=ask_on)
    client.start()
    try:
        until(lambda: bool(answers))
        assert switch.withdraw(end_connections=True).reading.servers == {"blue": 100, "green": 0}
    finally:
        ended.set()
        client.join()
    assert (set(answers) <= {"blue", "green"}, reloads) == (True, [])


def in_flight(switch: HAProxy, request: Callable[[], None]) -> threading.Thread:
    """Return a client whose request the load balancer was seen to wait for; on a busy machine one may end unseen."""
    while True:
        client = threading.Thread(target=request)
        client.start()
        while client.is_alive():
            if switch.read().green.sessions:
                return client


@pytest.mark.parametrize("balance", ["static-rr", "source", "uri", "url_param user", "hdr(host)", "first", "hash src"])
def test_balancing_that_takes_no_weights_is_found_first(edge: Edge, balance: str) -> None:
    """The cure is said, and nothing has changed."""
    balancer, _, _ = edge
    reconfigure(balancer, {"balance roundrobin": f"balance {balance}"})
    with pytest.raises(TrafficError, match=r"`balance|static LB algorithm") as caught:
        adapter(balancer).require_shares()
    assert "roundrobin" in caught.value.hint
    assert weights(balancer) == {"blue": 100, "green": 0}
    assert get(balancer) == "blue"


@pytest.mark.parametrize("balance", ["roundrobin", "leastconn", "random", "source\n    hash-type consistent"])
def test_balancing_that_takes_weights_is_left_alone(edge: Edge, balance: str) -> None:
    """No false alarm, and no change."""
    balancer, _, _ = edge
    reconfigure(balancer, {"balance roundrobin": f"balance {balance}"})
    assert adapter(balancer).require_shares() == ()
    assert weights(balancer) == {"blue": 100, "green": 0}
    assert adapter(balancer).shift(25).servers == {"blue": 75, "green": 25}


def test_a_refused_weight_takes_nothing_from_the_other_side(edge: Edge) -> None:
    """Green does not gain, so blue does not lose; the error has HAProxy's words and says what it has now."""
    balancer, _, _ = edge
    reconfigure(balancer, {"balance roundrobin": "balance source"})
    with pytest.raises(TrafficError, match=r"static LB algorithm.*HAProxy has now: blue 100, green 0, so green gets 0 %"):
        adapter(balancer).shift(100)
    assert get(balancer) == "blue"


@pytest.mark.parametrize(
    ("changes", "reason", "cure"),
    [
        ({"weight 0": "weight 0 backup"}, "server green is `backup`", "take `backup` out"),
        ({"weight 0": "weight 0 agent-check agent-port 9"}, "server green has an agent check", "disable agent shop/green"),
        (
            {"balance roundrobin": "balance roundrobin\n    server old 127.0.0.1:9"},
            "server old gets a share",
            "set server shop/old state maint",
        ),
        ({"level admin": "level operator"}, "its level is operator", "level admin"),
        (
            {
                "\nfrontend": "\nresolvers dns\n    nameserver a 127.0.0.1:9\nfrontend",
                "server green ": "server green green.invalid:80 resolvers dns init-addr none weight 0 # ",
            },
            "HAProxy finds no address for the name of server green",
            "see `resolvers`",
        ),
    ],
)
def test_settings_that_work_against_weights_are_found_first(edge: Edge, changes: dict[str, str], reason: str, cure: str) -> None:
    """Each with its cure."""
    balancer, _, _ = edge
    reconfigure(balancer, changes)
    with pytest.raises(TrafficError, match=reason) as caught:
        adapter(balancer).require_shares()
    assert cure in caught.value.hint


def test_a_server_that_was_added_by_command_is_found_first(edge: Edge) -> None:
    """A start after the cutover would answer 503: blue's weight of 0 is kept, and green is gone."""
    balancer, _, green = edge
    reconfigure(balancer, {f"    server green 127.0.0.1:{green.port} check inter 500 weight 0\n": ""})
    _say(balancer, f"add server shop/green 127.0.0.1:{green.port} weight 0; enable server shop/green")
    with pytest.raises(TrafficError, match="server green was added while HAProxy runs") as caught:
        adapter(balancer).require_shares()
    assert "haproxy.cfg" in caught.value.hint


FIELD = {
    "kubeadm's high availability": {"mode http": "mode tcp", "option httpchk GET /healthz": "option tcp-check"},
    "slow start": {"check inter 500": "check inter 500 slowstart 60s"},
    "defaults of servers": {"balance roundrobin": "default-server inter 10s downinter 5s rise 2 fall 2 maxconn 250 maxqueue 256"},
    "dynamic cookies": {"balance roundrobin": "dynamic-cookie-key k\n    cookie SRV insert indirect nocache dynamic"},
    "stick table": {"balance roundrobin": "stick-table type ip size 1k expire 30m\n    stick on src"},
    "connections used again": {"balance roundrobin": "http-reuse always"},
    "bounded hash": {"balance roundrobin": "balance hdr(host)\n    hash-type consistent\n    hash-balance-factor 150"},
    "two choices": {"balance roundrobin": "balance random(2)"},
    "PROXY protocol": {"mode http": "mode tcp", " check inter 500": " send-proxy-v2", "option httpchk GET /healthz": ""},
    "a page that says sorry": {"balance roundrobin": "server sorry 127.0.0.1:9 backup"},
    "a map": {"default_backend shop": "use_backend %[path,lower,map_beg(/dev/null,shop)]\n    default_backend shop"},
    "numbers": {"balance roundrobin": "id 77", "weight 100": "id 5 weight 100", "weight 0": "id 9 weight 0"},
    "observed": {"check inter 500": "check inter 500 observe layer7 error-limit 50 on-error mark-down"},
}


@pytest.mark.on_demand
@pytest.mark.parametrize("kind", FIELD)
def test_what_files_of_the_field_hold_is_left_alone(edge: Edge, kind: str) -> None:
    """Each moves forth and back, and the weights are those that were set."""
    balancer, _, _ = edge
    reconfigure(balancer, FIELD[kind])
    adapter(balancer).require_shares()
    shares = [adapter(balancer).shift(percent).green_percent for percent in (25, 100)]
    assert (shares, adapter(balancer).withdraw(end_connections=True).reading.servers) == ([25, 100], {"blue": 100, "green": 0})


def test_a_side_that_is_down_gets_nothing_from_the_other(edge: Edge) -> None:
    """Both ways: who cannot answer does not gain at the other's cost."""
    balancer, blue, green = edge
    switch = adapter(balancer)
    green.close()
    until(lambda: "DOWN" in _status(balancer, "green"))
    with pytest.raises(TrafficError, match=r"nobody is there to take the traffic: green is DOWN \(L4CON"):
        switch.shift(100)
    assert get(balancer) == "blue"
    assert switch.withdraw(end_connections=True).reading.servers == {"blue": 100, "green": 0}
    assert blue.port


def test_blue_that_is_down_takes_nothing_from_green(edge: Edge) -> None:
    """Nobody would answer at all."""
    balancer, blue, _ = edge
    switch = adapter(balancer)
    switch.shift(100)
    blue.close()
    until(lambda: "DOWN" in _status(balancer, "blue"))
    with pytest.raises(TrafficError, match=r"blue is DOWN .*HAProxy has now: blue 100, green 100, so green gets 50 %"):
        switch.shift(0)
    assert get(balancer) == "green"


def test_a_server_whose_tracked_one_is_in_maintenance_keeps_nobody_from_the_way_back(edge: Edge) -> None:
    """`state ready` does not end what it inherits (management guide, `set server`)."""
    balancer, blue, _ = edge
    server = f"server blue 127.0.0.1:{blue.port}"
    second = f"    {server.replace('blue', 'second')} weight 0 track others/tracked\n"
    others = f"backend others\n    {server.replace('blue', 'tracked')} check\n"
    reconfigure(balancer, {"\nbackend shop": f"\n{others}backend shop", f"    {server}": f"{second}    {server}"})
    config = HAProxyConfig(
        socket=str(balancer.socket), backend="shop", blue=("blue", "second"), green=("green",), state_file=str(balancer.state_file)
    )
    switch = HAProxy(config, relative_to=Path())
    switch.shift(100)
    RuntimeApi(UnixSocket(balancer.socket), SystemClock()).tell("set server others/tracked state maint")
    withdrawal = switch.withdraw(end_connections=True)
    assert withdrawal.reading.servers == {"blue": 50, "second": 0, "green": 0}
    assert withdrawal.lacking == ("server second gets nothing: MAINT (via others/tracked)",)
    assert [get(balancer) for _ in range(3)] == ["blue"] * 3


def test_a_changed_port_wins_over_the_state_file_and_the_weights_survive(edge: Edge) -> None:
    """Green was raised again at another port; another backend has changed, too."""
    balancer, _, green = edge
    other = "backend other\n    server a 127.0.0.1:{} weight 7\n"
    reconfigure(balancer, {"\nbackend shop": "\n" + other.format(1001) + "backend shop"})
    adapter(balancer).shift(50)
    second = Service("second green")
    try:
        reconfigure(balancer, {f"127.0.0.1:{green.port}": f"127.0.0.1:{second.port}", ":1001": ":1002"})
        assert weights(balancer) == {"blue": 50, "green": 50}
        assert {get(balancer) for _ in range(4)} == {"blue", "second green"}
        assert _address(balancer, "other", "a") == "127.0.0.1:1002"
    finally:
        second.close()


def test_weights_that_somebody_has_written_into_haproxy_cfg_do_not_undo_a_way_back(edge: Edge) -> None:
    """After the cutover, for good, and without a reload: at the next start nobody had answered (haproxy#3296)."""
    balancer, _, _ = edge
    config, switch = balancer.folder / "haproxy.cfg", adapter(balancer)
    switch.shift(100)
    config.write_text(
        config.read_text().replace("weight 100", "weight 1").replace("weight 0", "weight 100").replace("weight 1\n", "weight 0\n")
    )
    assert switch.after_restart() == ()
    assert switch.withdraw(end_connections=True).reading.servers == {"blue": 100, "green": 0}
    assert switch.after_restart() == ()
    balancer.stop()
    balancer.start()
    assert (weights(balancer), get(balancer)) == ({"blue": 100, "green": 0}, "blue")
    switch.shift(100)
    assert switch.after_restart() == ()
    config.write_text(config.read_text().replace("weight 0", "weight 7"))
    (text,) = switch.after_restart()
    assert "`server blue " in text


def test_lines_of_other_backends_in_the_state_file_stay(edge: Edge) -> None:
    """A person's own dump of all backends is theirs."""
    balancer, _, _ = edge
    reconfigure(balancer, {"\nbackend shop": "\nbackend other\n    server a 127.0.0.1:1001 weight 7\nbackend shop"})
    dump = _say(balancer, "show servers state").replace(" 7 7 ", " 3 7 ")
    balancer.state_file.write_text(dump)
    adapter(balancer).shift(50)
    balancer.stop()
    balancer.start()
    assert weights(balancer) == {"blue": 50, "green": 50}
    assert _say(balancer, "get weight other/a").startswith("3 (initial 7)")


@pytest.mark.parametrize("percent", [0, 50, 100])
def test_a_strict_haproxy_starts_again(edge: Edge, percent: float) -> None:
    """With `zero-warning` it would not start for a warning; the ports then stay in the file, which is said."""
    balancer, _, _ = edge
    reconfigure(balancer, {"global\n    stats": "global\n    zero-warning\n    stats"})
    switch = adapter(balancer)
    (notice,) = switch.require_shares()
    assert "zero-warning" in notice
    wanted = switch.shift(percent).servers
    balancer.stop()
    balancer.start()
    assert weights(balancer) == wanted
    assert get(balancer) in (["blue"] if not percent else ["blue", "green"])


def test_maintenance_survives_a_restart(edge: Edge) -> None:
    """After a rollback and a restart, green's cookie still leads to blue."""
    balancer, _, _ = edge
    reconfigure(balancer, COOKIES)
    adapter(balancer).shift(100)
    adapter(balancer).shift(0)
    balancer.stop()
    balancer.start()
    assert get(balancer, "SRV=g") == "blue"


def test_a_server_that_haproxy_cfg_disables_is_enabled_for_good(edge: Edge) -> None:
    """`disabled` in its line is the state to begin with; the state file says that it is over."""
    balancer, _, _ = edge
    reconfigure(balancer, {"weight 0": "weight 1 disabled"})
    adapter(balancer).shift(50)
    balancer.stop()
    balancer.start()
    assert weights(balancer) == {"blue": 50, "green": 50}


def test_a_second_load_balancer_is_named(edge: Edge) -> None:
    """HAProxy knows it as a peer; this tool tells one only."""
    balancer, _, _ = edge
    peers = f"peers pair\n    peer lb1 127.0.0.1:{free_ports(1)[0]}\n    peer lb2 127.0.0.1:9\ndefaults\n"
    reconfigure(balancer, {"defaults\n": peers, "global\n    stats": "global\n    localpeer lb1\n    stats"})
    (notice,) = adapter(balancer).require_shares()
    assert "lb2" in notice
    assert "lb1" not in notice


def test_persistence_that_overrides_maintenance_is_named(edge: Edge) -> None:
    """Such a client stays on green after a rollback, so it is said before there is anything to go back from."""
    balancer, _, _ = edge
    reconfigure(balancer, COOKIES | {"    option redispatch\n": "    option redispatch\n    option persist\n"})
    switch = adapter(balancer)
    (notice,) = switch.require_shares()
    assert "`option persist`" in notice
    switch.shift(100)
    switch.shift(0)
    assert get(balancer, "SRV=g") == "green"


@pytest.mark.parametrize("tls", ["", " ssl verify none"])
def test_tls_is_left_to_haproxy_cfg(edge: Edge, tls: str) -> None:
    """A state file that holds it would keep a server without TLS (haproxy/haproxy#2401)."""
    balancer, _, _ = edge
    adapter(balancer).shift(50)
    reconfigure(balancer, {"weight 0": f"weight 0{tls}"})
    lines = [line.split() for line in _say(balancer, "show servers state shop").splitlines()]
    assert [fields[20] for fields in lines if fields[3:4] == ["green"]] == ["1" if tls else "0"]
    assert weights(balancer) == {"blue": 50, "green": 50}


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("illness", ["refuses", "resets", "closes"])
@pytest.mark.parametrize("redispatch", [True, False])
def test_errors_are_counted_whoever_says_them(edge: Edge, mode: str, illness: str, *, redispatch: bool) -> None:
    """A green that answers nothing has only errors: HAProxy's own 502 and 503, resets, and requests that blue had to take."""
    if (mode, illness) == ("tcp", "closes"):
        pytest.skip("an end of a connection is no error in TCP mode")
    balancer, _, green = edge
    with _ill(illness) as port:
        changes = {" check inter 500": "", f":{green.port}": f":{port}", **(TCP if mode == "tcp" else {})}
        if not redispatch:
            changes |= {"    option redispatch\n": "", "retries 3": "retries 1"}
        reconfigure(balancer, changes)
        switch = adapter(balancer)
        before = switch.shift(90)
        for _ in range(10):
            _ask_once(balancer)
        seen = switch.read().green.since(before.green)
    assert (seen.requests >= 8, seen.error_rate) == (True, 1.0)


def _ask_once(balancer: Balancer) -> None:
    with socket.create_connection(("127.0.0.1", balancer.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass


class _ill:  # noqa: N801 - reads as the statement it is used in
    """A server that refuses, resets or closes every connection."""

    def __init__(self, illness: str) -> None:
        self._illness = illness
        self._server = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        port = int(self._server.getsockname()[1])
        if self._illness == "refuses":
            self._server.close()
        else:
            threading.Thread(target=self._serve, daemon=True).start()
        return port

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                if self._illness == "resets":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _say(balancer: Balancer, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(balancer.socket))
        connection.sendall(command.encode() + b"\n")
        return connection.makefile().read()


def _stat(balancer: Balancer, backend: str, server: str) -> dict[str, str]:
    header, *rows = _say(balancer, "show stat").splitlines()
    found = (dict(zip(header[2:].split(","), row.split(","), strict=False)) for row in rows)
    return next(row for row in found if (row.get("pxname"), row.get("svname")) == (backend, server))


def _status(balancer: Balancer, server: str) -> str:
    return _stat(balancer, "shop", server)["status"]


def _address(balancer: Balancer, backend: str, server: str) -> str:
    return _stat(balancer, backend, server)["addr"]
