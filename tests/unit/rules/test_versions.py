"""The version that an object is written at."""

from __future__ import annotations

import pytest

from migrator.rules.versions import by_kind, common_version, crd_versions, other_versions, unserved
from tests.support.objects import resource


def test_versions() -> None:
    """The storage version wins where both serve it, then green's preference; without any the successor is named."""
    blue = [resource("g", "v1", "K"), resource("g", "v1beta1", "K")]
    picked = [
        common_version(blue, green, stored) for green, stored in ((["v2", "v1"], ""), (["v1", "v1beta1"], "v1beta1"), (["v2"], ""))
    ]
    assert [item and item.version for item in picked] == ["v1", "v1beta1", None]
    hindrance = unserved(resource("extensions", "v1beta1", "Ingress"), [])
    assert "Ingress.networking.k8s.io/v1" in hindrance.hint


def test_the_versions_of_a_kind_stay_in_the_servers_order() -> None:
    """The preferred one first; kinds of one name in two groups are two."""
    types = [resource("g", "v1", "K"), resource("g", "v1beta1", "K"), resource("h", "v2", "K"), resource("g", "v1", "L")]
    table = by_kind(types)
    assert {kind: [item.version for item in found] for kind, found in table.items()} == {
        ("g", "K"): ["v1", "v1beta1"],
        ("h", "K"): ["v2"],
        ("g", "L"): ["v1"],
    }


@pytest.mark.parametrize(
    ("green", "stored", "others"),
    [
        (["v1", "v1beta1", "v2"], [], ["v1beta1", "v2"]),
        (["v1", "v1beta1", "v2"], ["v2"], ["v2", "v1beta1"]),
        (["v1", "v2"], ["v1beta1"], ["v2"]),
        (["v1"], ["v2"], []),
        ([], [], []),
    ],
)
def test_other_versions_that_both_serve_come_by_what_objects_are_stored_at(
    green: list[str], stored: list[str], others: list[str]
) -> None:
    """Where one cannot be read, for lack of a converting webhook, the next is tried."""
    blue = [resource("g", version, "K") for version in ("v1", "v1beta1", "v2")]
    assert [item.version for item in other_versions(blue, green, blue[0], stored)] == others


def test_a_storage_version_that_green_does_not_serve_is_not_chosen() -> None:
    """Nor one that blue does not serve any more."""
    blue = [resource("g", "v1", "K"), resource("g", "v2", "K")]
    for green, storage, version in ((["v1"], "v2", "v1"), (["v2", "v1"], "v0", "v2"), (["v2", "v1"], "", "v2")):
        found = common_version(blue, green, storage)
        assert found is not None
        assert found.version == version
    assert common_version([], ["v1"], "v1") is None


@pytest.mark.parametrize(
    ("versions", "status", "found"),
    [
        ([("v1", True, True)], {"storedVersions": ["v1"]}, (["v1"], "v1", ["v1"])),
        ([("v1", True, False), ("v2", False, True)], {}, (["v1"], "v2", [])),
        ([("v1", False, False)], None, ([], "", [])),
    ],
)
def test_a_definition_tells_what_it_serves_and_what_it_stores(
    versions: list[tuple[str, bool, bool]], status: object, found: tuple[list[str], str, list[str]]
) -> None:
    """One that was just made has no status yet."""
    listed = [{"name": name, "served": served, "storage": storage} for name, served, storage in versions]
    crd = {"spec": {"group": "g", "names": {"kind": "K"}, "versions": listed}, "status": status}
    assert crd_versions(crd) == (("g", "K"), *found)


@pytest.mark.parametrize(
    ("group", "kind", "green", "words"),
    [
        ("batch", "CronJob", ["v1"], ("blue serves it at v1beta1 only, green at v1", "rewrite it as CronJob.batch/v1")),
        ("policy", "PodSecurityPolicy", [], ("green does not serve PodSecurityPolicy.policy", "Pod Security Admission")),
        ("g.example", "Widget", [], ("green does not serve Widget.g.example", "install what serves it on green")),
        ("g.example", "Widget", ["v2", "v3"], ("green at v2, v3", "move its CRD too")),
    ],
)
def test_a_kind_without_a_common_version_is_told_with_its_successor(
    group: str, kind: str, green: list[str], words: tuple[str, str]
) -> None:
    """Where Kubernetes has named one; a person's own kind needs what serves it."""
    found = unserved(resource(group, "v1beta1", kind), green)
    assert words[0] in found.reason
    assert words[1] in found.hint
