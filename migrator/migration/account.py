"""The account that deploy/rbac-green.yaml makes on green for the time of a migration, and its removal."""

from __future__ import annotations

from typing import Any

from migrator.errors import ApiError, NotFoundError
from migrator.journal.records.migration import AccountRemoval
from migrator.migration.run import Run
from migrator.model.events import Note, Step
from migrator.model.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, SERVICE_ACCOUNTS
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef, ResourceType
from migrator.ports import Green

_ROLE = "migrator-green"
_ACCOUNT = {"kind": "ServiceAccount", "name": "migrator", "namespace": "kube-system"}
_PARTS: tuple[tuple[ResourceType, str, str], ...] = (
    (SERVICE_ACCOUNTS, _ACCOUNT["namespace"], _ACCOUNT["name"]),
    (CLUSTER_ROLES, "", _ROLE),
)


def remove_account(green: Green, run: Run) -> None:
    """Remove the account from green where it is there, and say what is left; raises no ApiError.

    It may be the account that asks: its rights end with the binding. So role and account are made the binding's dependents
    first, and green's garbage collector takes them after it.
    """
    try:
        binding = green.get(CLUSTER_ROLE_BINDINGS, "", _ROLE)
        if not _is_ours(binding):
            run.reporter.emit(Note(f"ClusterRoleBinding {_ROLE} on green binds something else; it is left alone"))
            return
        refs = (ObjectRef("rbac.authorization.k8s.io", "ClusterRoleBinding", "", _ROLE), *map(_ref, _PARTS))
        run.write(AccountRemoval(refs))
        run.ledger.sync()
        run.reporter.emit(Step("removing the account kube-system/migrator and its role from green"))
        _remove(green, binding)
    except NotFoundError:
        return
    except ApiError as error:
        hint = "delete it yourself: kubectl delete -f deploy/rbac-green.yaml"
        run.reporter.emit(Note(f"the account kube-system/migrator is left on green: {error.message}; {hint}", warning=True))


def _remove(green: Green, binding: Manifest) -> None:
    uid = binding["metadata"]["uid"]
    owner = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "name": _ROLE, "uid": uid}
    for resource, namespace, name in _PARTS:
        try:
            green.patch(resource, namespace, name, {"metadata": {"ownerReferences": [owner]}}, manager="migrator")
        except NotFoundError:
            continue
    green.delete(CLUSTER_ROLE_BINDINGS, "", _ROLE, uid=uid)


def _is_ours(binding: Manifest) -> bool:
    subjects: list[dict[str, Any]] = binding.get("subjects") or []
    named = [{key: item.get(key) for key in _ACCOUNT} for item in subjects]
    return get(binding, "roleRef", "name") == _ROLE and named == [_ACCOUNT]


def _ref(part: tuple[ResourceType, str, str]) -> ObjectRef:
    resource, namespace, name = part
    return ObjectRef(resource.group, resource.kind, namespace, name)
