"""The only place that prints: progress on stderr, results on stdout; control characters are shown as escapes."""

from __future__ import annotations

import datetime
import json
import os
import stat
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import click
import orjson

from migrator.adapters.clock import SystemClock
from migrator.errors import ConfigError, MigratorError
from migrator.model.difference import FieldDifference
from migrator.model.events import Event, Note, Progress, Step, Watched
from migrator.untrusted import for_json, printable, printable_lines, shortened

if TYPE_CHECKING:
    from migrator.ports import Clock  # loads the schema of migration.yaml, which --help can do without

# How often a plain line tells how far something is, and how often where nothing has changed.
_PLAIN_SECONDS, _SAME_SECONDS = 5.0, 60.0
_COLOURS = {
    "move": "green", "created": "green", "ok": "green", "good": "green", "create": "green",
    "changed": "cyan", "change": "cyan", "deleted": "cyan",
    "skip": "bright_black", "unchanged": "bright_black",
    "warning": "yellow", "unknown": "yellow", "conflict": "yellow", "unproven": "yellow",
    "blocked": "red", "failed": "red", "failure": "red", "bad": "red", "refused": "red",
}  # fmt: skip


class Word(NamedTuple):
    """A word of the closed sets, which is printed in its colour."""

    text: str

    @property
    def styled(self) -> str:
        """The word between escape sequences."""
        return _coloured(printable(self.text), _COLOURS.get(self.text))


Part = str | Word


class Screen:
    """Shows events: a live line on a terminal, plain lines elsewhere."""

    def __init__(self, *, quiet: bool = False, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._terminal = sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._live: Any = None
        self._last = 0.0
        self._said = ""

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
                step(event.text)
        elif isinstance(event, Note):
            _marked("! " if event.warning else "  ", "yellow", event.text)

    def _progress(self, event: Progress) -> None:
        count = f": {event.done} of {event.total}" if event.total else f": {event.done}" if event.done else ""
        line = f"{printable(event.text)}{count}"
        if self._terminal and isinstance(event, Watched):
            self._table(event)
        elif self._terminal:
            from rich.console import Console
            from rich.status import Status

            if not isinstance(self._live, Status):
                self._stop()
                self._live = Status("", console=Console(stderr=True), spinner="dots")
                self._live.start()
            from rich.text import Text  # not a str: rich would read markup in it

            self._live.update(Text(line))
        elif not self._quiet:
            self._plain(line)

    def _table(self, event: Watched) -> None:
        from rich.console import Console
        from rich.live import Live

        from migrator.cli.view.live import view

        if not isinstance(self._live, Live):
            self._stop()
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(view(event), refresh=True)

    def _plain(self, line: str) -> None:
        now = self._clock.monotonic()
        if now - self._last > (_SAME_SECONDS if line == self._said else _PLAIN_SECONDS):
            self._last, self._said = now, line
            click.echo(f"  {line}", err=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def result_json(document: Any) -> None:
    """Print a result as JSON."""
    click.echo(_json(document))


def _json(document: Any) -> str:
    try:
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()
    except orjson.JSONEncodeError:
        # A name of a file whose bytes are not UTF-8 has lone surrogates, which orjson refuses to write.
        text = json.dumps(document, indent=2, default=str, ensure_ascii=False)
    return for_json(text)


def report(page: str, document: Any, out: Path, *, output: str) -> None:
    """Write a report as an HTML page, and as JSON beside it; print the JSON, or where both lie."""
    beside = out.with_suffix(".json")
    if beside == out:
        raise click.UsageError(f"--out names the HTML page, and the JSON is written beside it: {printable(str(out))} would be both")
    private_file(out, page.encode())
    private_file(beside, _json(document).encode())
    if output == "json":
        result_json(document)
    else:
        line(f"{out} and {beside}")


def private_file(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read: it holds names of everything in a cluster."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)  # one that was there may be open to others
        file.write(content)


def line(*parts: Part) -> None:
    """Print one line of a result; a line break in a part is shown as an escape."""
    click.echo("".join(part.styled if isinstance(part, Word) else printable(shortened(part)) for part in parts))


def block(text: str) -> None:
    """Print text that this tool itself has made, such as a script, unchanged."""
    click.echo(text)


def step(text: str) -> None:
    """Print on stderr that a step begins."""
    _marked("→ ", "blue", text)


def error(error: MigratorError) -> None:
    """Print an error on stderr, one line for each mistake in a file, and its hint."""
    lines = error.issues if isinstance(error, ConfigError) else [error.message]
    for text in lines:
        for shown in printable_lines(f"migrator: {text}"):
            click.echo(shown, err=True)
    if error.hint:
        for shown in printable_lines(f"  → {error.hint}"):
            click.echo(shown, err=True)


def word(text: str) -> Word:
    """Return a word of the closed sets, to be printed in its colour."""
    return Word(text)


def counts(counter: Counter[str] | dict[str, int]) -> list[Part]:
    """Return counts in one line, largest first."""
    parts: list[Part] = []
    for name, number in sorted(counter.items(), key=lambda pair: -pair[1]):
        parts += [f"{', ' if parts else ''}{number} ", word(name)]
    return parts or ["nothing"]


def moment(seconds: float) -> str:
    """Return a time, given in seconds since 1970, for people."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def difference(item: FieldDifference) -> str:
    """Return a field's difference in one line."""
    return f"{item.path}: {_short(item.live)} → {_short(item.wanted)}"


def confirmed(question: str, *, yes: bool) -> None:
    """Ask, unless `--yes` was given; raises click.Abort for no, click.UsageError where nobody can answer."""
    require_answer(question, yes=yes)
    if not yes:
        click.confirm(printable(question), abort=True, err=True)


def require_answer(question: str, *, yes: bool) -> None:
    """Raise click.UsageError unless `--yes` was given or somebody is there to answer."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"{printable(question)} Nobody is there to answer: give --yes")


def agreed(question: str, *, yes: bool) -> bool:
    """Return whether the answer is yes; it is, with `--yes`. Raises click.UsageError where nobody can answer."""
    require_answer(question, yes=yes)
    return yes or click.confirm(printable(question), err=True)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def _coloured(text: str, colour: str | None) -> str:
    """Return the text in a colour, where there may be one: click asks neither of these variables (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, fg=colour)


def _marked(mark: str, colour: str, text: str) -> None:
    first, *others = printable_lines(text)
    click.echo(_coloured(mark, colour) + first, err=True)
    for shown in others:
        click.echo(shown, err=True)
