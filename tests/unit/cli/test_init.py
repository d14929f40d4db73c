"""`init`: where it looks for the contexts, and what it refuses before it asks a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from migrator.cli import init
from migrator.migration.propose import Proposal
from tests.support.command_line import run


def kubeconfig(file: Path, *names: str) -> Path:
    """Write a kubeconfig whose contexts have these names."""
    cluster, user = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}, {"name": "u", "user": {"token": "t"}}
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in names]
    file.write_text(yaml.safe_dump({"clusters": [cluster], "users": [user], "contexts": contexts, "current-context": names[0]}))
    return file


@pytest.fixture
def proposed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Return what `init` proposes a file from, instead of asking clusters."""
    asked: list[tuple[tuple[str, str], tuple[str, str]]] = []

    def propose(*_: object, blue_access: tuple[str, str], green_access: tuple[str, str], **__: object) -> Proposal:
        asked.append((blue_access, green_access))
        raise KeyboardInterrupt

    monkeypatch.setattr("migrator.migration.propose.propose", propose)
    return asked


def test_each_context_is_looked_for_in_all_files_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proposed: list[tuple[tuple[str, str], tuple[str, str]]]
) -> None:
    """As kubectl does; a file that is not there, and an empty part, are left out."""
    old, new = kubeconfig(tmp_path / "old", "old"), kubeconfig(tmp_path / "new", "new", "old")
    monkeypatch.setenv("KUBECONFIG", f":{tmp_path}/none:{old}:{new}")
    assert run("init", "--blue", "old", "--green", "new")[0] == 130
    assert proposed == [((str(old), "old"), (str(new), "new"))]
    code, _, err = run("init", "--blue", "old", "--green", "other")
    assert (code, err.splitlines()[0]) == (2, f"migrator: green: {new}: contexts have no 'other'")


def test_a_path_that_is_given_may_hold_a_colon(tmp_path: Path, proposed: list[tuple[tuple[str, str], tuple[str, str]]]) -> None:
    """Only the environment holds a list."""
    file = kubeconfig(tmp_path / "a:b", "old", "new")
    assert run("init", "--blue", "old", "--green", "new", "--kubeconfig", str(file))[0] == 130
    assert proposed == [((str(file), "old"), (str(file), "new"))]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--blue", "", "--green", "new"], "'--blue': names no context"),
        (["--blue", "old", "--green", ""], "'--green': names no context"),
        (["--blue", "old", "--green", "new", "--name", "Shop"], "'--name': 'Shop' is not a name"),
        (["--blue", "old", "--green", "new", "--name", "shop\n"], "'--name': 'shop\\n' is not a name"),
    ],
)
def test_what_no_file_could_hold_is_refused_at_once(arguments: list[str], words: str) -> None:
    """An empty context would be the current one of the file, whichever that is then."""
    code, _, err = run("init", *arguments)
    assert (code, words in err) == (2, True), err
    assert init.command.name == "init"
