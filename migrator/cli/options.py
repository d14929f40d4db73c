"""Options that several verbs share; a verb gets them as one value of a dataclass."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import click

from migrator.cli import render
from migrator.wiring.inputs import MigrationInputs

_Options = TypeVar("_Options")
_Rest = ParamSpec("_Rest")
_Verb = Callable[Concatenate[_Options, _Rest], None]

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Result as text or JSON on stdout.",
)


def takes(kind: type[_Options]) -> Callable[[_Verb[_Options, _Rest]], Callable[_Rest, None]]:
    """Add the options of a dataclass to a verb, which gets them as its first argument.

    Each field is `Annotated[TYPE, click.option(...)]`, or a dataclass of such fields. `--help` lists them in their order.
    """

    def decorate(verb: _Verb[_Options, _Rest]) -> Callable[_Rest, None]:
        @functools.wraps(verb)
        def wrapped(*args: _Rest.args, **kwargs: _Rest.kwargs) -> None:
            verb(_built(kind, kwargs), *args, **kwargs)

        for option in reversed(list(_options(kind))):
            option(wrapped)
        return wrapped

    return decorate


def _options(kind: type) -> Iterator[Callable[[Callable[..., None]], object]]:
    for hint in get_type_hints(kind, include_extras=True).values():
        if _is_group(hint):
            yield from _options(hint)
        else:
            yield hint.__metadata__[0]


def _built(kind: Callable[..., _Options], given: MutableMapping[str, Any]) -> _Options:
    """Take the values of the fields out of what click hands over."""
    hints = get_type_hints(kind)
    return kind(**{name: _built(hint, given) if _is_group(hint) else given.pop(name) for name, hint in hints.items()})


def _is_group(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint)


@dataclass(slots=True, frozen=True)
class Common:
    """The options that every verb of a migration has."""

    config: Annotated[
        Path,
        click.option(
            "-c",
            "--config",
            type=click.Path(path_type=Path),
            default=Path("migration.yaml"),
            show_default=True,
            help="The migration's file.",
        ),
    ]
    state_dir: Annotated[
        Path | None,
        click.option(
            "--state-dir", type=click.Path(path_type=Path), help="Folder of the journal.  [default: .migrator/NAME beside the file]"
        ),
    ]
    output: Annotated[str, output_option]
    yes: Annotated[bool, click.option("-y", "--yes", is_flag=True, help="Answer all questions with yes.")]
    max_requests: Annotated[
        int,
        click.option(
            "--max-requests",
            type=click.IntRange(1, 256),
            default=128,
            show_default=True,
            help="Most requests at a time to one cluster; one with a short round trip gets 32.",
        ),
    ]
    allow_older: Annotated[
        bool, click.option("--allow-older", is_flag=True, help="Go on although green is of an older version than blue.")
    ]

    @property
    def inputs(self) -> MigrationInputs:
        """What a session of the migration is opened with."""
        return MigrationInputs(
            file=self.config,
            state_dir=self.state_dir,
            max_requests=self.max_requests,
            allow_older=self.allow_older,
            confirm=lambda question: render.agreed(question, yes=self.yes),
        )
