"""What controllers of each cluster set."""

from __future__ import annotations

from migrator.model.manifest import ref_of
from migrator.rules import injected
from migrator.rules.context import BlueFacts, RuleContext
from tests.support.contexts import PLAIN, configured
from tests.support.objects import deployment, service


def test_autoscaled_replicas_are_not_drift() -> None:
    """What an autoscaler or a certificate injector sets is not compared."""
    manifest = {**deployment("web"), "metadata": {"name": "web", "namespace": "n"}}
    context = RuleContext(configured(), blue=BlueFacts(scaled=frozenset({ref_of(manifest)})))
    paths = injected.volatile_paths(manifest, context)
    assert "replicas" not in injected.stable(manifest, paths)["spec"]
    assert injected.volatile_paths(service("s"), PLAIN) == ()
