"""What the testbed keeps is named after its content, and made by one process at a time."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

from migrator.testbed.artefacts import fingerprint, only_one, without_comments
from migrator.testbed.machines.rootfs import base_recipe

SCRIPT = "#!/bin/sh\n# why\n\nrun this # and this\n  # indented\n"


def test_a_fingerprint_follows_what_a_script_does_and_not_its_comments() -> None:
    """Other words in a comment keep the name, another command changes it; the interpreter's line is not a comment."""
    assert without_comments(SCRIPT) == "#!/bin/sh\nrun this # and this"
    assert fingerprint(without_comments(SCRIPT)) == fingerprint(without_comments(SCRIPT.replace("why", "reason")))
    assert fingerprint(without_comments(SCRIPT)) != fingerprint(without_comments(SCRIPT.replace("run", "walk")))


def test_a_root_file_system_is_named_after_packages_files_and_commands() -> None:
    """Each of them alone gives another name; words of a comment in a file do not."""
    recipe = base_recipe()
    (path, text, mode), *others = recipe.files
    changed = [
        dataclasses.replace(recipe, packages=recipe.packages[1:]),
        dataclasses.replace(recipe, commands=recipe.commands[1:]),
        dataclasses.replace(recipe, files=((path, f"{text}false\n", mode), *others)),
        dataclasses.replace(recipe, architecture="arm64"),
    ]
    assert len({recipe.fingerprint, *(item.fingerprint for item in changed)}) == 5
    commented = dataclasses.replace(recipe, files=((path, f"{text}# other words\n", mode), *others))
    assert commented.fingerprint == recipe.fingerprint
    assert base_recipe("amd64").fingerprint != recipe.fingerprint


def test_the_second_one_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    """While an artefact is being made, another one who wants it is told, and gets its turn afterwards."""
    told = threading.Event()
    order: list[str] = []

    def say(text: str) -> None:
        order.append(text)
        told.set()

    def second() -> None:
        with only_one(tmp_path / "etcd", say):
            order.append("second")

    waiting = threading.Thread(target=second)
    with only_one(tmp_path / "etcd", order.append):
        waiting.start()
        assert told.wait(30)
        order.append("first")
    waiting.join(30)
    assert order == ["waiting for etcd: another process is making it", "first", "second"]


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    """Whoever is killed while it makes something does not keep others from making it."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from migrator.testbed.artefacts import only_one\n"
        "with only_one(pathlib.Path(sys.argv[1]), print):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "etcd")], check=False)
    assert done.returncode == -9
    said: list[str] = []
    with only_one(tmp_path / "etcd", said.append):
        assert said == []
