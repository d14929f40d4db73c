"""Options of the testbed's verbs, and what they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from migrator.cli import render
from migrator.testbed.binaries import Store
from migrator.testbed.planes.pair import Testbed, default_cache

V = TypeVar("V", bound=Callable[..., object])


def folder_option(default: str) -> Callable[[V], V]:
    """Return the option `--dir`, the folder of what a verb has started."""
    return click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help="Folder of its state.",
    )


state_option = folder_option(".migrator/testbed")


def bed_of(folder: Path) -> Testbed:
    """Return the testbed whose state is in a folder."""
    return Testbed(folder.absolute(), Store(default_cache(), render.step), render.step)
