"""What a person put into the system namespaces is found by who made it, and what moves tells whether it is needed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from migrator.model.manifest import Manifest, ref_of
from migrator.model.ref import ObjectRef
from migrator.rules.context import SystemObject
from migrator.rules.system import Needs, facts, is_persons, selector_text, warnings
from tests.support.contexts import PLAIN
from tests.support.objects import config_map, deployment, made, service

RBAC = "rbac.authorization.k8s.io/v1"


def of_system(manifest: Manifest, *managers: str, subresource: str = "") -> Manifest:
    """Return the manifest in kube-system, written by these managers."""
    entries = [
        {"manager": name, "operation": "Update", **({"subresource": subresource} if subresource else {})} for name in managers
    ]
    metadata = {**manifest["metadata"], "namespace": "kube-system", **({"managedFields": entries} if entries else {})}
    return {**manifest, "metadata": metadata}


def binding(*subjects: Manifest, name: str = "reader") -> Manifest:
    """Return a RoleBinding to the role that servers behind the API server need."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "extension-apiserver-authentication-reader"}
    return of_system(made(RBAC, "RoleBinding", name, roleRef=role, subjects=list(subjects)), "helm")


@pytest.mark.parametrize(
    ("manifest", "persons"),
    [
        (of_system(config_map("mine"), "kubectl-client-side-apply"), True),
        (of_system(deployment("metrics-server"), "helm", "kube-controller-manager"), True),
        (of_system(made("v1", "Secret", "sealed-secrets-key9x"), "controller"), True),
        (of_system(made("v1", "ServiceAccount", "csi")), True),
        (of_system(config_map("kubeadm-config"), "kubeadm"), False),
        (of_system(config_map("coredns"), "kubeadm", "kubectl-edit"), False),
        (of_system(config_map("extension-apiserver-authentication"), "kube-apiserver"), False),
        (of_system(made("v1", "ServiceAccount", "node-controller")), False),
        (of_system(made("v1", "ServiceAccount", "migrator"), "kubectl"), False),
        (of_system(config_map("kube-root-ca.crt"), "kubectl"), False),
        (of_system(config_map("addon", labels={"addonmanager.kubernetes.io/mode": "Reconcile"}), "kubectl"), False),
        (of_system(made("v1", "Secret", "bootstrap-token-x", type="bootstrap.kubernetes.io/token"), "kubectl"), False),
        (of_system(made(RBAC, "Role", "leader", labels={"kubernetes.io/bootstrapping": "rbac-defaults"}), "x"), False),
        (of_system(made("v1", "Pod", "web-1", owners=[{"kind": "ReplicaSet", "name": "web", "uid": "1"}]), "kubectl"), False),
        (made("v1", "ConfigMap", "elsewhere", namespace="shop"), False),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_who_made_it_tells(manifest: Manifest, *, persons: bool) -> None:
    """Parts of Kubernetes, kubeadm and add-on managers make their own on green; a name tells nothing."""
    assert is_persons(manifest, ref_of(manifest), PLAIN) is persons


def test_a_manager_that_only_writes_status_has_not_made_it() -> None:
    """A person's workload has the controller's entry for its status."""
    assert not is_persons(of_system(config_map("a"), "kubelet"), ObjectRef("", "ConfigMap", "kube-system", "a"), PLAIN)
    both = of_system(deployment("a"), "kubectl")
    both["metadata"]["managedFields"].append({"manager": "kubelet", "subresource": "status"})
    assert is_persons(both, ref_of(both), PLAIN)


@pytest.mark.parametrize(
    ("subject", "account"),
    [
        ({"kind": "ServiceAccount", "name": "api", "namespace": "shop"}, ("shop", "api")),
        ({"kind": "ServiceAccount", "name": "api"}, ("kube-system", "api")),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, ("shop", "*")),
        ({"kind": "User", "name": "system:serviceaccount:shop:api"}, ("shop", "api")),
        ({"kind": "User", "name": "anna"}, None),
    ],
)
def test_a_binding_gives_rights_to_accounts(subject: Manifest, account: tuple[str, str] | None) -> None:
    """By their names, as users, or all of a namespace."""
    manifest = binding(subject)
    assert facts(manifest, ref_of(manifest)).grants == ((account,) if account else ())


READER = ObjectRef("rbac.authorization.k8s.io", "RoleBinding", "kube-system", "reader")
KEY = ObjectRef("", "Secret", "kube-system", "key")
SERVER = ObjectRef("", "Service", "kube-system", "server")
SETTINGS = ObjectRef("", "ConfigMap", "kube-system", "server")
OBJECTS = (
    SystemObject(READER, (("shop", "api"), ("store", "*"))),
    SystemObject(KEY, opens="SealedSecret.bitnami.com"),
    SystemObject(SERVER),
    SystemObject(SETTINGS),
)


def csi(**parameters: str) -> Manifest:
    """Return a StorageClass with these parameters."""
    return made("storage.k8s.io/v1", "StorageClass", "fast", parameters=parameters)


def hooks(**service: Any) -> Manifest:
    """Return webhooks that this Service answers."""
    return made(
        "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "h", webhooks=[{"clientConfig": {"service": service}}]
    )


PREFIX = "csi.storage.k8s.io/provisioner-secret"


@pytest.mark.parametrize(
    ("manifest", "needed"),
    [
        (made("v1", "ServiceAccount", "api", namespace="shop"), [READER]),
        (made("v1", "ServiceAccount", "other", namespace="shop"), []),
        (made("v1", "ServiceAccount", "any", namespace="store"), [READER]),
        (made("bitnami.com/v1alpha1", "SealedSecret", "s", namespace="shop"), [KEY]),
        (hooks(namespace="kube-system", name="server"), [SERVER]),
        (hooks(namespace="kube-system", name="other"), []),
        (hooks(namespace="shop", name="server"), []),
        (csi(**{f"{PREFIX}-name": "key", f"{PREFIX}-namespace": "kube-system"}), [KEY]),
        (csi(secretName="key", secretNamespace="kube-system"), [KEY]),
        (
            made(
                "v1", "PersistentVolume", "v", spec={"csi": {"nodePublishSecretRef": {"name": "key", "namespace": "kube-system"}}}
            ),
            [KEY],
        ),
        (
            made(RBAC, "ClusterRoleBinding", "b", subjects=[{"kind": "ConfigMap", "name": "server", "namespace": "kube-system"}]),
            [SETTINGS],
        ),
        (made("x.io/v1", "Any", "a", spec={"targetRef": {"name": "server", "namespace": "kube-system"}}), [SETTINGS, SERVER]),
        (made("x.io/v1", "Any", "a", spec={"ref": [{"namespace": "kube-system"}], "word": "kube-system"}), []),
        (service("web"), []),
    ],
)
def test_what_moves_needs_what_it_refers_to(manifest: Manifest, needed: list[ObjectRef]) -> None:
    """Rights, keys, and references with a namespace beside the name; the kind counts where it is told."""
    needs = list(Needs(OBJECTS).of(ref_of(manifest), orjson.dumps(manifest)))
    assert [need.system for need in needs] == needed
    assert all(need.by == ref_of(manifest) for need in needs)


def test_a_warning_for_each_object_that_is_needed() -> None:
    """With the first that needs it, and the line that brings it."""
    needs = Needs(OBJECTS)
    accounts = [ObjectRef("", "ServiceAccount", "store", name) for name in ("a", "b")]
    found = warnings(need for ref in accounts for need in needs.of(ref, b"{}"))
    assert found == [
        (
            "RoleBinding.rbac.authorization.k8s.io/kube-system/reader stays on blue and is not on green, but ServiceAccount/store/a, "
            "which moves, has rights from it (and 1 more): move.objects.include: "
            '[{kind: RoleBinding.rbac.authorization.k8s.io, namespace: kube-system, name: "reader"}]'
        )
    ]
    assert selector_text(KEY) == '{kind: Secret, namespace: kube-system, name: "key"}'


def test_a_sealing_key_is_known_by_its_label() -> None:
    """Its name is made up by its controller."""
    manifest = of_system(made("v1", "Secret", "k", labels={"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}), "controller")
    assert facts(manifest, ref_of(manifest)).opens == "SealedSecret.bitnami.com"
