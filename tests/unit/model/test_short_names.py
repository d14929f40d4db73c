"""Where images without a registry come from, as registries.conf and its drop-in files say."""

from __future__ import annotations

import pytest

from migrator.model.short_names import ShortNames, read_short_names, short_name

ONE = 'unqualified-search-registries = ["docker.io"]\n'
TWO = 'unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]\n'
OLD = "[registries.search]\nregistries = ['docker.io']\n[registries.insecure]\nregistries = []\n"
ALIASES = '[aliases]\n  "alpine" = "docker.io/library/alpine"\n'
MIRROR = '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "10.0.0.9:5000"\n'


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx:1.25", "nginx"),
        ("bitnami/redis@sha256:00", "bitnami/redis"),
        ("bitnami/redis:7@sha256:00", "bitnami/redis"),
        ("docker.io/library/nginx", ""),
        ("10.0.0.9:5000/nginx", ""),
        ("localhost/nginx", ""),
        ("", ""),
    ],
)
def test_a_name_without_a_registry_is_told_by_its_first_part(image: str, name: str) -> None:
    """A registry has a dot or a port in its name, or is localhost."""
    assert short_name(image) == name


@pytest.mark.parametrize(
    ("files", "mode", "minors"),
    [
        ([ONE], "", (True, True, True)),
        ([TWO], "", (True, False, False)),
        ([TWO], 'short_name_mode = "disabled"', (True, True, True)),
        ([TWO, ONE], "", (True, True, True)),
        ([ONE, MIRROR], "", (True, True, True)),
        ([OLD], "", (True, True, False)),
        ([OLD, ONE], "", (True, True, True)),
        ([MIRROR], "", (False, False, False)),
        ([TWO, ALIASES.replace("alpine", "nginx")], "", (True, True, True)),
        ([TWO, ALIASES], "", (True, False, False)),
        ([], "", (True, True, True)),
        (["unqualified-search-registries = docker.io"], "", (True, True, True)),
        (['unqualified-search-registries = "docker.io"\nregistries = 7\naliases = []'], "", (False, False, False)),
    ],
    ids=[
        *("one", "two", "the first is taken", "the last file counts", "a mirror beside", "version 1", "version 1 and 2", "none"),
        *("an alias", "an alias of another", "no file", "no TOML", "other types"),
    ],
)
def test_whether_a_name_is_found_depends_on_the_minor_of_cri_o(files: list[str], mode: str, minors: tuple[bool, ...]) -> None:
    """1.34 refuses a name that several registries could have, 1.35 reads no version 1 of the file."""
    found = read_short_names(files, mode)
    assert tuple(found.resolves("nginx:1.25", minor) for minor in (33, 34, 35)) == minors
    assert found.resolves("quay.io/nginx:1.25", 35)


def test_nothing_is_known_of_a_host_without_files() -> None:
    """The package of CRI-O brings one; what a person has elsewhere is not read."""
    assert read_short_names([], "") == ShortNames()
