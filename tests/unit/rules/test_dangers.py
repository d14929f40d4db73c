"""Several warnings about one object are one sentence."""

from __future__ import annotations

from migrator.model.strange import to_json
from migrator.rules.context import BlueFacts, RuleContext
from migrator.rules.dangers import danger
from tests.support.contexts import PLAIN
from tests.support.objects import deployment


def test_all_that_is_to_be_thought_of_is_told() -> None:
    """A name of blue's API server, and a folder of a host."""
    manifest = deployment("agent")
    spec = manifest["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "v", "hostPath": {"path": "/data"}}]
    spec["containers"][0] |= {"volumeMounts": [{"name": "v", "mountPath": "/d"}], "args": ["--server=https://10.0.0.5:6443"]}
    context = RuleContext(PLAIN.config, blue=BlueFacts(api_servers=frozenset({"10.0.0.5"})))
    first, rest = danger(manifest, "Deployment.apps", to_json(manifest), context).split("; writes to", 1)
    assert first.startswith("names 10.0.0.5")
    assert "folder /data" in rest
    assert not danger(deployment("plain"), "Deployment.apps", b"{}", context)
