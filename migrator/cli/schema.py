"""`migrator schema`."""

from __future__ import annotations

import click

from migrator.cli import render


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of migration.yaml; editors complete and check the file with it."""
    from migrator.config.schema import Migration

    render.result_json(Migration.model_json_schema(by_alias=True))
