"""The only place that prints: progress on stderr, results on stdout."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

import click
import orjson

from migrator.model.difference import FieldDifference
from migrator.model.events import Event, Note, Progress, Step

_PLAIN_SECONDS = 5.0


class Screen:
    """Shows events: a live line on a terminal, plain lines elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._terminal = sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._live: Any = None
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def emit(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Progress):
            self._progress(event)
            return
        self._stop()
        if isinstance(event, Step):
            if not self._quiet:
                click.echo(click.style("→ ", fg="blue") + event.text, err=True)
        elif isinstance(event, Note):
            click.echo(click.style("! " if event.warning else "  ", fg="yellow") + event.text, err=True)

    def _progress(self, event: Progress) -> None:
        count = f"{event.done} of {event.total}" if event.total else str(event.done)
        if self._terminal:
            if self._live is None:
                from rich.console import Console
                from rich.status import Status

                self._live = Status("", console=Console(stderr=True), spinner="dots")
                self._live.start()
            self._live.update(f"{event.text}: {count}")
        elif not self._quiet and time.monotonic() - self._last > _PLAIN_SECONDS:
            self._last = time.monotonic()
            click.echo(f"  {event.text}: {count}", err=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def result_json(document: Any) -> None:
    """Print a result as JSON."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode())


def line(text: str = "") -> None:
    """Print one line of a result."""
    click.echo(text)


def word(text: str) -> str:
    """Return a word of the closed sets in its colour."""
    colours = {
        "move": "green", "created": "green", "ok": "green", "good": "green", "create": "green",
        "changed": "cyan", "change": "cyan", "deleted": "cyan",
        "skip": "bright_black", "unchanged": "bright_black",
        "warning": "yellow", "unknown": "yellow", "conflict": "yellow", "unproven": "yellow",
        "blocked": "red", "failed": "red", "failure": "red", "bad": "red", "refused": "red",
    }  # fmt: skip
    return click.style(text, fg=colours.get(text))


def counts(counter: Counter[str] | dict[str, int]) -> str:
    """Return counts in one line."""
    return ", ".join(f"{number} {word(name)}" for name, number in sorted(counter.items(), key=lambda pair: -pair[1])) or "nothing"


def difference(item: FieldDifference) -> str:
    """Return a field's difference in one line."""
    return f"{item.path}: {_short(item.live)} → {_short(item.wanted)}"


def confirmed(question: str, *, yes: bool) -> None:
    """Ask, unless `--yes` was given; raises click.Abort for no, click.UsageError where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody is there to answer: give --yes")
    click.confirm(question, abort=True, err=True)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= 80 else text[:77] + "..."
