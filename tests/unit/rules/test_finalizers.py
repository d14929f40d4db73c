"""Finalizers whose controller is on green."""

from __future__ import annotations

import pytest

from migrator.rules import finalizers
from migrator.rules.context import BlueFacts, GreenFacts, RuleContext
from tests.support.contexts import configured
from tests.support.objects import config_map, made


def test_finalizers() -> None:
    """A finalizer stays when its API group is on green or on its way; the server's own go."""
    context = RuleContext(
        configured(),
        GreenFacts(served_groups=frozenset({"", "cert-manager.io"})),
        BlueFacts(groups=frozenset({"shop.example.com"})),
    )
    manifest = config_map(
        "c",
        finalizers=[
            "kubernetes.io/pvc-protection",
            "finalizer.acme.cert-manager.io",
            "shop.example.com/cleanup",
            "gone.example.org/x",
        ],
    )
    kept = finalizers.drop_absent_finalizers(manifest, context)["metadata"]["finalizers"]
    assert kept == ["finalizer.acme.cert-manager.io", "shop.example.com/cleanup"]


@pytest.mark.parametrize(
    ("api", "kept"),
    [
        ("pxc.percona.com/v1", ["delete-pxc-pvc"]),
        ("gone.example.org/v1", []),
        ("v1", []),
        ("apps/v1", []),
    ],
)
def test_a_word_of_its_own_kind_s_controller_stays_with_a_custom_resource(api: str, kept: list[str]) -> None:
    """Operators such as Percona's have options that are finalizers without a domain."""
    context = RuleContext(
        configured(), GreenFacts(served_groups=frozenset({"", "apps"})), BlueFacts(groups=frozenset({"pxc.percona.com"}))
    )
    manifest = made(api, "Any", "c", finalizers=["delete-pxc-pvc", "foregroundDeletion", "orphan", "gone.example.net/x"])
    assert finalizers.drop_absent_finalizers(manifest, context)["metadata"].get("finalizers", []) == kept
