"""An answer that is not the expected one is an error with HAProxy's own words."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from migrator.errors import HostError, ReloadedError, TrafficError
from migrator.traffic.runtime_api import ForwardedSocket, RuntimeApi, TcpAddress, UnixSocket
from tests.support.clock import FakeClock
from tests.support.runtime_api import FakeHAProxy, answering


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[FakeHAProxy]:
    """Serve the API."""
    with answering(FakeHAProxy(tmp_path)) as running:
        yield running


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("No such server.\n\n", "No such server."),
        ("unheard of\n", "unheard of"),
        ("\x1b[2J\n", r"\\x1b\[2J"),
        ("\xff\n", "\ufffd"),
        ("", "no answer, so nobody knows whether it was done"),
    ],
)
def test_a_change_succeeds_only_with_an_empty_line(haproxy: FakeHAProxy, answer: str, words: str) -> None:
    """HAProxy has no codes; any word is a refusal, and no byte at all is a HAProxy that went away."""
    haproxy.answers["set"] = answer
    with pytest.raises(TrafficError, match=words):
        RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock()).tell("set server shop/green weight 5")
    haproxy.answers["set"] = "\n"
    RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock()).tell("set server shop/green weight 5")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("# pxname,sv", "cut off after 11 characters"),
        ("# pxname,svname\nshop,blue\n", "cut off"),
        ("Unknown command: 'show stat'\n\n", "Unknown command"),
        ("", "an empty answer"),
        ("Permission denied\n\n", "Permission denied"),
    ],
)
def test_what_is_read_must_be_whole(haproxy: FakeHAProxy, answer: str, words: str) -> None:
    """A reload can cut an answer at any byte; a table without its end is none."""
    haproxy.answers["show"] = answer
    with pytest.raises(TrafficError, match=words):
        RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock()).show("show stat", begins="# pxname")


def test_a_long_answer_is_quoted_in_part(haproxy: FakeHAProxy) -> None:
    """A terminal is not for what somebody else may fill."""
    haproxy.answers["set"] = "x" * 9999 + "\n"
    with pytest.raises(TrafficError) as caught:
        RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock()).tell("set")
    assert len(caught.value.message) < 300


def test_a_socket_without_the_level_of_an_admin_is_told(haproxy: FakeHAProxy) -> None:
    """The words are HAProxy's, the cure is ours."""
    haproxy.answers["set"] = "Permission denied\n\n"
    with pytest.raises(TrafficError, match="Permission denied") as caught:
        RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock()).tell("set server shop/green weight 5")
    assert "level admin" in caught.value.hint


def test_a_socket_that_nobody_serves_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    """The first was left by a HAProxy that ended."""
    lost = RuntimeApi(UnixSocket(tmp_path / "s"), FakeClock())
    with pytest.raises(TrafficError, match="no such socket"):
        lost.tell("set")
    with socketserver.UnixStreamServer(str(tmp_path / "s"), socketserver.StreamRequestHandler):
        pass
    with pytest.raises(TrafficError, match="nobody listens"):
        lost.tell("set")


def test_a_way_to_another_machine_is_made_again_where_it_has_ended(tmp_path: Path, haproxy: FakeHAProxy) -> None:
    """Once for many commands; a file that nobody listens on any more is no way."""
    ways = [tmp_path / "gone", haproxy.folder / "s", haproxy.folder / "s"]
    made: list[Path] = []

    def forward() -> Path:
        made.append(ways[len(made)])
        return made[-1]

    api = RuntimeApi(ForwardedSocket(forward, "lb2:/run/haproxy.sock", FakeClock()), FakeClock())
    with pytest.raises(TrafficError, match=r"haproxy: lb2:/run/haproxy.sock: no such socket"):
        api.show("show stat", begins="#")
    for _ in range(3):
        api.show("show stat", begins="#")
    assert len(made) == 2


def test_a_way_on_which_ssh_does_not_listen_yet_is_waited_for(tmp_path: Path) -> None:
    """Its socket is there a moment before; one on which nobody ever listens is told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ssh:
        ssh.bind(str(tmp_path / "s"))
        clock = FakeClock()
        endpoint = ForwardedSocket(lambda: tmp_path / "s", "lb2:/run/haproxy.sock", clock)
        with pytest.raises(ConnectionRefusedError):
            endpoint.connect(5)
        clock.after(0.02, ssh.listen)
        endpoint.connect(5).close()


def test_a_host_that_is_not_reached_is_told_with_its_hint() -> None:
    """It is an error of the traffic."""

    def forward() -> Path:
        raise HostError("lb2 at 192.0.2.7: the connection was lost", hint="is it on?")

    with pytest.raises(TrafficError, match=r"haproxy: lb2:/s: lb2 at 192.0.2.7: the connection was lost") as caught:
        RuntimeApi(ForwardedSocket(forward, "lb2:/s", FakeClock()), FakeClock()).tell("x")
    assert caught.value.hint == "is it on?"


def test_an_address_of_the_network_is_as_good(haproxy: FakeHAProxy) -> None:
    """HAProxy listens on it with `stats socket ipv4@...`."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Answer one command."""
            self.wfile.write(haproxy.answer(self.rfile.readline().decode().strip()).encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        port = server.server_address[1]
        api = RuntimeApi(TcpAddress("127.0.0.1", port), FakeClock())
        assert "green" in api.show("show stat", begins="#")
        server.shutdown()
    with pytest.raises(TrafficError, match=f"haproxy: 127.0.0.1 port {port}: nobody listens"):
        api.tell("x")


@pytest.mark.parametrize("level", ["operator", "user"])
def test_a_level_that_changes_nothing_is_found_without_a_change(haproxy: FakeHAProxy, level: str) -> None:
    """A cutover would else begin, and fail at its first step."""
    api = RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock())
    api.require_admin()
    haproxy.answers["show cli"] = f"{level}\n\n"
    with pytest.raises(TrafficError, match=f"its level is {level}") as caught:
        api.require_admin()
    assert "level admin" in caught.value.hint


def test_both_answers_come_whole_whatever_the_first_holds(haproxy: FakeHAProxy) -> None:
    """What a server answers to a health check stands in it, and may look like the second one."""
    api = RuntimeApi(UnixSocket(haproxy.folder / "s"), FakeClock())
    haproxy.answers["show stat"] = '# a\nx,"\n\n1\n# be\nlie\n\n"\n\n'
    haproxy.answers["show servers"] = "1\n# be\ntruth\n\n"
    begins = ("# a", "1\n# be")
    assert api.show_both("show stat", "show servers", begins=begins) == (haproxy.answers["show stat"], "1\n# be\ntruth\n\n")
    haproxy.answers["show servers"] = "No such backend.\n\n"
    haproxy.answers["show stat"] = "# a\n\n"
    with pytest.raises(TrafficError, match=r"`show servers`: No such backend"):
        api.show_both("show stat", "show servers", begins=begins)


class Broken:
    """A way to HAProxy that fails when it is taken."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __str__(self) -> str:
        return "lb1"

    def connect(self, seconds: float) -> socket.socket:
        """Fail."""
        assert seconds > 0
        raise self._error


@pytest.mark.parametrize(
    ("error", "words", "reloaded"),
    [
        (PermissionError(13, "Permission denied"), "haproxy: lb1: no permission", False),
        (TimeoutError(), "haproxy: `tell`: no whole answer within 5 s", False),
        (ConnectionResetError(104, "Connection reset by peer"), "haproxy: lb1: .*Connection reset by peer", True),
        (BrokenPipeError(32, "Broken pipe"), "haproxy: lb1: .*Broken pipe", True),
        (OSError(5, "odd\x1b[31m"), r"haproxy: lb1: .*odd\\x1b\[31m", False),
    ],
)
def test_a_way_that_fails_is_told_with_what_to_do(error: Exception, words: str, *, reloaded: bool) -> None:
    """Only a connection that was cut may be a reload, after which the same is asked again."""
    with pytest.raises(TrafficError, match=words) as caught:
        RuntimeApi(Broken(error), FakeClock()).tell("tell")
    assert caught.value.hint
    assert isinstance(caught.value, ReloadedError) == reloaded


class Answering:
    """A HAProxy that says one part after the other, each after some seconds, and the last one for ever."""

    def __init__(self, clock: FakeClock, seconds: float, *parts: bytes) -> None:
        self.clock, self.seconds, self.parts = clock, seconds, list(parts)
        self.limits: list[float] = []

    def connect(self, seconds: float) -> socket.socket:
        """Return itself as a connection."""
        del seconds
        return self  # type: ignore[return-value]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __str__(self) -> str:
        return "lb1"

    def settimeout(self, seconds: float) -> None:
        """Keep it."""
        self.limits.append(seconds)

    def sendall(self, content: bytes) -> None:
        """Take one line."""
        assert content.endswith(b"\n")

    def recv(self, _: int) -> bytes:
        """Return the next part."""
        self.clock.pass_time(self.seconds)
        return self.parts.pop(0) if len(self.parts) > 1 else self.parts[0]


def test_an_answer_that_never_ends_is_cut_off_by_time_and_by_size() -> None:
    """Each part in time is not enough: the whole has the limit; memory has one, too."""
    slow = Answering(clock := FakeClock(), 2.0, b"x")
    with pytest.raises(TrafficError, match="no whole answer within 5 s"):
        RuntimeApi(slow, clock).show("show stat", begins="#")
    assert slow.limits == [5.0, 3.0, 1.0]
    long = Answering(clock, 0.0, bytes(65 << 20))
    with pytest.raises(TrafficError, match="the answer is longer than 64 MiB"):
        RuntimeApi(long, clock).show("show stat", begins="#")


def test_fewer_answers_than_commands_leave_the_rest_unknown() -> None:
    """HAProxy was reloaded between them."""
    cut = Answering(clock := FakeClock(), 0.0, b"\n", b"\n", b"")
    with pytest.raises(ReloadedError, match="`set a;set b;set c`: no answer, so nobody knows"):
        RuntimeApi(cut, clock).tell("set a", "set b", "set c")
    RuntimeApi(Answering(clock, 0.0, b"\n\n", b"\n", b""), clock).tell("set a", "set b", "set c")
