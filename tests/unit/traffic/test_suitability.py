"""What works against weights is found in what HAProxy says, with the hint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.traffic.backend import Backend, Server
from migrator.traffic.suitability import depends_on_hash_type, notices, obstacles, several_processes


def server(name: str, *, weight: int = 1, agent: int = 0, backup: int = 0, admin: int = 0) -> Server:
    """Return a server."""
    return Server(
        name,
        {"status": "UP", "bck": str(backup)},
        tuple(f"3 shop 1 {name} - 2 {admin} {weight} 1 0 1 0 0 6 {agent} 0 0 - 80 -".split()),
    )


def backend(*servers: Server, algorithm: str = "roundrobin") -> Backend:
    """Return a backend."""
    return Backend("shop", "http", algorithm, {item.name: item for item in servers})


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (backend(server("blue"), server("green")), []),
        (backend(algorithm="static-rr"), ["`balance static-rr` takes no weights while HAProxy runs"]),
        (backend(algorithm="first"), ["`balance first` takes no weights while HAProxy runs"]),
        (backend(server("green", agent=6)), ["server green has an agent check, which sets weight and state by itself"]),
        (backend(server("green", agent=2)), []),
        (backend(server("green", backup=1)), ["server green is `backup`: it gets nothing while others are up"]),
        (backend(server("green", admin=0x20)), ["HAProxy finds no address for the name of server green"]),
        (backend(server("green", admin=0x01)), []),
        (backend(server("old")), ["server old gets a share, too, and is neither blue nor green"]),
        (backend(server("old", weight=0), server("sorry", backup=1)), []),
    ],
)
def test_an_obstacle_has_a_reason_and_a_cure(found: Backend, reasons: list[str]) -> None:
    """And what is not an obstacle is none."""
    obstacle = list(obstacles(found, ("blue", "green")))
    assert [item.reason for item in obstacle] == reasons
    assert all(item.hint for item in obstacle)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("backend shop\n server-template green 1 _web._tcp.example resolvers dns\n", True),
        ("backend shop\n server-template green 1 _web._tcp.example resolvers dns resolve-opts allow-dup-ip,ignore-weight\n", False),
        ("defaults\n default-server resolve-opts ignore-weight\nbackend shop\n", False),
        ("backend other\n default-server resolve-opts ignore-weight\nbackend shop\n", True),
        ("", False),
    ],
)
def test_a_weight_that_dns_sets_again_is_an_obstacle(config: str, *, found: bool) -> None:
    """Met by haproxy#48; where haproxy.cfg is not seen, a person is told."""
    by_record = backend(server("blue"), replace(server("green"), state=(*server("green").state[:19], "_web._tcp.example")))
    assert any("SRV" in item.reason for item in obstacles(by_record, ("blue", "green"), config)) is found
    assert any("SRV" in text for text in notices(by_record, "", config, alone=False)) is (config == "")
    by_name = obstacles(backend(server("blue"), server("green")), ("blue", "green"), config)
    assert not [item for item in by_name if "SRV" in item.reason]


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ("server blue b:80\n server green g:80", []),
        ("server blue b:80", ["green"]),
        ("", ["blue", "green"]),
        ("server blue b:80\n server-template gree 1-3 g:80\n server-template green 2 g:80", ["green"]),
        ("server-template blu 3 b:80\n server 'blue' b:80\n server-template green x g:80", ["green"]),
        ('server blue b:80\n server "$GREEN" g:80', []),
    ],
)
def test_a_server_that_was_added_by_command_is_an_obstacle(lines: str, lost: list[str]) -> None:
    """The next start has the state of blue, and nobody who takes what it had (haproxy#2497)."""
    both = backend(server("blue"), server("green"))
    reasons = [
        item.reason for item in obstacles(both, ("blue", "green"), f"backend shop\n {lines}\nbackend other\n server green g:80\n")
    ]
    assert [reason.split()[1] for reason in reasons] == lost
    assert all("not in haproxy.cfg" in reason for reason in reasons)
    assert not list(obstacles(both, ("blue", "green"), 'backend "$NAME"\n server b b:80\n'))


def test_servers_of_a_template_are_in_haproxy_cfg() -> None:
    """By a number, or from one to another."""
    both = backend(server("b2"), server("g7"))
    config = "backend shop\n server-template b 2 b:80\n server-template g 5-7 g:80\n"
    assert not list(obstacles(both, ("b2", "g7"), config))
    assert len(list(obstacles(both, ("b2", "g7"), config.replace("5-7", "5-6")))) == 1


def test_only_algorithms_that_hash_need_a_trial() -> None:
    """And those that HAProxy does not name."""
    tried = [
        name
        for name in ("roundrobin", "leastconn", "random", "first", "source", "uri", "")
        if depends_on_hash_type(backend(algorithm=name))
    ]
    assert tried == ["source", "uri", ""]


@pytest.mark.parametrize(("info", "sockets", "found"), [("Nbproc: 4", 1, 1), ("Nbproc: 4", 4, 0), ("Nbproc: 1", 1, 0), ("", 1, 0)])
def test_each_of_several_processes_needs_a_socket(info: str, sockets: int, found: int) -> None:
    """A process has weights of its own, and a socket leads to one of them (haproxy#125)."""
    obstacle = list(several_processes(f"Name: HAProxy\n{info}\nProcess_num: 1\n", sockets))
    assert (len(obstacle), all("4 processes" in item.reason and "nbthread" in item.hint for item in obstacle)) == (found, True)


@pytest.mark.parametrize(
    ("rule", "found"),
    [("use-server blue if { src 10.0.0.0/8 }", True), ("use-server %[var(req.to)]", True), ("use-server green if TRUE", False)],
)
def test_a_rule_that_keeps_clients_on_blue_is_told(rule: str, *, found: bool) -> None:
    """It chooses past all weights; one for green ends with green's maintenance."""
    config = f"backend shop\n balance roundrobin\n {rule}\nbackend other\n use-server blue if TRUE\n"
    told = list(notices(backend(server("blue"), server("green")), "", config, blue=("blue",), alone=True))
    assert any("use-server" in text for text in told) is found
