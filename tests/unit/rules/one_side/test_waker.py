"""Who has started what was held is named as the API server knows it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.one_side.sides import cron_job
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from migrator.rules.one_side.waker import last_writer

NIGHTLY = ObjectRef("batch", "CronJob", "shop", "nightly")
PART = cron_job(NIGHTLY, NIGHTLY)
SUSPEND: dict[str, Any] = {"f:spec": {"f:suspend": {}}}
OTHER: dict[str, Any] = {"f:spec": {"f:schedule": {}}}


def entry(manager: str, hour: int, fields: object = None, subresource: str = "") -> dict[str, Any]:
    """Return an entry of managedFields."""
    more = {"subresource": subresource} if subresource else {}
    return {"manager": manager, "time": f"2026-01-02T{hour:02}:00:00Z", "fieldsV1": SUSPEND if fields is None else fields, **more}


@pytest.mark.parametrize(
    ("entries", "who"),
    [
        ([entry("kubectl-edit", 3)], "kubectl-edit at 2026-01-02T03:00:00Z"),
        ([entry("helm", 2), entry("kubectl-edit", 3)], "kubectl-edit at 2026-01-02T03:00:00Z"),
        ([entry("kubectl-edit", 3), entry("helm", 4, OTHER)], "kubectl-edit at 2026-01-02T03:00:00Z"),
        ([entry("kubectl-patch", 3, OTHER), entry("migrator", 4, OTHER)], "kubectl-patch at 2026-01-02T03:00:00Z"),
        ([entry("kube-controller-manager", 5, {"f:status": {}}, "status"), entry("a", 1)], "a at 2026-01-02T01:00:00Z"),
        ([{"manager": "a", "fieldsV1": SUSPEND}], "a"),
        ([entry("kubectl-create", 3), {"manager": "kubectl-scale", "subresource": "scale", "fieldsV1": SUSPEND}], "kubectl-scale"),
        ([entry("a", 3, None, "scale") | {"time": None}, entry("migrator-fence", 4, None, "scale") | {"time": None}], "a"),
        ([{"fieldsV1": "strange"}, {"time": 7, "fieldsV1": SUSPEND}], "somebody at 7"),
        ([], ""),
        (None, ""),
    ],
)
def test_the_last_writer_of_what_holds_it_is_named(entries: object, who: str) -> None:
    """Not of the status, nor of another field; of a field that was removed the last one who wrote, but for this tool."""
    manifest: Manifest = {"metadata": {"name": "nightly"} | ({} if entries is None else {"managedFields": entries})}
    assert last_writer(manifest, PART) == who


def test_a_value_that_nobody_owns_has_no_writer() -> None:
    """It is better not told than told of who created the object."""
    manifest: Manifest = {
        "metadata": {"name": "nightly", "managedFields": [entry("kubectl-create", 3, OTHER)]},
        "spec": {"suspend": False},
    }
    assert last_writer(manifest, PART) == ""
    del manifest["spec"]
    assert last_writer(manifest, PART).startswith("kubectl-create at")
