"""The group of verbs of an upgrade."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from migrator.cli.boundary import guarded
from migrator.cli.main import group
from migrator.cli.upgrade.verbs import command

ROOT = Path(__file__).parents[4]
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


@pytest.mark.parametrize("verb", ["resume", "finish", "abort", "rollback", "status", "report"])
def test_what_goes_on_with_an_upgrade_asks_no_host_where_none_was_begun(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder than that of the upgrade the journal is missed first, and none is made there."""
    monkeypatch.chdir(tmp_path)
    file = str(shutil.copy(ROOT / "stacks" / "Pulumi.green.yaml", tmp_path))
    code, _, err = run(verb, "--file", file)
    assert (code, err.splitlines()[0]) == (3, "migrator: .migrator/upgrade-green/journal.jsonl: no upgrade of green was begun here")
    assert not (tmp_path / ".migrator").exists()


def test_a_stack_that_is_not_there_has_a_hint_of_this_tool_s_options() -> None:
    """`pulumi stack select` would change nothing: the option names it."""
    code, _, err = run("status", "--stack", "no-such")
    assert (code, err.splitlines()[1]) == (
        2,
        "  → --stack NAME takes stacks/Pulumi.NAME.yaml below this folder, --file the path of such a file",
    )
