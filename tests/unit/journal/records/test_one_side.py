"""A hand-over is on disk with all that a later run needs to undo it."""

from __future__ import annotations

import pytest

from migrator.journal.records.base import Entry
from migrator.journal.records.codec import LineError
from migrator.journal.records.migration import MIGRATION
from migrator.journal.records.one_side import HandOverAnnounced, PartRecord
from migrator.model.one_side import HeldField, Part
from migrator.model.ref import ObjectRef, ResourceType

REF = ObjectRef("apps", "Deployment", "shop", "dns")
APPS = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True, verbs=frozenset())
FIELDS = (
    HeldField(("spec", "replicas"), 0, 2, 3),
    HeldField(("spec", "paused"), held=True),
    HeldField(("a", "b/c"), "on", None, "off"),
)


def test_a_part_comes_back_as_it_was() -> None:
    """Numbers, words and truth stay what they are: 0 is not false, and 1 not true."""
    part = Part(REF, REF._replace(namespace="store"), "external-dns", APPS, FIELDS, first=True, ready=False)
    line = MIGRATION.encode(Entry(1.0, HandOverAnnounced((PartRecord.of(part),))))
    record = MIGRATION.decode(line).record
    assert isinstance(record, HandOverAnnounced)
    (found,) = record.parts
    assert found.part == part
    assert [type(field.held) for field in found.part.fields] == [int, bool, str]


def test_a_value_of_another_type_is_no_record() -> None:
    """A field that holds is a plain value."""
    line = MIGRATION.encode(Entry(1.0, HandOverAnnounced((PartRecord.of(Part(REF, REF, "r", APPS, FIELDS[:1])),))))
    with pytest.raises(LineError, match="malformed record"):
        MIGRATION.decode(line.replace(b'"held":0', b'"held":[0]'))
