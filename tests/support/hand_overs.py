"""A hand-over with data, there and back, and what its journal says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from migrator.journal.records.data import DataPassAnnounced, DataSwitched, HolderAnnounced, HolderRemoved, VolumeHandedOver
from migrator.journal.records.migration import MigrationRecord
from migrator.journal.records.one_side import HandOverStep
from migrator.migration.data.home import DataFrom, DataHome
from migrator.migration.data.passes import Movers
from migrator.migration.fence import Side
from migrator.migration.rollback import finish
from migrator.migration.traffic_back import move_traffic
from migrator.ports import Blue
from tests.support.fake_cluster.faults import unavailable
from tests.support.one_side import Stand


def steps_with_data(records: Sequence[MigrationRecord]) -> list[str]:
    """Return the steps of a hand-over with the passes, and what is done to volumes, among them."""
    found: list[str] = []
    for record in records:
        match record:
            case HandOverStep():
                found.append(record.step)
            case DataPassAnnounced():
                found.append(f"{'last ' if record.finish else ''}pass {record.direction}")
            case VolumeHandedOver():
                found.append(f"volume {record.direction}")
            case HolderAnnounced():
                found.append(f"{record.side} is held")
            case HolderRemoved():
                found.append(f"{record.side} is let go")
            case DataSwitched():
                found.append(f"{record.direction} by {record.how}")
            case _:
                pass
    return found


def roll_back(stand: Stand, movers: Callable[[], Movers], data_from: DataFrom = "", *, lost: bool = False) -> tuple[str, ...]:
    """Roll back, where `lost` without green, and return what was left undone."""
    session = stand.session
    moved = move_traffic("t", stand.journal.entries(), stand.switch, session.run.reporter, lambda: 0.0)
    way = session.way_back()
    green = Side(_gone, 1.0) if lost else way.green
    bring = DataHome(session.run, session.config, movers, green, data_from, blue=way.blue)
    return finish(
        moved, type(way)(way.blue, green, way.limits, bring, ready=bring.ready, release=bring.release), run=session.run
    ).undone


def _gone() -> Blue:
    raise unavailable()
