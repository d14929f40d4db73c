"""The Pulumi program: one stack is one cluster."""

from pathlib import Path

import pulumi

from migrator.config.stack import load_stack
from migrator.errors import MigratorError
from migrator.provision.component import Cluster

try:
    settings = load_stack(Path(__file__).parent / "stacks" / f"Pulumi.{pulumi.get_stack()}.yaml")
except MigratorError as error:
    raise pulumi.RunError(f"{error.message}\n  -> {error.hint}" if error.hint else error.message) from None
for name, value in Cluster(pulumi.get_stack(), settings).outputs.items():
    pulumi.export(name, value)
