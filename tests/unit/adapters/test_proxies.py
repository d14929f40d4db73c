"""What kubectl reaches, directly or through a proxy, is reached in the same way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migrator.adapters.proxies import Proxy, ProxyError, ask_socks, proxy_of_environment, read_proxy


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy:3128", Proxy("proxy", 3128)),
        ("http://proxy", Proxy("proxy", 80)),
        ("proxy:3128", Proxy("proxy", 3128)),
        ("http://me:p%40ss@proxy:3128/", Proxy("proxy", 3128, "me:p@ss")),
        ("http://me@proxy:3128", Proxy("proxy", 3128, "me:")),
        ("socks5://localhost:1080", Proxy("localhost", 1080, socks=True)),
        ("socks5h://[::1]", Proxy("::1", 1080, socks=True)),
    ],
)
def test_a_proxy_is_read_as_kubectl_reads_it(url: str, proxy: Proxy) -> None:
    """With its login, and with the port that its scheme has."""
    assert read_proxy(url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        *("https://me:hunter2@proxy:8443", "socks4://proxy:1", "http://:3128", "http://me:hunter2@proxy:port"),
        *("http://me:hunter2@[fd00::1:3128", "http://me:hunter2@[", "http://me:hunter2@a..b:3128", "http://me:hunter2@[x]:1"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    """Of an address that nobody understands as well."""
    with pytest.raises(ProxyError, match=r"cannot be used: it must be http://host:port or socks5://host:port") as caught:
        read_proxy(url)
    assert "hunter2" not in str(caught.value)


def test_a_login_is_sent_with_the_request_to_connect() -> None:
    """And is in no text that is made of a proxy."""
    proxy = Proxy("proxy", 3128, "me:hunter2")
    assert proxy.headers == {"Proxy-Authorization": "Basic bWU6aHVudGVyMg=="}
    assert Proxy("proxy", 3128).headers == {}
    assert "hunter2" not in repr(proxy)


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("", "10.1.2.3", False),
        ("", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "::1", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("localhost, 192.168.0.0/16 ,.local", "192.168.7.1", True),
        ("10.0.0.0/8", "192.168.7.1", False),
        ("10.0.0.0/8", "api.example.com", False),
        ("fd00::/8", "fd00::1", True),
        ("example.com", "api.example.com", True),
        (".example.com", "api.example.com", True),
        ("*.example.com", "API.example.com", True),
        ("*.example.com", "api.example.org", False),
        ("10.1.2.3:6443", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", False),
        ("*", "10.1.2.3", True),
    ],
)
def test_hosts_that_need_no_proxy_are_asked_directly(
    exceptions: str, host: str, *, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_PROXY has ranges and domains for kubectl (kubernetes-client/python#1578, dask-kubernetes#420); this machine needs none."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy_of_environment("https", host, 6443) == (None if direct else Proxy("proxy", 3128))
    assert proxy_of_environment("ftp", host, 6443) is None


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[socket.socket, list[bytes]]]:
    """Yield a connection to a proxy that answers one request after the other, and what it was sent."""
    ours, theirs = socket.socketpair()
    heard: list[bytes] = []

    def serve() -> None:
        for answer in answers:
            heard.append(theirs.recv(1024))
            theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield ours, heard
    finally:
        ours.close()
        thread.join()
        theirs.close()


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("api.example.com", b"\x03\x0fapi.example.com"),
        ("10.1.2.3", b"\x01\x0a\x01\x02\x03"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
    ],
)
@pytest.mark.parametrize("bound", [b"\x01" + bytes(6), b"\x04" + bytes(18), b"\x03\x02ab" + bytes(2)])
def test_a_socks_proxy_is_asked_to_connect(host: str, sent: bytes, bound: bytes) -> None:
    """The proxy resolves the name; what the server sends first is left to who asked."""
    with answering(b"\x05\x00", b"\x05\x00\x00" + bound + b"hello") as (connection, heard):
        ask_socks(connection, Proxy("p", 1080, socks=True), host, 6443)
        assert connection.recv(10) == b"hello"
    assert heard == [b"\x05\x01\x00", b"\x05\x01\x00" + sent + b"\x19\x2b"]


def test_a_socks_proxy_gets_its_login() -> None:
    """Only when it asks for one."""
    with answering(b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x01" + bytes(6)) as (connection, heard):
        ask_socks(connection, Proxy("p", 1080, "me:secret", socks=True), "h", 1)
    assert heard[:2] == [b"\x05\x02\x00\x02", b"\x01\x02me\x06secret"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((b"HTTP/1.1 400",), "p port 1080 is not a SOCKS5 proxy"),
        ((b"\x05\xff",), "wants credentials"),
        ((b"\x05\x02", b"\x01\x01"), "refuses the user or the password"),
        ((b"\x05\x00", b"\x05\x05\x00\x01"), "does not connect: connection refused"),
        ((b"\x05\x00", b"\x05\x5b\x00\x01"), "does not connect: it does not say why"),
        ((b"\x05",), "has ended the connection"),
    ],
)
def test_what_a_socks_proxy_refuses_is_told(answers: tuple[bytes, ...], words: str) -> None:
    """In words, and without a wait."""
    with answering(*answers) as (connection, _), pytest.raises(ProxyError, match=words):
        ask_socks(connection, Proxy("p", 1080, "me:secret", socks=True), "h", 1)


def test_what_socks_cannot_carry_is_not_sent() -> None:
    """A length has one byte there."""
    with answering(b"\x05\x00") as (connection, _), pytest.raises(ProxyError, match="too long"):
        ask_socks(connection, Proxy("p", 1080, socks=True), "h" * 256, 1)
