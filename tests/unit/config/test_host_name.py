"""A name that no resolver takes is a mistake in the file, and not an error in the middle of a verb."""

from __future__ import annotations

import pytest

from migrator.config.host_name import require_host
from migrator.config.load import parse_migration
from migrator.errors import ConfigError

BASE = "name: shop\nblue: {}\ngreen: {}\n"


@pytest.mark.parametrize("name", ["green.example", "a.b.", "fd00::1", "fe80::1%eth0", "10.0.0.1", "b\xfccher.example", "x_y"])
def test_names_and_addresses_are_taken(name: str) -> None:
    """As they are."""
    assert require_host(name) == name


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("probes: [{name: a, tcp: {host: a..b, port: 1}}]", "probes[0].tcp.host"),
        ("probes: [{name: a, http: {url: 'https://a..b/x'}}]", "probes[0].http.url"),
        ("traffic: {haproxy: {address: 'a..b:9999', backend: b, blue: [x], green: [y]}}", "traffic.haproxy"),
        (
            "traffic: {dns: {name: a.example, zone: example, blue: [10.0.0.1], green: [10.0.0.2], server: a..b, keyFile: k}}",
            "traffic.dns.server",
        ),
    ],
)
def test_others_are_told_with_their_place(text: str, place: str) -> None:
    """Python raises UnicodeError when it is asked for such an address: a rollback ended with that (a bug, exit code 70)."""
    with pytest.raises(ConfigError) as caught:
        parse_migration(BASE + text, "m.yaml")
    assert [issue for issue in caught.value.issues if issue.startswith(f"m.yaml:4: {place}: 'a..b' is not a name of a host")]


@pytest.mark.parametrize("url", ["http://", "https:///x", "http://:80/"])
def test_a_probe_names_a_host(url: str) -> None:
    """It would fail each time."""
    with pytest.raises(ConfigError, match="names no host"):
        parse_migration(f"{BASE}probes: [{{name: a, http: {{url: '{url}'}}}}]", "m.yaml")
