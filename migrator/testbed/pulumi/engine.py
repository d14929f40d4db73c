"""A real Pulumi engine for the tests: the installed one, or one built from the published Go modules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.errors import CommandFailedError
from migrator.testbed.binaries import Store

# How a plugin's program is called, before its own name.
_RESOURCE = "pulumi-resource-"
_DYNAMIC = """\
#!/bin/sh
# Runs the dynamic providers that are written in Python, as an official installation of Pulumi does.
exec "{python}" -u -m pulumi.dynamic "$@"
"""


@dataclass(slots=True, frozen=True)
class Engine:
    """Pulumi, with a state folder of its own."""

    project: Path
    environment: Mapping[str, str]
    plugins: Mapping[str, Path]
    """The programs that its plugins are, by name."""

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Return which plugins are not Pulumi's own: those are compiled, and no scripts."""
        return tuple(name for name, program in self.plugins.items() if not program.read_bytes().startswith(b"\x7fELF"))

    def run(self, *words: str, show: Callable[[str], None] | None = None) -> str:
        """Run a command of Pulumi in the project; raises CommandFailedError with what it printed."""
        child = subprocess.Popen(
            ["pulumi", "--non-interactive", "--color=never", *words],
            cwd=self.project,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        for line in child.stdout or ():
            lines.append(line)
            if show:
                show(line.rstrip())
        if child.wait():
            raise CommandFailedError(f"pulumi {' '.join(words)}", child.returncode, "".join(lines))
        return "".join(lines)

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return a stack's outputs, secrets in clear."""
        return dict(json.loads(self.run("stack", "output", "--json", "--show-secrets", "--stack", stack)))


def make_engine(store: Store, project: Path, state: Path) -> Engine:
    """Return Pulumi for a project, its state in a folder; what is not installed is built."""
    tools = state / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    installed = _installed("kubernetes")
    pulumi = ("pulumi", "pulumi-language-python") if not shutil.which("pulumi") else ()
    built = store.programs(*pulumi, *(() if installed else (f"{_RESOURCE}kubernetes",)))
    for name, program in built.items():
        _link(tools / name, program)
    if pulumi:
        language = built["pulumi-language-python"]
        # A copy: the language host looks for its launcher beside where it really lies, and starts it with the tests' Python.
        for file in (language, language.with_name("pulumi-language-python-exec")):
            (tools / file.name).unlink(missing_ok=True)
            shutil.copy(file, tools)
        _script(tools / f"{_RESOURCE}pulumi-python", _DYNAMIC.format(python=sys.executable))
    # The engine's home is its own, so an installed plugin is not looked for where it lies.
    if installed:
        _link(tools / installed.name, installed)
    plugins = {"kubernetes": (tools / f"{_RESOURCE}kubernetes").resolve()}
    backend = state / "backend"
    backend.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_HOME": str(state / "home"),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "testbed",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_PYTHON_CMD": sys.executable,
    }
    return Engine(project, environment, plugins)


def _installed(plugin: str) -> Path | None:
    """Return a plugin of the person's Pulumi, the newest one."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    found = (home / "plugins").glob(f"resource-{plugin}-v*/{_RESOURCE}{plugin}")
    return max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path.parent.name)], default=None)


def _link(place: Path, program: Path) -> None:
    place.unlink(missing_ok=True)
    place.symlink_to(program)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
