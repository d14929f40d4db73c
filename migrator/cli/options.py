"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Result as text or JSON on stdout.",
)


@dataclass(slots=True, frozen=True)
class Common:
    """The options that every verb of a migration has."""

    config: Path
    state_dir: Path | None
    output: str
    yes: bool
    max_requests: int
    allow_older: bool


def common(function: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options; the verb gets them as one `common` argument."""
    import functools

    @click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        default=Path("migration.yaml"),
        show_default=True,
        help="The migration's file.",
    )
    @click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        help="Folder of the journal.  [default: .migrator beside the file]",
    )
    @output_option
    @click.option("-y", "--yes", is_flag=True, help="Answer all questions with yes.")
    @click.option(
        "--max-requests",
        type=click.IntRange(1, 256),
        default=32,
        show_default=True,
        help="Most requests in flight to one cluster.",
    )
    @click.option("--allow-older", is_flag=True, help="Go on although green is of an older version than blue.")
    @functools.wraps(function)
    def wrapped(**arguments: Any) -> None:
        names = ("config", "state_dir", "output", "yes", "max_requests", "allow_older")
        shared = Common(**{name: arguments.pop(name) for name in names})
        function(common=shared, **arguments)

    return wrapped
