"""What green's control plane makes itself keeps all that it has, and gets what blue's has besides."""

from __future__ import annotations

import pytest

from migrator.model.difference import missing_from
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from migrator.rules import shared
from tests.support.objects import made

ACCOUNT = ObjectRef("", "ServiceAccount", "shop", "default")


def test_what_every_cluster_makes_is_shared() -> None:
    """The account of each namespace and one namespace; not what a person names so."""
    assert shared.is_shared(ACCOUNT)
    assert shared.is_shared(ObjectRef("", "Namespace", "", "default"))
    assert not shared.is_shared(ACCOUNT._replace(name="app"))
    assert not shared.is_shared(ACCOUNT._replace(kind="ConfigMap"))
    assert not shared.is_shared(ACCOUNT._replace(group="example.com"))


@pytest.mark.parametrize(
    ("manifest", "bare"),
    [
        (made("v1", "Namespace", "default", labels={"kubernetes.io/metadata.name": "default"}), True),
        (made("v1", "Namespace", "default", labels={"kubernetes.io/metadata.name": "default", "mesh": "on"}), False),
        (made("v1", "Namespace", "default", annotations={"owner": "x"}), False),
        (made("v1", "ServiceAccount", "default", imagePullSecrets=[]), True),
        (made("v1", "ServiceAccount", "default", automountServiceAccountToken=False), False),
    ],
)
def test_bare_ones_have_nothing_to_add(manifest: Manifest, bare: bool) -> None:  # noqa: FBT001
    """The label that the API server writes itself is nobody's."""
    assert shared.is_bare(manifest) is bare


def test_a_merge_takes_nothing_away() -> None:
    """Items of lists, labels, annotations and fields of both sides are there, blue's value where it has one."""
    live = made(
        "v1", "ServiceAccount", "default", labels={"green": "1"}, imagePullSecrets=[{"name": "g"}, {"name": "both"}], secrets=[]
    )
    wanted = made("v1", "ServiceAccount", "default", annotations={"blue": "1"}, imagePullSecrets=[{"name": "both"}, {"name": "b"}])
    done = shared.merged({**live, "status": {}}, wanted)
    assert [item["name"] for item in done["imagePullSecrets"]] == ["g", "both", "b"]
    assert done["metadata"]["labels"] == {"green": "1"}
    assert done["metadata"]["annotations"] == {"blue": "1"}
    assert "status" not in done
    mounts = "automountServiceAccountToken"  # a value of the same field on both sides
    assert shared.merged({**live, mounts: True}, {**wanted, mounts: False})[mounts] is False
    assert missing_from(wanted, done, additive=True) == []


def test_another_value_contradicts_and_an_added_one_does_not() -> None:
    """An item that green lacks is added; a value that green's owner has set would be lost."""
    live = {"imagePullSecrets": [{"name": "g"}], "automountServiceAccountToken": False}
    assert not shared.contradict(missing_from({"imagePullSecrets": [{"name": "b"}]}, live, additive=True))
    assert shared.contradict(missing_from({"automountServiceAccountToken": True}, live, additive=True))
