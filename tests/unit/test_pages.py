"""What pages and messages tell a person to type exists, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from migrator.cli.main import group

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")])
_COMMAND = re.compile(r"`(?:sudo )?(migrator [^`]+)`|^(?:\$ )?(?:sudo )?(migrator .+)$", re.MULTILINE)
_SHELL = re.compile(r"\s*(?:[|#;>&]| → ).*", re.DOTALL)
_MAKE = re.compile(r"`make ([a-z0-9-]+)|^\$ make ([a-z0-9-]+)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


@cache
def _group(words: tuple[str, ...]) -> click.Command | None:
    command: click.Command | None = group
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    return command


def mistakes(typed: str) -> Iterator[str]:
    """Yield what is wrong with a command line that begins with `migrator`."""
    try:
        words = shlex.split(_SHELL.sub("", typed))[1:]
    except ValueError:
        words = []
    verb: tuple[str, ...] = ()
    while words and not words[0].startswith("-") and isinstance(_group(verb), click.Group):
        if not re.fullmatch("[a-z-]+", words[0]):
            return  # a place holder
        verb = (*verb, words.pop(0))
        if _group(verb) is None:
            yield f"there is no `migrator {' '.join(verb)}`"
            return
    command = _group(verb)
    assert command is not None
    options = {name for item in command.params for name in (*item.opts, *item.secondary_opts)} | {"--help", "-h"}
    for word in words:
        if word.startswith("-") and word.partition("=")[0] not in options:
            yield f"`migrator {' '.join(verb)}` has no {word}"


def commands(text: str) -> Iterator[str]:
    """Yield the command lines of the tool in a text."""
    for found in _COMMAND.finditer(text):
        yield found[1] or found[2]


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_links_of_a_page_are_true(page: Path) -> None:
    """Verbs and options exist, targets of make exist, links and their headings exist."""
    text = page.read_text()
    wrong = [problem for typed in commands(text) for problem in mistakes(typed)]
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong += [f"no target {name}" for pair in _MAKE.findall(text) for name in pair if name and name not in targets]
    for path, anchor in _LINK.findall(text):
        if not path.startswith(("http:", "https:", "mailto:")):
            aim = (page.parent / path).resolve() if path else page
            if not aim.exists():
                wrong.append(f"no file {path}")
            elif anchor and anchor not in _anchors(aim):
                wrong.append(f"no heading {path}#{anchor}")
    assert wrong == []


def test_commands_in_messages_and_help_are_true() -> None:
    """A hint names a verb and options that there are."""
    wrong = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in sorted((ROOT / "migrator").rglob("*.py"))
        for typed in commands(path.read_text())
        for problem in mistakes(typed)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "typed", ["migrator cutt", "migrator plan --al", "migrator upgrade run --too 1.2.3", "migrator data fetch"]
)
def test_a_wrong_command_is_seen(typed: str) -> None:
    """A verb or an option that there is not is a mistake of the page."""
    assert list(mistakes(typed))
