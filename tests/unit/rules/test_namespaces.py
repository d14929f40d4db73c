"""Names of namespaces in every field."""

from __future__ import annotations

from migrator.rules import namespaces
from migrator.rules.context import RuleContext
from tests.support.contexts import configured
from tests.support.objects import config_map, made


def test_namespace_mapping() -> None:
    """Namespaces are renamed where they are references, and left where they are data."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    hook = made(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "w",
        webhooks=[
            {
                "clientConfig": {"service": {"namespace": "shop"}},
                "namespaceSelector": {
                    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "x"]}]
                },
            }
        ],
    )
    done = namespaces.map_namespaces(hook, context)["webhooks"][0]
    assert done["clientConfig"]["service"]["namespace"] == "store"
    assert done["namespaceSelector"]["matchExpressions"][0]["values"] == ["store", "x"]
    data = config_map("c", {"namespace": "shop"}, namespace="shop")
    assert namespaces.map_namespaces(data, context) == config_map("c", {"namespace": "shop"}, namespace="store")
    space = made("v1", "Namespace", "shop", labels={"kubernetes.io/metadata.name": "shop"})
    assert namespaces.map_namespaces(space, context)["metadata"] == {
        "name": "store",
        "labels": {"kubernetes.io/metadata.name": "store"},
    }
