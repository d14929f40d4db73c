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
from migrator.cli.options import Common, journal_path
from migrator.cli.render import Screen
from migrator.cli.switches import switch_of
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
from migrator.ports import CommandRunner
from migrator.side_by_side import side_by_side

if TYPE_CHECKING:
    from migrator.migration.data_home import DataFrom
    from migrator.migration.data_pass import Movers

# How long a way back waits for each cluster.
_SECONDS = {"blue": BLUE_SECONDS, "green": GREEN_SECONDS}
# How long it waits for Pulumi to tell where a cluster is.
_PULUMI_SECONDS = 20.0


@contextmanager
def session(common: Common, screen: Screen) -> Iterator[Session]:
    """Open journal and clusters; the journal is tied to both clusters."""
    gc.freeze()
    config = load_migration(common.config)
    folder = common.config.parent
    access = {name: _access(name, side, common, screen) for name, side in (("blue", config.blue), ("green", config.green))}
    clock = SystemClock()
    blue, green = (KubeCluster(name, access[name], clock=clock, max_requests=common.max_requests) for name in ("blue", "green"))
    identities = dict(zip(("blue", "green"), side_by_side(blue.identity, green.identity), strict=True))
    require_two(**identities)
    path = journal_path(common, config.name)
    with FileJournal(path, MIGRATION, tool=__version__, migration=config.name, clock=clock) as journal:
        journal.bind(**identities)
        yield Session(
            config=config,
            blue=blue,
            green=green,
            run=Run(Ledger(journal, MigrationFold()), screen, clock, SIGNALS),
            switch=switch_of(config.switches, relative_to=folder),
            prober=SystemProber(),
            registry=HttpRegistry(_registries(config), clock=clock),
            runner=ShellRunner(),
            holder=this_process(),
            allow_older=common.allow_older,
            free_memory=free_memory,
            undo_on=WayBack(
                Side(lambda: _impatient("blue", access["blue"]), BLUE_SECONDS),
                Side(lambda: _impatient("green", access["green"]), GREEN_SECONDS),
                Limits.of(config.cutover),
                guarding=Guarding(config.cutover.guard, config.name),
            ),
            movers=lambda: _movers(common, config),
        )


def both_sides(common: Common, config: Migration, screen: Screen, state: State) -> WayBack:
    """Return both clusters as they are asked for a short time only; nothing is asked yet."""
    blue, green = (_side(name, side, common, screen, state) for name, side in (("blue", config.blue), ("green", config.green)))
    return WayBack(replace(blue, seconds=GREEN_SECONDS), green, Limits.of(config.cutover))


@contextmanager
def way_back(
    common: Common, config: Migration, screen: Screen, data_from: DataFrom = ""
) -> Iterator[tuple[Run, WayBack, CommandRunner]]:
    """Read the journal, and return what a rollback needs after its traffic; no cluster is asked, and no lock waited for."""
    from migrator.migration.data_home import DataHome  # a copy of objects moves no data

    path, clock = journal_path(common, config.name), SystemClock()

    def damaged(text: str) -> None:
        screen.emit(Note(f"{text}; read around it", warning=True))

    def opened() -> FileJournal[MigrationRecord]:
        return FileJournal(path, MIGRATION, tool=__version__, migration=config.name, clock=clock, damaged=lambda _: None)

    with contextlib.closing(LateJournal(path, MIGRATION, opened, damaged)) as journal:
        run = Run(Ledger(journal, MigrationFold()), screen, clock, SIGNALS)
        blue = _side("blue", config.blue, common, screen, run.state)
        green = _side("green", config.green, common, screen, run.state)
        bring = DataHome(run, config, lambda: _movers(common, config), green, data_from)
        yield (
            run,
            WayBack(blue, green, Limits.of(config.cutover), bring, Guarding(config.cutover.guard, config.name)),
            ShellRunner(),
        )


def _movers(common: Common, config: Migration) -> Movers:
    from migrator.cli.data.wiring import movers  # most migrations move no data, and need not wait for what this imports

    return movers(common, config)


def _side(name: str, config: ClusterConfig, common: Common, screen: Screen, state: State) -> Side:
    def opened() -> KubeCluster:
        return _impatient(name, _access(name, config, common, screen))

    return Side(opened, _SECONDS[name], state.clusters.get(name, ""), _PULUMI_SECONDS if config.stack else 0.0)


def _impatient(name: str, access: Access) -> KubeCluster:
    """Return a cluster for an undo: waited for no longer than that allows, and written to whoever holds its lock."""
    return KubeCluster(name, access, clock=SystemClock(), patience=_SECONDS[name], timeout=_SECONDS[name])


def _registries(config: Migration) -> frozenset[str]:
    """Return the registries that the person's own file names."""
    return frozenset(prefix.partition("/")[0] for prefix in config.map.registries.values())


def warn_of(access: Access, screen: Screen) -> Access:
    """Say why credentials are not safe on this way, before any are sent."""
    if access.warning:
        screen.emit(Note(access.warning, warning=True))
    return access


def _access(name: str, config: ClusterConfig, common: Common, screen: Screen) -> Access:
    folder = common.config.parent
    if config.stack:
        given = stack_access(config.stack, folder / Path(config.project).expanduser())
        access = received_access(given.kubeconfig, endpoint=given.endpoint, cluster=name, where=f"stack {config.stack}")
    else:
        access = load_access(config.kubeconfig, config.context, cluster=name, relative_to=folder)
    return warn_of(access, screen)
