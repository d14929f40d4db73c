"""What is kept of green's objects: enough to see that nobody changed one since, and no more."""

from __future__ import annotations

import orjson

from migrator.migration.inventory import digest, live_of, unreadable_names
from migrator.model.kinds import CONFIG_MAPS
from migrator.model.manifest import Manifest
from migrator.model.plan import Unreadable
from migrator.rules import field_owners
from tests.support.contexts import owned
from tests.support.fake_cluster import FakeCluster
from tests.support.objects import config_map


def stored(cluster: FakeCluster, name: str = "a") -> Manifest:
    """Return a ConfigMap as the cluster has it."""
    return cluster.get(CONFIG_MAPS, "default", name)


def token_after(manager: str) -> tuple[str, str]:
    """Return the tokens before and after a change under this name."""
    cluster = FakeCluster()
    cluster.hold(config_map("a", namespace="default"), manager=field_owners.OURS)
    before = live_of(stored(cluster)).token
    cluster.patch(CONFIG_MAPS, "default", "a", {"data": {"key": "new"}}, manager=manager)
    return before, live_of(stored(cluster)).token


def test_a_person_s_change_shows_in_the_first_part_of_the_token() -> None:
    """Ours does not: what we wrote again is still ours."""
    before, after = token_after("kubectl-edit")
    assert before.split(":")[0] != after.split(":")[0]
    before, after = token_after(field_owners.OURS)
    assert before.split(":")[0] == after.split(":")[0]


def test_every_change_shows_in_the_token() -> None:
    """The resourceVersion is its last part."""
    before, after = token_after(field_owners.OURS)
    assert before != after


def test_field_ownership_is_not_kept() -> None:
    """It is often larger than the object; all else is there."""
    manifest = owned(config_map("a"), {"f:data": {}})
    manifest["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 3}
    found = live_of(manifest)
    assert orjson.loads(found.body) == config_map("a") | {
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "generation": 3}
    }
    assert (found.uid, found.resource_version, found.token.split(":")[1:]) == ("u", "7", ["3", "7"])
    assert "managedFields" in manifest["metadata"]


def test_no_content_is_shown_by_its_representation() -> None:
    """It may be a Secret, and a value is often put into a message."""
    manifest = config_map("a", {"key": "hunter2"})
    manifest["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    assert "hunter2" not in repr(live_of(manifest))


def test_a_digest_tells_contents_apart_and_is_short() -> None:
    """The same content has the same one in every run: it stands in journals."""
    assert digest(b"a") == "1ba3c523e770f3313cc91ab1"
    assert digest(b"a") != digest(b"b")
    assert len(digest(b"a")) == 24


def test_unreadable_kinds_are_named_once_and_in_order() -> None:
    """A kind that neither cluster gives out is one kind."""
    items = [Unreadable("Secret", "forbidden"), Unreadable("Pod", "503"), Unreadable("Secret", "503")]
    assert unreadable_names(items) == "Pod, Secret"


def test_what_was_written_alike_shares_its_owners() -> None:
    """A large cluster has them thousands of times."""
    cluster = FakeCluster()
    cluster.hold(*(config_map(name, namespace="default") for name in ("a", "b")), manager="team")
    first, second = live_of(stored(cluster, "a")), live_of(stored(cluster, "b"))
    assert first.fields
    assert first.fields is second.fields
