"""From what is typed to values of the model, or to an error that says what to type."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import click
import pytest

from migrator.cli.options import takes
from migrator.cli.upgrade import plan, resume, run
from migrator.cli.upgrade.options import Drain, Target
from migrator.cli.upgrade.where import Where
from migrator.errors import ConfigError
from migrator.model.upgrade import NO_SOAK, DrainRules, Pause, RunOptions, Soak, Workers
from migrator.model.verdict import CheckName
from migrator.model.version import parse_version
from migrator.upgrade.plan import PlanOptions

RULES = DrainRules()
Options = TypeVar("Options")


def typed(kind: type[Options], *arguments: str) -> Options:
    """Return the options that a command line makes."""
    seen: list[Options] = []

    @click.command("verb")
    @takes(kind)
    def verb(options: Options) -> None:
        seen.append(options)

    verb.main(list(arguments), standalone_mode=False)
    return seen[0]


def test_a_plan_s_options_become_values() -> None:
    """Version, workers, packages and checks are those that were typed."""
    made = typed(
        plan.Options,
        *("--to", "1.37.2", "--workers", "last", "--package", "cri-o=1.37.0", "--package", "crictl=1.37.1"),
        *("--ignore", CheckName.ETCD, "--drain-timeout", "1h30m", "--force", "--patches", "folder"),
    )
    drain = made.drain.rules()
    assert drain == DrainRules(force=True, timeout=5400.0)
    assert made.patches == "folder"
    assert made.target.options(drain, with_kubeadm_output=True) == PlanOptions(
        target=parse_version("1.37.2"),
        workers=Workers.LAST,
        drain=drain,
        ignored=(CheckName.ETCD,),
        packages={"cri-o": "1.37.0", "crictl": "1.37.1"},
        with_kubeadm_output=True,
    )


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], RunOptions()),
        (
            ["--pause", "each-node", "--limit", "w1", "--limit", "w2", "--parallel", "3", "--delete-emptydir-data"],
            RunOptions(Pause.EACH_NODE, frozenset({"w1", "w2"}), 3, DrainRules(delete_emptydir_data=True)),
        ),
    ],
)
def test_run_and_resume_proceed_in_the_same_way(arguments: list[str], wanted: RunOptions) -> None:
    """They share these options; without any, the defaults are the model's."""
    assert typed(resume.Options, *arguments).execution.options() == wanted
    assert typed(run.Options, "--to", "1.37.2", *arguments).execution.options() == wanted


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--to", "latest"], "--to: 'latest'"),
        (["--to", "1.37.2", "--package", "docker=1"], "--package docker=1: write cri-o=1.37.0"),
        (["--to", "1.37.2", "--package", "cri-o"], "--package cri-o: "),
        (["--to", "1.37.2", "--ignore", "luck"], "--ignore luck: no such check; there are "),
        (["--to", "1.37.2", "--soak", "10"], "--soak: "),
        (["--to", "1.37.2", "--soak", "1h", "--hold"], "--soak, --hold and --one-step exclude each other"),
        (["--to", "1.37.2", "--hold", "--one-step"], "--soak, --hold and --one-step exclude each other"),
    ],
)
def test_a_mistyped_target_is_refused_with_what_there_is(arguments: list[str], why: str) -> None:
    """The error names the option and its text."""
    target = typed(Target, *arguments)
    with pytest.raises(ConfigError) as caught:
        target.options(RULES)
    assert why in caught.value.message


@pytest.mark.parametrize(
    ("arguments", "soak", "one_step"),
    [
        ([], NO_SOAK, False),
        (["--soak", "2h"], Soak(7200.0), False),
        (["--hold"], Soak(hold=True), False),
        (["--one-step"], NO_SOAK, True),
    ],
)
def test_how_long_the_old_minor_is_emulated(arguments: list[str], soak: Soak, one_step: bool) -> None:  # noqa: FBT001
    """Not at all for longer than it takes, for a while, until a person says so, or never."""
    made = typed(Target, "--to", "1.37.2", *arguments).options(RULES)
    assert (made.soak, made.one_step) == (soak, one_step)


@pytest.mark.parametrize("text", ["", "10", "soon", "-1s"])
def test_a_timeout_needs_its_unit(text: str) -> None:
    """A bare number could be seconds or minutes."""
    with pytest.raises(ConfigError, match="--drain-timeout"):
        typed(Drain, "--drain-timeout", text).rules()


def test_one_stack_needs_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two of them, the error lists both; a file wins over a name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no stacks"):
        _ = Where().path
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.blue.yaml").touch()
    assert (Where().path, Where().name) == (Path("stacks/Pulumi.blue.yaml"), "blue")
    assert Where().inputs.journal == Path(".migrator/upgrade-blue/journal.jsonl")
    (tmp_path / "stacks" / "Pulumi.green.yaml").touch()
    with pytest.raises(ConfigError, match="there are stacks blue, green"):
        _ = Where().path
    assert Where(stack="green").path == Path("stacks/Pulumi.green.yaml")
    assert Where(stack="green", file=Path("x.yaml"), state_dir=Path("s")).inputs.journal == Path("s/journal.jsonl")
