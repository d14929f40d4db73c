"""What haproxy.cfg would give at the next start is read from its lines."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from migrator.traffic.next_start import (
    Kept,
    keeps_shares,
    lines_to_change,
    loads_state,
    reads_another_state_file,
    rewritten,
    server_lines,
    weights_written,
)

CONFIG = """\
global
    server-state-file /f
defaults
    load-server-state-from-file global
backend other
    server blue 10.0.0.1:80 weight 7
backend shop
    default-server inter 2s weight 50
    server blue 10.0.0.1:80 check weight 100  # the old one
    server green 10.0.0.2:80 check weight 0 disabled
    server third 10.0.0.3:80
listen api
    server blue 10.0.0.1:81
"""


def test_the_lines_of_one_backend_are_read_with_their_defaults() -> None:
    """`listen` is a backend, too; a weight that is nowhere is 1."""
    assert [(line.name, line.weight, line.disabled) for line in server_lines(CONFIG, "shop")] == [
        ("blue", 100, False),
        ("green", 0, True),
        ("third", 50, False),
    ]
    assert [(line.text, line.weight) for line in server_lines(CONFIG, "api")] == [("server blue 10.0.0.1:81", 1)]
    assert list(server_lines(CONFIG, "nothing")) == []


def test_lines_that_would_lose_the_weights_are_told_as_they_must_be() -> None:
    """All of the backend's that are ours: the last word is the person's."""
    assert lines_to_change(CONFIG, "shop", {"blue": 0, "green": 100}) == [
        "server blue 10.0.0.1:80 check weight 0",
        "server green 10.0.0.2:80 check weight 100",
    ]
    assert lines_to_change("", "shop", {"blue": 0, "green\x1b": 100}) == [
        "server blue ... weight 0",
        "server green\\x1b ... weight 100",
    ]
    assert lines_to_change(CONFIG, "api", {"blue": 20}) == []


@pytest.mark.parametrize("shares", [{"blue": 100, "green": 0}, {"blue": 1, "green": 0}])
def test_what_a_start_gives_anyway_needs_no_change(shares: dict[str, int]) -> None:
    """Weights are parts of their sum, and a disabled server has none."""
    assert lines_to_change(CONFIG, "shop", shares) == []


@pytest.mark.parametrize(
    ("line", "loads"),
    [
        ("    load-server-state-from-file global\n", True),
        ("load-server-state-from-file none\n", False),
        ("# load-server-state-from-file global\n", False),
    ],
)
def test_a_state_file_counts_where_it_is_loaded(line: str, *, loads: bool) -> None:
    """`none` is the default."""
    assert loads_state(f"defaults\n{line}backend shop\n", "shop") is loads


@pytest.mark.parametrize(
    ("config", "loads"),
    [
        ("defaults\nload-server-state-from-file global\nbackend shop\n load-server-state-from-file none\n", False),
        ("defaults\nbackend other\n load-server-state-from-file global\nbackend shop\n", False),
        ("defaults\nload-server-state-from-file global\ndefaults\nmode tcp\nbackend shop\n", False),
        ("defaults a\nload-server-state-from-file global\ndefaults b from a\ndefaults c\nbackend shop from b\n", True),
        ("backend 'shop'\n load-server-state-from-file local\n", True),
    ],
    ids=["its own word", "of another backend", "of earlier defaults", "of defaults by name", "in quotes"],
)
def test_a_state_file_is_loaded_for_each_backend_by_itself(config: str, *, loads: bool) -> None:
    """By its own line, or by those of the `defaults` that it has; programs such as pfSense write one into each backend."""
    assert loads_state(config, "shop") is loads


@pytest.mark.parametrize(
    ("config", "another"),
    [
        ("global\nserver-state-file /run/haproxy/state\n", False),
        ("global\nserver-state-file /var/run/haproxy/state\n", False),
        ("global\nserver-state-base /run/haproxy\nserver-state-file state\n", False),
        ("global\nserver-state-file /var/lib/haproxy/state\n", True),
        ("global\nserver-state-base /var/lib/haproxy/\nserver-state-file state\n", True),
        ("global\n", True),
        ("global\nserver-state-file state\n", False),
        ("global\nserver-state-file $STATE\n", False),
    ],
)
def test_the_state_file_that_haproxy_reads_is_compared(config: str, *, another: bool) -> None:
    """Where it is seen: what is relative begins in a folder that nobody knows here."""
    text = f"{config}defaults\nload-server-state-from-file global\nbackend shop\n"
    assert reads_another_state_file(text, "shop", PurePath("/run/haproxy/state")) is another
    assert not reads_another_state_file(text.replace("file global", "file local"), "shop", PurePath("/run/haproxy/state"))


SERVED = "backend shop\nserver blue 10.0.0.1:80 weight 100\nserver green 10.0.0.2:80 weight 0\n"


@pytest.mark.parametrize(
    ("blue", "green", "changes", "keeps"),
    [
        (Kept(100, 100, 0), Kept(0, 0, 1), {}, True),
        (Kept(0, 100, 0), Kept(100, 0, 0), {}, False),
        # The weight in haproxy.cfg has changed since.
        (Kept(100, 50, 0), Kept(0, 7, 1), {}, True),
        (Kept(100, 50, 0), Kept(0, 0, 1), {"weight 100": "weight 0"}, False),
        (Kept(100, 50, 0), Kept(0, 0, 1), {"weight 100": "weight $W"}, True),
        # `disabled` that is new wins, an older one does not.
        (Kept(100, 100, 0), Kept(0, 0, 1), {"weight 100": "weight 100 disabled"}, False),
        (Kept(100, 100, 4), Kept(0, 0, 1), {"weight 100": "weight 100 disabled"}, True),
        (Kept(100, 100, 5), Kept(0, 0, 1), {}, False),
    ],
)
def test_what_a_start_makes_of_a_state_file_and_a_text(blue: Kept, green: Kept, changes: dict[str, str], *, keeps: bool) -> None:
    """A weight of the file counts where haproxy.cfg has the weight that it had then (haproxy#3296)."""
    text = SERVED
    for old, new in changes.items():
        text = text.replace(old, new)
    assert keeps_shares(text, "shop", {"blue": blue, "green": green}, {"blue": 100, "green": 0}) is keeps


def test_servers_without_a_line_have_what_the_state_file_says() -> None:
    """Those of a `server-template`; one that is nowhere has nothing."""
    kept = {"s1": Kept(100, 1, 0), "s2": Kept(0, 1, 0)}
    assert keeps_shares("backend shop\nserver-template s 2 a:80\n", "shop", kept, {"s1": 100, "s2": 0})
    assert not keeps_shares("backend shop\nserver-template s 2 a:80\n", "shop", {}, {"s1": 100, "s2": 0})


FLAT = """\
global
log 127.0.0.1 local0
defaults
default-server inter 10s rise 2 fall 2 weight 50
backend other
server blue 10.0.0.9:80 weight 9
  listen "shop"
bind *:80
server "blue" 10.0.0.1:80 check # flat
\tserver green 10.0.0.2:80 check weight 0
frontend web
bind *:81
"""


def test_indentation_quotes_and_the_weight_of_defaults_are_read_as_haproxy_does() -> None:
    """People write all of it at the left edge, and quote names; each proxy begins with what `defaults` say of servers."""
    assert [(line.name, line.weight) for line in server_lines(FLAT, "shop")] == [("blue", 50), ("green", 0)]
    assert lines_to_change(FLAT, "shop", {"blue": 100, "green": 0}) == []
    assert weights_written(FLAT.replace("weight 0", 'weight "$W"'), "shop") == {"blue": 50}
    changed = rewritten(FLAT, "shop", {"blue": 0, "green": 1})
    assert 'server "blue" 10.0.0.1:80 check weight 0 # flat\n\tserver green 10.0.0.2:80 check weight 1\n' in changed


WRITTEN = """\
backend other
    server blue 10.0.0.1:80 weight 7
backend shop\r
\tserver blue 10.0.0.1:80 check  weight 100\t# weight 1: the old one\r
    server green "10.0.0.2:80" check weight "$W" cookie '#g' disabled # it's new
    server third 10.0.0.3:80 agent-send "weight 5 " check
"""


def test_only_the_words_that_say_a_weight_change() -> None:
    """Indentation, comments, line ends and words in quotes stay; a weight that is not a number is overruled by a later one."""
    new = rewritten(WRITTEN, "shop", {"blue": 0, "green": 100})
    assert [line for line in new.split("\n") if line not in WRITTEN.split("\n")] == [
        "\tserver blue 10.0.0.1:80 check  weight 0\t# weight 1: the old one\r",
        '    server green "10.0.0.2:80" check weight "$W" cookie \'#g\' weight 100 # it\'s new',
    ]
    assert rewritten("no end\u2028\x0c", "shop", {"blue": 0}) == "no end\u2028\x0c"
    assert rewritten(WRITTEN, "shop", {"third": 3}).count('agent-send "weight 5 " check weight 3') == 1


def test_a_server_that_is_off_by_default_is_switched_on() -> None:
    """With a weight alone it would get nothing after a start, and nobody would answer."""
    old = "backend shop\n default-server disabled weight 5\n server blue 10.0.0.1:80 enabled\n server green 10.0.0.2:80\n"
    assert lines_to_change(old, "shop", {"blue": 1, "green": 0}) == []
    new = rewritten(old, "shop", {"blue": 0, "green": 100})
    assert new.splitlines()[2:] == [" server blue 10.0.0.1:80 enabled weight 0", " server green 10.0.0.2:80 enabled weight 100"]
    assert lines_to_change(new, "shop", {"blue": 0, "green": 100}) == []
    assert rewritten(new, "shop", {"blue": 100, "green": 0}, earlier=old) == old


def test_each_branch_of_a_condition_gets_its_own_line_back() -> None:
    """HAProxy itself decides at its start which of them counts."""
    old = "backend shop\n.if defined(A)\nserver blue a:80 weight 5\n.else\nserver blue b:80\n.endif\nserver green c:80 weight 0\n"
    new = rewritten(old, "shop", {"blue": 0, "green": 100})
    assert new.count("weight 0") == 2
    assert rewritten(new, "shop", {"blue": 100, "green": 0}, earlier=old) == old


def test_going_back_gives_the_lines_that_were_there() -> None:
    """Also what was `disabled`, or had no weight; a line that has another address now keeps that."""
    old = "backend shop\n  server blue 10.0.0.1:80\n  server green 10.0.0.2:80 disabled\n"
    new = rewritten(old, "shop", {"blue": 0, "green": 100})
    assert new == "backend shop\n  server blue 10.0.0.1:80 weight 0\n  server green 10.0.0.2:80 weight 100\n"
    assert rewritten(new, "shop", {"blue": 100, "green": 0}, earlier=old) == old
    moved = new.replace("10.0.0.1:80", "10.0.0.9:80")
    assert rewritten(moved, "shop", {"blue": 100, "green": 0}, earlier=old) == (
        "backend shop\n  server blue 10.0.0.9:80 weight 100\n  server green 10.0.0.2:80 disabled\n"
    )
    assert rewritten(new, "shop", {"blue": 50, "green": 50}, earlier=old).count("weight 50") == 2
