"""`schema` prints what editors check the file with."""

from __future__ import annotations

import orjson

from migrator.config.schema import Migration
from tests.support.command_line import run


def test_the_schema_has_the_keys_as_they_stand_in_the_file() -> None:
    """In camelCase, and with no other key allowed."""
    code, out, err = run("schema")
    found = orjson.loads(out)
    assert (code, err, found["additionalProperties"]) == (0, "", False)
    assert set(found["properties"]) == {field.alias for field in Migration.model_fields.values()}
    assert "backendTimeout" in found["$defs"]["Gates"]["properties"]
