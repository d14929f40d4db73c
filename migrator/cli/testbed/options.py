"""Options of the testbed's verbs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

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
