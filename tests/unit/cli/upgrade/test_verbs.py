"""The group of verbs of an upgrade."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import click
import pytest

from migrator.cli.boundary import guarded
from migrator.cli.main import group
from migrator.cli.upgrade.verbs import command

VERBS = command.list_commands(click.Context(command))


def run(*arguments: str) -> tuple[int, str, str]:
    """Run `migrator upgrade`; return exit code and both streams."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guarded(lambda: group.main(["upgrade", *arguments], standalone_mode=False, prog_name="migrator"))
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    """Each explains itself, and tells how to name a cluster."""
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"Usage: migrator upgrade {verb}" in out
    assert "--stack" in out


@pytest.mark.parametrize("arguments", [("upgrade", "--help"), ("upgrade", "run", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """It answers at once: no client library, no schema, no rich, and no verb that was not asked for."""
    heavy = ("kubernetes", "pydantic", "rich", "yaml", "migrator.upgrade", "migrator.cli.upgrade.rollback")
    program = (
        f"import sys; sys.argv={['migrator', *arguments]!r}\nfrom migrator.cli.main import main\n"
        f"try: main()\nexcept SystemExit: pass\nprint(sorted(set({heavy!r}) & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_mistyped_verb_gets_a_suggestion() -> None:
    """As with the verbs of a migration."""
    code, _, err = run("rezume")
    assert (code, "no verb 'rezume', did you mean resume?" in err) == (2, True)


def test_an_unknown_version_is_refused_before_anything_is_opened() -> None:
    """No stack's file is there; what was typed wrong comes first."""
    code, _, err = run("run", "--to", "latest", "--stack", "no-such")
    assert code == 2
    assert err.startswith("migrator: --to: ")
