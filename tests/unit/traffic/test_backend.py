"""What HAProxy says about a backend, as values; numbers that are none and rows that lack are errors."""

from __future__ import annotations

import pytest

from migrator.errors import TrafficError
from migrator.traffic.backend import Server, counters, read_backend, read_stat, read_state

STAT = "# pxname,svname,status,mode,algo\nshop,FRONTEND,OPEN,http,\nshop,blue,UP,http,\nother,a,UP,http,\n"
STATE = (
    "1\n# be_id\n3 shop 1 blue 10.0.0.1 2 0 70 100 0 15 3 4 6 0 0 0 - 80 -\n4 other 1 a 10.0.0.2 2 0 1 1 0 15 3 4 6 0 0 0 - 80 -\n"
)


def server(admin: int = 0, *, weight: str = "70", agent: int = 0, stat: dict[str, str] | None = None) -> Server:
    """Return a server."""
    fields = f"3 shop 1 green 10.0.0.1 2 {admin} {weight} 100 0 15 3 4 6 {agent} 0 0 - 80 -"
    return Server("green", {"status": "UP", **(stat or {})}, tuple(fields.split()))


def test_rows_and_lines_of_one_backend_are_taken() -> None:
    """Others, and the sums, are not its servers."""
    stat = read_stat(STAT + "shop,BACKEND,UP,tcp,source\n", "shop")
    backend = read_backend("shop", stat, read_state(STATE, "shop"))
    assert (backend.mode, backend.algorithm, list(backend.servers)) == ("tcp", "source", ["blue"])


def test_a_server_that_one_answer_lacks_is_none() -> None:
    """It was added or removed in between."""
    stat = read_stat(STAT + "shop,BACKEND,UP,tcp,\n", "shop")
    assert not read_backend("shop", stat, read_state(STATE.replace(" blue ", " bleu "), "shop")).servers


def test_a_backend_that_is_not_there_is_told_with_those_that_are() -> None:
    """Printable: names are not ours."""
    with pytest.raises(TrafficError, match="no backend shop") as caught:
        read_stat("# pxname,svname,status\nsh\x1bop,BACKEND,UP\n", "shop")
    assert caught.value.hint == "backends there: sh\\x1bop"


@pytest.mark.parametrize(
    ("admin", "share", "maintenance"), [(0, 70, False), (8, 0, False), (16, 0, False), (1, 0, True), (32, 0, True)]
)
def test_a_weight_counts_only_in_service(admin: int, share: int, *, maintenance: bool) -> None:
    """Drain and maintenance, forced, inherited, or for a name that has no address."""
    assert (server(admin).share, server(admin).in_maintenance, server(admin).weight) == (share, maintenance, 70)


@pytest.mark.parametrize(
    ("status", "up"),
    [
        ("UP", True),
        ("UP 1/3", True),
        ("no check", True),
        ("DOWN", False),
        ("DOWN 1/2", False),
        ("NOLB", False),
        ("MAINT (via a/b)", False),
    ],
)
def test_up_is_who_gets_requests(status: str, *, up: bool) -> None:
    """Management guide, section 9.1, column `status`."""
    assert server(stat={"status": status}).up is up


def test_a_condition_has_haproxys_words() -> None:
    """The state and the last check."""
    assert (
        server(stat={"status": "DOWN", "check_status": "L4CON", "last_chk": "refused\x07"}).condition == "DOWN (L4CON refused\\x07)"
    )
    assert server(stat={"status": "MAINT"}).condition == "MAINT"


def test_an_agent_counts_while_it_runs() -> None:
    """Configured and enabled."""
    assert [server(agent=bits).has_agent for bits in (0, 2, 4, 6, 7)] == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("stat", "requests", "errors"),
    [
        ({"stot": "4", "hrsp_5xx": "3"}, 4, 3),
        ({"stot": "8", "econ": "4", "wretr": "4"}, 4, 4),
        ({"stot": "3", "wredis": "3"}, 3, 3),
        ({"stot": "4", "eresp": "4", "srv_abrt": "4"}, 4, 4),
        ({"stot": "4", "srv_abrt": "4"}, 4, 4),
        ({"stot": "4", "cli_abrt": "4"}, 4, 0),
    ],
)
def test_each_failure_counts_once(stat: dict[str, str], requests: int, errors: int) -> None:
    """As a real HAProxy counts a 500, a refusal, a redispatch, a reset in TCP mode, a timeout there; a client may leave."""
    side = counters([server(stat=stat)], "tcp")
    assert (side.requests, side.errors) == (requests, errors)


def test_the_latency_of_tcp_is_the_time_to_connect() -> None:
    """There is no response to wait for."""
    assert counters([server(stat={"stot": "1", "rtime": "9", "ctime": "2"})], "tcp").latency_ms == 2
    assert (
        counters(
            [server(stat={"stot": "1", "rtime": "9", "ctime": "2"}), server(stat={"stot": "0", "rtime": "99"})], "http"
        ).latency_ms
        == 9
    )


def test_what_should_be_a_number_and_is_not_is_told() -> None:
    """Never a traceback."""
    with pytest.raises(TrafficError, match="srv_uweight is x, not a number"):
        _ = server(weight="x").weight
    with pytest.raises(TrafficError, match="stot is many"):
        counters([server(stat={"stot": "many"})], "http")
