"""Names of namespaces in every field."""

from __future__ import annotations

import pytest

from migrator.model.manifest import Manifest
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


def test_accounts_of_a_namespace_are_renamed_as_users_and_groups() -> None:
    """Only the part that is the namespace, and only in names of accounts."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    names = ("system:serviceaccounts:shop", "system:serviceaccount:shop:shop", "system:serviceaccounts", "shop:shop")
    binding = made(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "b", subjects=[{"kind": "Group", "name": name} for name in names]
    )
    done = namespaces.map_namespaces(binding, context)["subjects"]
    assert [item["name"] for item in done] == [
        "system:serviceaccounts:store",
        "system:serviceaccount:store:shop",
        "system:serviceaccounts",
        "shop:shop",
    ]


def test_selectors_and_annotations_that_name_namespaces() -> None:
    """`matchNames` of a monitor, and `NAMESPACE/NAME` where a controller says that this is what it means."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    annotations = {"cert-manager.io/inject-ca-from": "shop/ca", "nginx.ingress.kubernetes.io/auth-secret": "users", "x": "shop/y"}
    monitor = made(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        "m",
        annotations=annotations,
        spec={"namespaceSelector": {"matchNames": ["shop", "other"]}},
    )
    done = namespaces.map_namespaces(monitor, context)
    assert done["spec"]["namespaceSelector"]["matchNames"] == ["store", "other"]
    assert done["metadata"]["annotations"] == annotations | {"cert-manager.io/inject-ca-from": "store/ca"}


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        (b'{"annotations":{"x":"shop/y"}}', True),
        (b'{"env":[{"value":"shop"}]}', True),
        (b'{"args":["--watch-namespace=shop"]}', True),
        (b'{"args":["--k8s-secret-namespace","shop"]}', True),
        (b'{"targetNamespace":"shop"}', True),
        (b'{"metadata":{"namespace":"store"},"data":{"release":"SDRz"},"type":"helm.sh/release.v1"}', True),
        (b'{"metadata":{"labels":{"owner":"helm"},"namespace":"store"}}', True),
        (b'{"metadata":{"namespace":"other"},"type":"helm.sh/release.v1"}', False),
        (b'{"args":["--name","shop"]}', False),
        (b'{"labels":{"app":"shop"}}', False),
        (b'{"shop":"1"}', False),
        (b'{"image":"registry.example.com/shop/app"}', False),
        (b'{"value":"shopping"}', False),
    ],
    ids=[
        *("qualified", "variable", "option", "option and value", "field", "release", "release in a ConfigMap", "release elsewhere"),
        *("another option", "label", "key", "inside", "longer"),
    ],
)
def test_what_no_rule_knows_is_listed(text: bytes, *, noted: bool) -> None:
    """A string that could be the namespace stays, and the plan says so."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    assert bool(namespaces.notes(text, context)) is noted


@pytest.mark.parametrize(
    ("spec", "mapped"),
    [
        ({"destination": {"namespace": "shop"}}, {"destination": {"namespace": "store"}}),
        ({"destinations": [{"namespace": "shop"}]}, {"destinations": [{"namespace": "store"}]}),
        ({"targetNamespace": "shop"}, {"targetNamespace": "store"}),
        ({"targetNamespaces": ["shop", "x"]}, {"targetNamespaces": ["store", "x"]}),
        ({"exportTo": [".", "shop"]}, {"exportTo": [".", "store"]}),
        ({"principals": ["cluster.local/ns/shop/sa/shop"]}, {"principals": ["cluster.local/ns/store/sa/shop"]}),
        ({"principals": ["cluster.local/ns/shop-2/sa/x"]}, {"principals": ["cluster.local/ns/shop-2/sa/x"]}),
        ({"metricsNamespace": "shop"}, {"metricsNamespace": "shop"}),
        ({"labels": {"team/Namespace": "shop"}}, {"labels": {"team/Namespace": "shop"}}),
        ({"namespace": "shop"}, {"namespace": "shop"}),
    ],
)
def test_fields_of_custom_resources_that_say_what_they_are(spec: Manifest, mapped: Manifest) -> None:
    """Of Argo CD, Flux, the Operator Lifecycle Manager and Istio; a namespace of metrics is another one."""
    context = RuleContext(configured("map: {namespaces: {shop: store}}"))
    assert namespaces.map_namespaces(made("x.example.com/v1", "Any", "a", spec=spec), context)["spec"] == mapped
