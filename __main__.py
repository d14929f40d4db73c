"""The Pulumi program: one stack is one cluster."""

import signal
from pathlib import Path

import pulumi

from migrator.config.stack import load_stack
from migrator.errors import MigratorError
from migrator.provision.addons import network_objects
from migrator.provision.component import Cluster

# The engine interrupts this program when an update has failed; a traceback of that would bury the reason.
signal.signal(signal.SIGINT, signal.SIG_DFL)
here = Path(__file__).parent
try:
    settings = load_stack(here / "stacks" / f"Pulumi.{pulumi.get_stack()}.yaml")
    network_objects(settings, here)
except MigratorError as error:
    raise pulumi.RunError(f"{error.message}\n  -> {error.hint}" if error.hint else error.message) from None
for name, value in Cluster(pulumi.get_stack(), settings, here / "deploy").outputs.items():
    pulumi.export(name, value)
