"""The testbed's programs: from the cache, from official releases with their checksums, or built from Go modules."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrator.testbed.artefacts import fingerprint, only_one
from migrator.testbed.downloads import ChecksumError, DownloadError, download
from migrator.testbed.go_build import SOURCES, compile_programs
from migrator.testbed.versions import BUILDS, CONTROL_PLANE, DOWNLOADS, Build, Program, kubernetes

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm"}


@dataclass(slots=True)
class Store:
    """Programs by name, version and architecture, in one cache folder."""

    cache: Path
    say: Callable[[str], None]
    mirrors: Mapping[str, str] = field(default_factory=dict)
    source: str = "auto"
    """`download`, `build`, or `auto`: download, and build where that fails."""
    architecture: str = field(default_factory=lambda: _ARCHITECTURES.get(platform.machine(), platform.machine()))

    def kubernetes(self, version: str, names: Sequence[str] = CONTROL_PLANE) -> dict[str, Path]:
        """Return programs of a Kubernetes version; raises MigratorError when they can't be had."""
        return self._ensure(kubernetes(version), names)

    def programs(self, *names: str) -> dict[str, Path]:
        """Return programs of all that `versions.BUILDS` lists; those that one build makes are made together."""
        found: dict[str, Path] = {}
        for build in BUILDS:
            found |= self._ensure(build, [name for name in names if name in build.programs])
        return found

    def etcd(self) -> Path:
        """Return etcd."""
        return self.programs("etcd")["etcd"]

    def kwok(self) -> Path:
        """Return KWOK's controller."""
        return self.programs("kwok")["kwok"]

    def helm(self) -> Path:
        """Return Helm."""
        return self.programs("helm")["helm"]

    def place(self, name: str) -> Path:
        """Return where a program of `versions.BUILDS` lies, or will lie; another version or source of it lies elsewhere."""
        return next(self._place(build.programs[name], name) for build in BUILDS if name in build.programs)

    def _place(self, program: Program, name: str) -> Path:
        own = SOURCES / f"{program.package}.go" if program.package.startswith(".") else None
        version = f"{program.version}-{fingerprint(own.read_text())}" if own else program.version
        return self.cache / f"{program.family}-{version}-{self.architecture}" / name

    def _ensure(self, build: Build, names: Iterable[str]) -> dict[str, Path]:
        places = {name: self._place(build.programs[name], name) for name in names}
        if all(_complete(build.programs[name], place) for name, place in places.items()):
            return places
        with only_one(self.cache / f"{build.name}-{self.architecture}", self.say):
            missing = [name for name, place in places.items() if not _complete(build.programs[name], place)]
            partial = self.cache / f".partial-{build.name}-{self.architecture}"
            # What a killed run has left.
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                self._fetch(build, missing, partial)
                for name in missing:
                    _move(partial / name, places[name].parent)
            finally:
                shutil.rmtree(partial)
        return places

    def _fetch(self, build: Build, names: Sequence[str], into: Path) -> None:
        left = list(names)
        if self.source != "build":
            for family in dict.fromkeys(build.programs[name].family for name in names if build.programs[name].family in DOWNLOADS):
                wanted = [name for name in names if build.programs[name].family == family]
                if self._downloaded(family, build.programs[wanted[0]].version, wanted, into):
                    left = [name for name in left if name not in wanted]
        if left:
            what = ", ".join(f"{name} {build.programs[name].version}" for name in left)
            self.say(f"building {what} from Go modules (minutes, once)")
            compile_programs(build, left, into, architecture=self.architecture, say=self.say)

    def _downloaded(self, family: str, version: str, names: Sequence[str], into: Path) -> bool:
        """Download programs of one release; returns False where they are to be built instead."""
        self.say(f"downloading {', '.join(names)} {version}")
        base = self.mirrors.get(family, DOWNLOADS[family]).rstrip("/")
        for name in names:
            (into / name).mkdir()
        try:
            for name in names:
                download(family, version, [name], into / name, base=base, architecture=self.architecture)
        except DownloadError as error:
            if self.source == "download" or isinstance(error, ChecksumError):
                raise
            for name in names:
                shutil.rmtree(into / name)
            self.say(f"{error.message}; building from Go modules instead")
            return False
        return True


def _complete(program: Program, place: Path) -> bool:
    """Return whether a program is there, with the files that belong beside it."""
    return os.access(place, os.X_OK) and all((place.parent / Path(file).name).exists() for file in program.beside)


def _move(made: Path, folder: Path) -> None:
    """Move what was made into a program's folder; the program itself comes last, as it stands for all."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(made.iterdir(), key=lambda file: file.name == made.name):
        file.chmod(0o755)
        file.replace(folder / file.name)
