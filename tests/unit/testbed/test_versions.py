"""What the testbed is made of fits together."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from migrator.packages.recipes import RECIPES
from migrator.testbed.go_build import FLAGS, SOURCES
from migrator.testbed.versions import BUILDS, GREEN, PULUMI_KUBERNETES, kubernetes


def test_each_program_is_made_by_one_build_and_has_its_source() -> None:
    """A name leads to one build; a main of our own is a file, a published one has a version of its module."""
    names = [name for build in BUILDS for name in build.programs]
    assert sorted(set(names)) == sorted(names)
    for build in (*BUILDS, kubernetes(GREEN)):
        for name, program in build.programs.items():
            own = (SOURCES / f"{program.package}.go").exists()
            assert own != any(program.package.startswith(module) for module in build.modules), name


def test_the_plugin_and_the_python_sdk_are_one_release() -> None:
    """Pulumi takes the plugin of its SDK's version; so do the tests."""
    assert version("pulumi-kubernetes") == PULUMI_KUBERNETES


@pytest.mark.parametrize("name", RECIPES)
def test_programs_and_packages_are_compiled_alike(name: str) -> None:
    """What is compiled for one is there for the other only when the compiler's flags are the same."""
    recipe = (RECIPES[name].folder / "PKGBUILD").read_text()
    (flags,) = [line for line in recipe.splitlines() if "GOFLAGS=" in line]
    (linker,) = [line for line in recipe.splitlines() if "-ldflags" in line]
    trimmed, compiler, link = FLAGS
    assert {trimmed, compiler} <= set(flags.partition('GOFLAGS="')[2].rstrip('"').split())
    assert link.removeprefix("-ldflags=") in linker
