"""Versions."""

from __future__ import annotations

import pytest

from migrator.model.version import parse_version, version_in


@pytest.mark.parametrize("text", ["1.37.2", "v1.37.2", "v1.37.2+k3s1", " 1.37.2-rc.1 "])
def test_a_version_is_read_in_each_of_its_forms(text: str) -> None:
    """What follows the numbers does not count."""
    assert str(parse_version(text)) == "1.37.2"


def test_versions_compare_by_number() -> None:
    """Not by letter."""
    assert parse_version("1.10.0") > parse_version("1.9.9")
    assert parse_version("1.37.2").line == (1, 37)


@pytest.mark.parametrize("text", ["1.37", "latest", "", "1.37.2.4", "1.37.x"])
def test_what_is_no_version_is_refused_or_none(text: str) -> None:
    """The message says how one is written."""
    with pytest.raises(ValueError, match=r"write it as 1\.37\.2"):
        parse_version(text)
    assert version_in(text) is None
