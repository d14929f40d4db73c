"""What rules are given beside an object."""

from __future__ import annotations

from typing import Any

from migrator.config.load import parse_migration
from migrator.config.schema import Migration
from migrator.model.manifest import Manifest
from migrator.rules.context import RuleContext


def configured(text: str = "") -> Migration:
    """Return a migration with more lines than the least."""
    return parse_migration(f"name: t\nblue: {{}}\ngreen: {{}}\n{text}", "t.yaml")


PLAIN = RuleContext(configured())


def owned(manifest: Manifest, fields: dict[str, Any], manager: str = "kubectl") -> Manifest:
    """Return the manifest with one entry of field ownership."""
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsV1": fields}
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": [entry]}}
