"""Load `migration.yaml`; `parse.py` reports every mistake in it as `file:line: path: what`."""

from __future__ import annotations

from pathlib import Path

from migrator.config.parse import parse, text_of
from migrator.config.schema import Migration
from migrator.config.way_back import NO_FILE


def load_migration(path: Path) -> Migration:
    """Return the checked file.

    Raises ConfigError with every mistake in it, one `file:line: path: what` each.
    """
    return parse_migration(text_of(path, hint=NO_FILE), str(path))


def parse_migration(text: str, file: str) -> Migration:
    """Return the checked content of a file named `file`; raises ConfigError."""
    return parse(Migration, text, file)
