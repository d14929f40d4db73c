"""How builds of packages are shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.cli import render
from migrator.packages.host import BuildHost, Preparation


def show_plan(host: BuildHost, preparation: Preparation, seconds: Mapping[str, float], work: Path, output: str) -> None:
    """Print what a machine has, what a build does to it, and how long each package may take."""
    minutes = {name: round(value / 60, 1) for name, value in seconds.items()}
    if output == "json":
        render.result_json({"host": dataclasses.asdict(host), "preparation": dataclasses.asdict(preparation), "minutes": minutes})
        return
    swap = f"{host.swap} MiB of swap" if host.swap else "no swap"
    render.line(f"this machine: {len(host.cpus)} CPUs, {host.memory} MiB of memory, {swap}, {host.disk} MiB free in {work}")
    for text in preparation.steps:
        render.line(f"  - {text}")
    for text in preparation.reasons:
        render.line(f"  because {text}")
    guessed = ", ".join(f"{name} {value:g} min" for name, value in minutes.items())
    render.line(f"may take: {guessed} (measured here before, or on a server's cores: boards take several times as long)")


def show_built(made: Sequence[Path], output: str) -> None:
    """Print the packages that were built."""
    if output == "json":
        render.result_json({"packages": [str(file) for file in made]})
        return
    for file in made:
        render.line(str(file))


@dataclass(slots=True, frozen=True)
class Published:
    """A repository of packages that was made."""

    database: Path
    packages: tuple[Path, ...]
    copied: tuple[str, ...]
    """Where it was copied to."""
    key: str
    """Id of the key that signed it; empty: none did."""


def show_published(done: Published, output: str) -> None:
    """Print what a repository has, and what a stack's file needs to get packages from it."""
    if output == "json":
        names = [file.name for file in done.packages]
        render.result_json({"database": str(done.database), "packages": names, "copied": list(done.copied)})
        return
    render.line(f"{len(done.packages)} packages in {done.database}")
    repository = done.database.parent
    proof = f"packageKey: the file of `gpg --export {done.key}`" if done.key else "packageSums: of `sha256sum *.pkg.tar.zst`"
    render.line(f"in a stack's file: packageSource: the address of {repository}; {proof}")
