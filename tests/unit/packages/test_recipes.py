"""What is built, from which source, with which checksum."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import BlockedError, ConfigError
from migrator.packages.recipes import RECIPES, Source, checksum, parse_orders, recipes_folder


def test_every_recipe_has_its_file() -> None:
    """The folder is that of the checkout here."""
    assert all((recipe.folder / "PKGBUILD").is_file() for recipe in RECIPES.values())
    assert recipes_folder().name == "packages"


def settings_in(recipe: str) -> Iterator[str]:
    """Yield the files of /etc that a PKGBUILD installs."""
    for line in re.findall(r"^ *install -D.*pkgdir/etc/.*$", recipe, re.MULTILINE):
        _, _, *words = (word.removeprefix("$pkgdir/") for word in shlex.split(line))
        if words[0] == "-t":
            yield from (f"{words[1]}/{Path(word).name}" for word in words[2:])
        else:
            yield words[-1]


@pytest.mark.parametrize("name", RECIPES)
def test_an_upgrade_keeps_what_a_person_wrote_into_each_file_of_etc(name: str) -> None:
    """Pacman writes over a changed file that is not in `backup` (PKGBUILD(5)); some are in it for what they were in older packages."""
    recipe = (RECIPES[name].folder / "PKGBUILD").read_text()
    kept = re.search(r"^backup=\((.*)\)$", recipe, re.MULTILINE)
    assert set(settings_in(recipe)) <= set(kept[1].split() if kept else ())


def test_an_order_names_the_file_that_it_makes() -> None:
    """A `v` before the version is not a part of it."""
    (order,) = parse_orders(["crictl=v1.36.0"], "aarch64", Source.MODULES)
    assert order.file == "crictl-1.36.0-1-aarch64.pkg.tar.zst"


def test_all_mistakes_of_an_order_are_named_at_once() -> None:
    """An unknown package, and a version that is missing or short."""
    with pytest.raises(ConfigError) as caught:
        parse_orders(["kubectl=1.2.3", "crictl", "crictl=1.36"], "aarch64", Source.MODULES)
    assert len(caught.value.issues) == 3


def test_a_source_without_a_checksum_is_refused_and_a_recorded_one_is_taken(tmp_path: Path) -> None:
    """A line that is not a checksum does not count; the message says how a new one is accepted."""
    (order,) = parse_orders(["crictl=9.9.9"], "aarch64", Source.RELEASE)
    own = tmp_path / "sums"
    own.write_text("release crictl 9.9.9 not-a-sum\n")
    with pytest.raises(BlockedError, match="no checksum is pinned") as caught:
        checksum(order, own, accept_new=False)
    assert "--accept-new-checksum" in caught.value.hint
    own.write_text(f"modules crictl 9.9.9 {'b' * 64}\nrelease crictl 9.9.9 {'a' * 64}\n")
    assert checksum(order, own, accept_new=False) == "a" * 64
