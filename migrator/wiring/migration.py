"""The composition root of a migration: build a session with real adapters from a `migration.yaml`."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator import __version__
from migrator.adapters.clock import SystemClock
from migrator.adapters.hooks import ShellRunner
from migrator.adapters.identity import this_process
from migrator.adapters.image_registry import HttpRegistry
from migrator.adapters.memory import free_memory
from migrator.adapters.probes import SystemProber
from migrator.adapters.signals import SIGNALS
from migrator.adapters.stack_outputs import stack_access
from migrator.config.load import load_migration
from migrator.config.schema import ClusterConfig, Migration
from migrator.journal.file import FileJournal
from migrator.journal.late import LateJournal
from migrator.journal.ledger import Ledger
from migrator.journal.records.migration import MIGRATION, MigrationRecord
from migrator.kube.access import Access, load_access, received_access
from migrator.kube.cluster import KubeCluster
from migrator.migration.fence import BLUE_SECONDS, GREEN_SECONDS, Guarding, Limits, Side, WayBack
from migrator.migration.run import Run
from migrator.migration.session import Session, require_two
from migrator.migration.state import MigrationFold, State
from migrator.model.events import Note
from migrator.ports import CommandRunner, Reporter
from migrator.side_by_side import side_by_side
from migrator.wiring.access import warn_of
from migrator.wiring.inputs import MigrationInputs
from migrator.wiring.switches import switch_of

if TYPE_CHECKING:
    from migrator.migration.data.home import DataFrom
    from migrator.migration.data.passes import Movers

# How long a way back waits for each cluster.
_SECONDS = {"blue": BLUE_SECONDS, "green": GREEN_SECONDS}
# How long it waits for Pulumi to tell where a cluster is.
_PULUMI_SECONDS = 20.0


@contextmanager
def session(inputs: MigrationInputs, reporter: Reporter) -> Iterator[Session]:
    """Open journal and clusters; the journal is tied to both clusters."""
    gc.freeze()
    config = load_migration(inputs.file)
    access = {name: _access(name, side, inputs, reporter) for name, side in (("blue", config.blue), ("green", config.green))}
    clock = SystemClock()
    blue, green = (KubeCluster(name, access[name], clock=clock, max_requests=inputs.max_requests) for name in ("blue", "green"))
    identities = dict(zip(("blue", "green"), side_by_side(blue.identity, green.identity), strict=True))
    require_two(**identities)
    path = inputs.journal(config.name)
    with FileJournal(path, MIGRATION, tool=__version__, migration=config.name, clock=clock) as journal:
        journal.bind(**identities)
        yield Session(
            config=config,
            blue=blue,
            green=green,
            run=Run(Ledger(journal, MigrationFold()), reporter, clock, SIGNALS),
            switch=switch_of(config.switches, relative_to=inputs.folder),
            prober=SystemProber(inputs.folder),
            registry=HttpRegistry(_registries(config), clock=clock),
            runner=ShellRunner(inputs.folder),
            holder=this_process(),
            allow_older=inputs.allow_older,
            free_memory=free_memory,
            undo_on=WayBack(
                Side(lambda: _impatient("blue", access["blue"]), BLUE_SECONDS),
                Side(lambda: _impatient("green", access["green"]), GREEN_SECONDS),
                Limits.of(config.cutover),
                guarding=Guarding(config.cutover.guard, config.name),
            ),
            movers=lambda: _movers(inputs, config),
        )


def both_sides(inputs: MigrationInputs, config: Migration, reporter: Reporter, state: State) -> WayBack:
    """Return both clusters as they are asked for a short time only; nothing is asked yet."""
    blue, green = (_side(name, side, inputs, reporter, state) for name, side in (("blue", config.blue), ("green", config.green)))
    return WayBack(replace(blue, seconds=GREEN_SECONDS), green, Limits.of(config.cutover))


@contextmanager
def way_back(
    inputs: MigrationInputs, config: Migration, reporter: Reporter, data_from: DataFrom = ""
) -> Iterator[tuple[Run, WayBack, CommandRunner]]:
    """Read the journal, and return what a rollback needs after its traffic; no cluster is asked, and no lock waited for."""
    from migrator.migration.data.home import DataHome  # a copy of objects moves no data

    path, clock = inputs.journal(config.name), SystemClock()

    def damaged(text: str) -> None:
        reporter.emit(Note(f"{text}; read around it", warning=True))

    def opened() -> FileJournal[MigrationRecord]:
        return FileJournal(path, MIGRATION, tool=__version__, migration=config.name, clock=clock, damaged=lambda _: None)

    with contextlib.closing(LateJournal(path, MIGRATION, opened, damaged)) as journal:
        run = Run(Ledger(journal, MigrationFold()), reporter, clock, SIGNALS)
        blue = _side("blue", config.blue, inputs, reporter, run.state)
        green = _side("green", config.green, inputs, reporter, run.state)
        bring = DataHome(run, config, lambda: _movers(inputs, config), green, data_from, blue=blue)
        guarding, limits = Guarding(config.cutover.guard, config.name), Limits.of(config.cutover)
        yield run, WayBack(blue, green, limits, bring, guarding, bring.ready, bring.release), ShellRunner(inputs.folder)


def _movers(inputs: MigrationInputs, config: Migration) -> Movers:
    from migrator.wiring.volumes import movers  # most migrations move no data, and need not wait for what this imports

    return movers(inputs, config)


def _side(name: str, config: ClusterConfig, inputs: MigrationInputs, reporter: Reporter, state: State) -> Side:
    def opened() -> KubeCluster:
        return _impatient(name, _access(name, config, inputs, reporter))

    return Side(opened, _SECONDS[name], state.clusters.get(name, ""), _PULUMI_SECONDS if config.stack else 0.0)


def _impatient(name: str, access: Access) -> KubeCluster:
    """Return a cluster for an undo: waited for no longer than that allows, and written to whoever holds its lock."""
    return KubeCluster(name, access, clock=SystemClock(), patience=_SECONDS[name], timeout=_SECONDS[name])


def _registries(config: Migration) -> frozenset[str]:
    """Return the registries that the person's own file names."""
    return frozenset(prefix.partition("/")[0] for prefix in config.map.registries.values())


def _access(name: str, config: ClusterConfig, inputs: MigrationInputs, reporter: Reporter) -> Access:
    folder = inputs.folder
    if config.stack:
        given = stack_access(config.stack, folder / Path(config.project).expanduser())
        access = received_access(given.kubeconfig, endpoint=given.endpoint, cluster=name, where=f"stack {config.stack}")
    else:
        access = load_access(config.kubeconfig, config.context, cluster=name, relative_to=inputs.folder)
    return warn_of(access, reporter)
