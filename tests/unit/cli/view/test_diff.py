"""What a copy would change on green is shown field by field."""

from __future__ import annotations

import pytest

from migrator.cli.view import diff as view
from migrator.migration.diff import ObjectDiff
from migrator.model.difference import FieldDifference
from migrator.model.ref import ObjectRef

FIELD = (FieldDifference("data.key", 1, 2),)


def entry(name: str, action: str) -> ObjectDiff:
    """Return the difference of a ConfigMap."""
    return ObjectDiff(ObjectRef("", "ConfigMap", "shop", name), action, FIELD)


ENTRIES = [entry("new", "create"), entry("old", "unchanged"), entry("other", "change")]


@pytest.mark.parametrize("full", [True, False])
def test_fields_of_new_objects_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str], full: bool) -> None:  # noqa: FBT001
    """What is unchanged is only counted."""
    view.show(ENTRIES, full=full)
    field = "    data.key: 1 → 2"
    first = ["create ConfigMap/shop/new", *([field] if full else [])]
    counts = "1 create, 1 unchanged, 1 change"
    assert capsys.readouterr().out.splitlines() == [*first, "change ConfigMap/shop/other", field, "", counts]


def test_the_document_has_all_fields() -> None:
    """Its keys are read by programs."""
    (found,) = view.as_document(ENTRIES[:1])
    fields = [{"path": "data.key", "green": 1, "wanted": 2}]
    assert found == {"object": "ConfigMap/shop/new", "action": "create", "message": "", "fields": fields}
