"""Build programs from published Go modules, all of one module graph in one run of the compiler."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.packages.place import BuildPlace
from migrator.packages.supervise import supervise
from migrator.testbed.artefacts import only_one
from migrator.testbed.versions import Build, Program

WORK = Path("/var/tmp/migrator-packages")  # noqa: S108 - a build user must reach it, and no home folder is open to all
"""The work folder of `migrator packages build`, whose caches of Go serve both."""
SOURCES = Path(__file__).with_name("sources")
# All of Kubernetes on a busy board.
_BUILD_SECONDS = 4 * 3600.0
FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=-s -w")
"""As in the recipes of the packages, or the compiler would keep nothing of one for the other."""


def workshop() -> BuildPlace:
    """Return where builds run: for root as a user without privileges, who builds packages too."""
    return BuildPlace(WORK, "nobody" if os.geteuid() == 0 else "", jobs=os.cpu_count() or 1)


def compile_programs(build: Build, names: Sequence[str], into: Path, *, architecture: str, say: Callable[[str], None]) -> None:
    """Build some programs of a build, each into a folder of its name; raises MigratorError without Go.

    `architecture` is Go's name of it.
    """
    if not shutil.which("go"):
        raise MigratorError("Go is needed to build the testbed", hint="install Go, or allow downloads (--source download)")
    shop = workshop()
    (shop.work if shop.user else into).mkdir(mode=0o755, exist_ok=True)
    folder = (shop.work if shop.user else into) / f"build-{build.name}-{architecture}"
    with only_one(folder, say):
        _remove(folder)
        folder.mkdir()
        try:
            _Compiler(build, shop, folder, architecture, say).run(names, into)
        finally:
            _remove(folder)


@dataclass(slots=True, frozen=True)
class _Compiler:
    build: Build
    shop: BuildPlace
    folder: Path
    architecture: str
    say: Callable[[str], None]

    def run(self, names: Sequence[str], into: Path) -> None:
        programs = {name: self.build.programs[name] for name in names}
        source, made = self._source(programs), self.folder / "out"
        packages = [program.package for program in programs.values()]
        expected = len(self._go("list", "-deps", *packages, where=source).splitlines())
        flags = [f"-ldflags={program.package}={_linker(program)}" for program in programs.values() if program.stamps]
        supervise(
            self.shop.command(["go", "build", "-v", *FLAGS, *flags, "-o", f"{made}/", *packages], self.folder),
            folder=source,
            environment=os.environ | self._environment(),
            log=into / "log",
            say=self.say,
            expected=expected,
        )
        for name, program in programs.items():
            (into / name).mkdir()
            # A copy belongs to whoever runs this, and not to the build user.
            shutil.copyfile(made / _made_as(program.package), into / name / name)
            for file in program.beside:
                shutil.copy(self._module(program.module) / file, into / name)

    def _source(self, programs: dict[str, Program]) -> Path:
        """Return the folder of the main module."""
        source = self.folder / "source"
        if self.build.tree:
            run(["cp", "-r", self._module(self.build.tree), source])
            run(["chmod", "-R", "u+w", source])
            _take_published_staging(source / "go.mod", self.build.modules[self.build.tree])
            return source
        source.mkdir()
        required = "".join(f"require {module} v{version}\n" for module, version in self.build.modules.items())
        go = self._go("env", "GOVERSION").strip().removeprefix("go").split()[0]
        (source / "go.mod").write_text(f"module build/{self.build.name}\ngo {go}\n{required}")
        for program in programs.values():
            if program.package.startswith("."):
                self._main(source / program.package, program)
        return source

    def _main(self, folder: Path, program: Program) -> None:
        """Write a main of our own, with the files that it embeds."""
        folder.mkdir()
        shutil.copy(SOURCES / f"{folder.name}.go", folder / "main.go")
        for file in program.embedded:
            content = json.loads((self._module(program.module) / file).read_text())
            if Path(file).name == "schema.json":
                content["version"] = program.version
            (folder / Path(file).name).write_text(json.dumps(content))

    def _module(self, module: str) -> Path:
        """Return the folder of a published module, after it was compared with the checksum database."""
        return Path(json.loads(self._go("mod", "download", "-json", f"{module}@v{self.build.modules[module]}"))["Dir"])

    def _go(self, *words: str, where: Path | None = None) -> str:
        command = self.shop.command(["go", *words], self.folder)
        return run(command, folder=where or self.folder, environment=self._environment(), timeout=_BUILD_SECONDS)

    def _environment(self) -> dict[str, str]:
        go = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=mod", "GOWORK": "off", "GOARCH": self.architecture, "GOARM": "7"}
        return {**go, "HOME": str(self.folder), **self.shop.environment} if self.shop.user else go


def _take_published_staging(file: Path, version: str) -> None:
    """Kubernetes replaces its staging modules by folders of its own tree, which are published as modules of v0.x."""
    published = rf"\1 \2 v0.{version.removeprefix('1.')}"
    file.write_text(re.sub(r"^(\s*\S+ =>) \./staging/src/(\S+)", published, file.read_text(), flags=re.MULTILINE))


def _linker(program: Program) -> str:
    return " ".join(("-s", "-w", *(f"-X {stamp}" for stamp in program.stamps)))


def _made_as(package: str) -> str:
    """Return what Go calls the program of a package: its last word that is not a major version."""
    return next(word for word in reversed(package.split("/")) if not re.fullmatch(r"v\d+", word))


def _remove(folder: Path) -> None:
    if folder.exists():
        run(["chmod", "-R", "u+w", folder])
        shutil.rmtree(folder)
