"""Build all that was ordered on this machine, which is prepared for the time of the build and then as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import BlockedError
from migrator.packages.build import build
from migrator.packages.host import Preparation, prepare, read_host, remember
from migrator.packages.place import BuildPlace, make_state_folder, state_folder
from migrator.packages.prepare_host import prepared
from migrator.packages.publish import build_user
from migrator.packages.recipes import Order


@dataclass(slots=True, frozen=True, kw_only=True)
class Workshop:
    """Where packages are built and put."""

    work: Path
    dest: Path
    """Folder of the packages."""
    user: str = ""
    """Who builds, when root asks; empty: the person behind sudo, or nobody."""
    source_base: str = ""
    """Another base address of release archives."""


def build_all(orders: Sequence[tuple[Order, str]], shop: Workshop, say: Callable[[str], None]) -> list[Path]:
    """Build orders, each with the checksum of its source, and return the packages; raises BlockedError without room for it."""
    preparation = prepare(read_host(shop.work))
    require_room(preparation)
    place = BuildPlace(shop.work.absolute(), shop.user or build_user(), preparation.jobs, shop.source_base)
    place.take()
    state = state_folder(shop.work)
    make_state_folder(state)
    for text in preparation.steps:
        say(text)
    made = []
    with prepared(preparation, state):
        for order, checksum in orders:
            with remember(order.recipe.name, preparation.jobs, state):
                made.append(build(order, place, checksum=checksum, dest=shop.dest.absolute(), say=say))
    return made


def require_room(preparation: Preparation) -> None:
    """Raise BlockedError where a build cannot succeed."""
    if preparation.shortage:
        raise BlockedError(f"a build will not work here: {preparation.shortage}", hint="make room, or name another --work")
