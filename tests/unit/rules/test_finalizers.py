"""Finalizers whose controller is on green."""

from __future__ import annotations

from migrator.rules import finalizers
from migrator.rules.context import BlueFacts, GreenFacts, RuleContext
from tests.support.contexts import configured
from tests.support.objects import config_map


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
