"""What decides gets its time and its environment from outside, so that tests need neither to wait nor to set up a machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import source

PACKAGE = Path(__file__).parents[2] / "migrator"
TIMES = frozenset(
    {
        *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep"),
        *(
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.date.today",
            "datetime.now",
            "datetime.utcnow",
            "date.today",
        ),
    }
)
ENVIRONMENT = frozenset({"os.environ", "os.environb", "os.getenv", "os.putenv"})
ON_HOSTS = "volumes/agent/"
"""A program of its own on other hosts: it has no door but its own."""
EQUIPMENT = ("testbed/", "cli/testbed/")
"""The tests' own machines run in real time."""


def readings(text: str, names: frozenset[str]) -> list[int]:
    """Return the lines that read one of these names, whether by attribute or by import."""
    # A text that spells none of them, and imports from none of their modules, is worth no syntax tree.
    if not any(name in text or f"from {name.rpartition('.')[0]} import" in text for name in names):
        return []
    return sorted(node.lineno for node in ast.walk(source.parsed(text)) if _named(node) & names)  # type: ignore[attr-defined]


def _named(node: ast.AST) -> frozenset[str]:
    if isinstance(node, ast.Attribute):
        return frozenset({ast.unparse(node)})
    if isinstance(node, ast.ImportFrom):
        return frozenset(f"{node.module}.{item.name}" for item in node.names)
    return frozenset()


def found(names: frozenset[str], *, allowed: tuple[str, ...]) -> Iterator[str]:
    """Yield `file:line` of each use outside of what is allowed."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith((*allowed, *EQUIPMENT)):
            yield from (f"{name}:{line}" for line in readings(source.text_of(path), names))


def test_time_comes_from_the_clock_port() -> None:
    """Only the adapter behind the port asks the system for the time, or sleeps."""
    assert list(found(TIMES, allowed=("adapters/clock.py", ON_HOSTS))) == []


def test_the_environment_is_read_at_the_door() -> None:
    """The command line and adapters read it; packages are built with that of the machine."""
    assert list(found(ENVIRONMENT, allowed=("cli/", "__main__.py", "adapters/", "packages/", ON_HOSTS))) == []


@pytest.mark.parametrize("text", ["import time\ntime.sleep(1)", "import time\nwait = time.sleep", "\nfrom time import sleep"])
def test_a_use_of_time_is_seen_however_it_is_spelled(text: str) -> None:
    """A call, a reference and an import of the function are all found, with their line."""
    assert readings(text, TIMES) == [2]


def unlimited(text: str) -> list[int]:
    """Return the lines that run a program and wait for it without a limit."""
    if "subprocess" not in text:
        return []
    calls = [node for node in ast.walk(source.parsed(text)) if isinstance(node, ast.Call)]
    waits = ("subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output")
    return [
        call.lineno
        for call in calls
        if ast.unparse(call.func) in waits and not any(keyword.arg == "timeout" for keyword in call.keywords)
    ]


def test_no_program_is_waited_for_without_a_limit() -> None:
    """Pulumi, gpg, ssh and plugins of credentials may hang (review of safety, finding 55); on hosts the unit has the limit."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.relative_to(PACKAGE).as_posix().startswith(ON_HOSTS)]
    names = [path.relative_to(PACKAGE).as_posix() for path in paths]
    hanging = [name for name, path in zip(names, paths, strict=True) if unlimited(source.text_of(path))]
    assert [name for name in hanging if not name.startswith(EQUIPMENT)] == []


def test_a_wait_without_a_limit_is_seen() -> None:
    """By its missing keyword, whatever else is given."""
    assert unlimited("import subprocess\nsubprocess.run(['x'], timeout=3)\nsubprocess.run(['x'], check=True)") == [3]
