"""What a stack gives out is asked of Pulumi's own command; what that prints may be anything."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from migrator.adapters.stack_outputs import StackAccess, stack_access
from migrator.errors import BlockedError, ConfigError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project, beside a folder of programs that is the only one of PATH."""
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def says(folder: Path, text: str) -> None:
    """Let `pulumi` print a text."""
    file = folder / "pulumi"
    file.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(text)}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("kubeconfig", ['"kind: Config"', '{"kind": "Config", "flag": true}'])
def test_the_kubeconfig_is_text_also_where_a_component_gives_out_an_object(project: Path, kubeconfig: str) -> None:
    """As that of EKS does."""
    says(project, f'{{"kubeconfig": {kubeconfig}, "apiServer": "https://10.0.0.1:6443/"}}')
    text = kubeconfig if kubeconfig.startswith("{") else "kind: Config"
    assert stack_access("green", project) == StackAccess(text, "10.0.0.1:6443")


@pytest.mark.parametrize("text", ["", "null", "[]", "Logging in using access token\n{}", "{", "\x1b[31mno\x1b[0m"])
def test_what_is_no_answer_is_told(project: Path, text: str) -> None:
    """A plugin, or a wrapper of the command, has printed something: that is no bug of ours."""
    says(project, text)
    with pytest.raises(ConfigError, match="stack green: `pulumi stack output --json` printed something else") as caught:
        stack_access("green", project)
    assert "\x1b" not in caught.value.message


def test_outputs_that_follow_something_else_are_not_told(project: Path) -> None:
    """A wrapper has printed a line before them; they are asked for with their secrets."""
    says(project, 'Logging in\n{"adminToken": "s3cret"}')
    with pytest.raises(ConfigError, match="something else: Logging in") as caught:
        stack_access("green", project)
    assert "s3cret" not in caught.value.message


def test_what_is_missing_is_named(project: Path) -> None:
    """A stack that was not raised yet, one of another project, and a folder that is none."""
    says(project, "{}")
    with pytest.raises(BlockedError, match="has no kubeconfig yet"):
        stack_access("green", project)
    says(project, '{"kubeconfig": "x", "apiServer": "http://10.0.0.1"}')
    with pytest.raises(ConfigError, match="no output apiServer with an https:// address"):
        stack_access("green", project)
    with pytest.raises(ConfigError, match="has no Pulumi"):
        stack_access("green", project / "none")
