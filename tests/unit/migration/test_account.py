"""Green's account goes when the migration has ended, even where it removes itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from migrator.errors import ForbiddenError, NotFoundError
from migrator.journal.records.migration import AccountRemoval
from migrator.migration.account import remove_account
from migrator.model.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, SERVICE_ACCOUNTS
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault
from tests.support.journals import migration_run

MANIFESTS = list(yaml.safe_load_all((Path(__file__).parents[3] / "deploy/rbac-green.yaml").read_text()))
NAME = "migrator-green"


def green_with_account() -> FakeCluster:
    """Return green as the guide's first step leaves it."""
    green = FakeCluster()
    green.hold(*MANIFESTS)
    return green


def test_the_binding_goes_last_and_takes_role_and_account_with_it() -> None:
    """Whoever asks may have no rights after it, so the garbage collector does the rest; the journal said so before."""
    green = green_with_account()
    run, journal, _, _ = migration_run()
    uid = green.get(CLUSTER_ROLE_BINDINGS, "", NAME)["metadata"]["uid"]
    begun = len(green.requests)
    remove_account(green, run)
    assert [request.split()[0] for request in green.requests[begun:]] == ["get", "patch", "patch", "delete"]
    with pytest.raises(NotFoundError):
        green.get(CLUSTER_ROLE_BINDINGS, "", NAME)
    for dependent in (green.get(SERVICE_ACCOUNTS, "kube-system", "migrator"), green.get(CLUSTER_ROLES, "", NAME)):
        assert [owner["uid"] for owner in dependent["metadata"]["ownerReferences"]] == [uid]
    assert [type(record) for record in journal.records] == [AccountRemoval]
    assert (len(journal.records), journal.synced) == (1, 1)


def test_without_an_account_nothing_happens() -> None:
    """A person used their own."""
    run, journal, _, recorder = migration_run()
    remove_account(FakeCluster(), run)
    assert (journal.records, recorder.events) == ([], [])


def test_a_binding_of_somebody_else_is_left_alone() -> None:
    """The name alone proves nothing."""
    green = FakeCluster()
    *others, binding = MANIFESTS
    green.hold(*others, {**binding, "subjects": [{"kind": "User", "name": "ann"}]})
    run, journal, _, recorder = migration_run()
    remove_account(green, run)
    assert green.get(CLUSTER_ROLE_BINDINGS, "", NAME)["subjects"][0]["name"] == "ann"
    assert journal.records == []
    assert "is left alone" in recorder.notes[0]


def test_an_account_that_may_not_be_removed_is_told() -> None:
    """The migration has ended all the same."""
    green = green_with_account()
    green.faults.append(Fault("delete", error=lambda: ForbiddenError("green answered 403", status=403)))
    run, _, _, recorder = migration_run()
    remove_account(green, run)
    assert "is left on green: green answered 403; delete it yourself" in recorder.notes[-1]
