"""The shape of migration.yaml: defaults, and what does not belong together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from migrator.config.load import parse_migration
from migrator.config.schema import Migration
from migrator.errors import ConfigError

PROBE = {"name": "p", "tcp": {"host": "h", "port": 80}}
HAPROXY = {"socket": "/s", "backend": "b", "blue": ["b1"], "green": ["g1"], "stateFile": "/f"}


def migration(**change: Any) -> Migration:
    """Return a migration with some settings."""
    return parse_migration(yaml.safe_dump({"name": "shop", "blue": {}, "green": {}, **change}), "m.yaml")


def test_the_least_file_means_the_careful_way() -> None:
    """Everything moves, nothing is mapped, small steps, a day of soak, and no traffic that nobody named."""
    found = migration()
    assert (found.move.namespaces.include, found.move.cluster_scoped) == (("*",), True)
    assert (found.traffic, found.probes, found.transforms) == (None, (), ())
    assert (found.gates.error_rate, found.gates.min_requests) == (0.01, 1)
    assert (found.retire.soak, found.gates.verdict_age) == (timedelta(days=1), timedelta(minutes=15))
    assert migration(traffic={"haproxy": HAPROXY}).traffic.steps == (5, 25, 50, 100)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"apiVersion": "migrator/v2"}, "apiVersion"),
        ({"name": "a/b"}, "name"),
        ({"green": {"stack": "green", "context": "x"}}, "not both"),
        ({"probes": [{**PROBE, "command": ["true"]}]}, "exactly one"),
        ({"probes": [{"name": "p", "http": {"url": "file:///etc/shadow"}}]}, "url"),
        ({"probes": [{"name": "p", "http": {"url": "https://user:secret@h/"}}]}, "holds a user or a password"),
        ({"probes": [{"name": "p", "tcp": {"host": "h", "port": 0}}]}, "port"),
        ({"probes": [{**PROBE, "timeout": 5}]}, "with its unit"),
        ({"transforms": [{"name": "t", "target": {}, "mergePatch": {"a": 1}}]}, "selects every object"),
        ({"transforms": [{"name": "t", "target": {"kind": "A"}}]}, "either jsonPatch or mergePatch"),
        ({"traffic": {"haproxy": HAPROXY, "steps": [50, 25, 100]}}, "must rise"),
        ({"traffic": {"haproxy": HAPROXY, "steps": [0, 100]}}, "must rise"),
        ({"traffic": {"haproxy": HAPROXY, "steps": [50, 90]}}, "end with 100"),
        ({"traffic": {"haproxy": HAPROXY, "steps": [50, 50, 100]}}, "must rise"),
        ({"traffic": {"haproxy": {**HAPROXY, "green": []}}}, "green"),
        ({"gates": {"errorRate": "101%"}}, "errorRate"),
        ({"gates": {"minRequests": -1}}, "minRequests"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(change: dict[str, Any], words: str) -> None:
    """Before a cluster is asked anything."""
    with pytest.raises(ConfigError, match=words):
        migration(**change)


@pytest.mark.parametrize("target", [{"kind": "A"}, {"namespace": "a"}, {"name": "a"}, {"labels": {"a": "b"}}])
def test_one_word_is_enough_to_select(target: dict[str, Any]) -> None:
    """What is left out matches everything."""
    assert migration(transforms=[{"name": "t", "target": target, "mergePatch": {"a": 1}}]).transforms[0].merge_patch == {"a": 1}


@pytest.mark.parametrize("url", ["https://h/", "http://h:80/a@b", "https://h/?user=a@b"])
def test_an_address_may_have_an_at_sign_behind_its_host(url: str) -> None:
    """That is a path, and no password."""
    probe = migration(probes=[{"name": "p", "http": {"url": url}}]).probes[0]
    assert probe.http is not None
    assert probe.http.url == url


def test_a_file_is_frozen_once_it_is_read() -> None:
    """Threads read it side by side."""
    with pytest.raises(ValueError, match="frozen"):
        migration().name = "other"  # type: ignore[misc]
