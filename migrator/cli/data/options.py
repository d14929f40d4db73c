"""Options that the verbs of `migrator data` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import click

from migrator.cli.options import Common

if TYPE_CHECKING:
    from migrator.migration.data.verbs import Choice


Claims = Annotated[
    tuple[str, ...],
    click.option("--claim", multiple=True, metavar="NAMESPACE/NAME", help="Only these claims of blue; * and ? match any text."),
]
"""Patterns of claims; none: all."""


@dataclass(slots=True, frozen=True)
class Chosen:
    """Which claims, and how their content is compared."""

    common: Common
    claim: Claims
    full: Annotated[
        bool,
        click.option("--full-verify", "full", is_flag=True, help="Read all content on both sides, not only what may have changed."),
    ]
    accept_deletions: Annotated[
        bool,
        click.option(
            "--accept-deletions",
            is_flag=True,
            help="Delete on the target what the source does not have, also where the source is empty or most of it is gone.",
        ),
    ]

    def choice(self) -> Choice:
        """Return what is asked for."""
        from migrator.migration.data.verbs import Choice

        return Choice(self.claim, self.full, self.accept_deletions)
