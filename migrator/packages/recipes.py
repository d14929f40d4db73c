"""The known packages, the sources that they are built from, and the checksums of these sources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import BlockedError, ConfigError

ARCHITECTURES: Mapping[str, str] = {"aarch64": "aarch64-linux-gnu", "armv7h": "arm-linux-gnueabihf", "x86_64": "x86_64-linux-gnu"}
"""Arch Linux's names of CPU architectures, and the compilers' names of them."""
# Hexadecimal SHA-256, or a hash of Go's go.sum (h1:, base64).
_SUM = re.compile(r"(?:[0-9a-f]{64}|h1:[A-Za-z0-9+/]{43}=)")


class Source(StrEnum):
    """Where sources come from."""

    RELEASE = "release"
    """The project's release archive; SHA-256."""
    MODULES = "modules"
    """The published Go module; the `h1:` sum of the checksum database."""


@dataclass(slots=True, frozen=True)
class Recipe:
    """A folder with a PKGBUILD."""

    name: str
    module: str

    @property
    def folder(self) -> Path:
        """Where its PKGBUILD lies."""
        return recipes_folder() / self.name


RECIPES: Mapping[str, Recipe] = {
    "kubernetes": Recipe("kubernetes", "k8s.io/kubernetes"),
    "cri-o": Recipe("cri-o", "github.com/cri-o/cri-o"),
    "crictl": Recipe("crictl", "sigs.k8s.io/cri-tools"),
    "cni-plugins": Recipe("cni-plugins", "github.com/containernetworking/plugins"),
}


@dataclass(slots=True, frozen=True)
class Order:
    """One package to build."""

    recipe: Recipe
    version: str
    architecture: str
    source: Source

    @property
    def file(self) -> str:
        """Name of the file that makepkg writes."""
        return f"{self.recipe.name}-{self.version}-1-{self.architecture}.pkg.tar.zst"


def recipes_folder() -> Path:
    """Return the folder of the PKGBUILDs: beside the Python package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "packages"


def parse_orders(texts: Iterable[str], architecture: str, source: Source) -> list[Order]:
    """Return the orders that `NAME=VERSION` texts describe; raises ConfigError with all mistakes."""
    orders, issues = [], []
    for text in texts:
        name, _, version = text.partition("=")
        version = version.removeprefix("v")
        if name not in RECIPES:
            issues.append(f"{text}: no package {name!r}; there are {', '.join(RECIPES)}")
        elif not re.fullmatch(r"\d+\.\d+\.\d+", version):
            issues.append(f"{text}: a version is missing, as in {name}=1.2.3")
        else:
            orders.append(Order(RECIPES[name], version, architecture, source))
    if issues:
        raise ConfigError(issues)
    return orders


def checksum(order: Order, own: Path, *, accept_new: bool) -> str:
    """Return the checksum of an order's source: pinned with the recipes, or recorded in the file `own`.

    With `accept_new` the checksum of an unknown version is downloaded once and recorded. Raises BlockedError without it.
    """
    key = (order.source.value, order.recipe.name, order.version)
    for file in (recipes_folder() / "checksums.txt", own):
        for line in file.read_text().splitlines() if file.exists() else ():
            words = line.split()
            if len(words) == 4 and tuple(words[:3]) == key and _SUM.fullmatch(words[3]):
                return words[3]
    if not accept_new:
        raise BlockedError(
            f"{order.recipe.name} {order.version}: no checksum is pinned for its {order.source.value} source",
            hint=f"find its sum by a way of your own and write `{' '.join(key)} SUM` into {own}; "
            "--accept-new-checksum trusts what the address serves now, whatever it is",
        )
    found = _ask(order)
    # Later builds of this version are held to it.
    with own.open("a") as record:
        record.write(f"{' '.join(key)} {found}\n")
    return found


def _ask(order: Order) -> str:
    if order.source is Source.MODULES:
        answer = run(["go", "mod", "download", "-json", f"{order.recipe.module}@v{order.version}"])
        return str(json.loads(answer)["Sum"])
    sums = run(
        [*("makepkg", "--geninteg", "--nodeps", "-p", order.recipe.folder / "PKGBUILD")],
        environment={"PACKAGE_VERSION": order.version, "SOURCE": order.source.value, "SOURCE_CHECKSUM": "SKIP"},
        folder=order.recipe.folder,
    )
    return str(re.findall(r"[0-9a-f]{64}", sums)[-1])
