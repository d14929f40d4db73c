"""A real Pulumi engine for the tests: the installed one, or one built from the published Go modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError
from migrator.testbed.binaries import Store
from migrator.testbed.versions import MODULES, PULUMI_LANGUAGE

_DYNAMIC = """\
#!/bin/sh
# Runs the dynamic providers that are written in Python, as an official installation of Pulumi does.
exec "{python}" -u -m pulumi.dynamic "$@"
"""
_KUBERNETES = """\
#!/bin/sh
# Stands in for the pulumi-kubernetes plugin: speaks the provider protocol and applies to the real API server.
exec "{python}" -u -m migrator.testbed.pulumi.kubernetes_plugin "$@"
"""


@dataclass(slots=True, frozen=True)
class Engine:
    """Pulumi, with a state folder of its own."""

    project: Path
    environment: Mapping[str, str]
    stand_ins: tuple[str, ...]
    """Which plugins are not Pulumi's own."""

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
    """Return Pulumi for a project, its state in a folder; what is not installed is built or stood in for."""
    tools = state / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    stand_ins = []
    if not shutil.which("pulumi"):
        engine, language = store.pulumi()
        for program in (engine, language):
            # A copy: the language host looks for its launcher beside where it really lies.
            shutil.copy(program, tools / program.name)
        _script(tools / "pulumi-language-python-exec", _launcher(language).read_text())
        _script(tools / "pulumi-resource-pulumi-python", _DYNAMIC.format(python=sys.executable))
    if not _installed("kubernetes"):
        _script(tools / "pulumi-resource-kubernetes", _KUBERNETES.format(python=sys.executable))
        stand_ins.append("kubernetes")
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
    return Engine(project, environment, tuple(stand_ins))


def _launcher(language: Path) -> Path:
    """Return the script that starts a program: it lies in the language host's module, and is kept beside the host."""
    kept = language.with_name("pulumi-language-python-exec")
    if not kept.exists():
        module = MODULES["pulumi-language-python"].path
        found = json.loads(run(["go", "mod", "download", "-json", f"{module}@v{PULUMI_LANGUAGE}"]))
        shutil.copy(Path(found["Dir"]) / "python/cmd" / kept.name, kept)
    return kept


def _installed(plugin: str) -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return any((home / "plugins").glob(f"resource-{plugin}-v*/pulumi-resource-{plugin}"))


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
