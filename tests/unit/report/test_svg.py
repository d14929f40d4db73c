"""Plots without scripts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from migrator.report.svg import Series, plot


def paths(text: str) -> list[str]:
    """Return the lines of a plot; the plot must be well-formed XML."""
    return [item.attrib["d"] for item in ET.fromstring(text).iter("path")]  # noqa: S314 - made by the code under test


def test_points_are_placed_from_left_to_right_and_up() -> None:
    """The highest value is the highest point; both corners lie inside of the picture."""
    (line,) = paths(plot("t", "ms", [Series("green", "green", [(0, 0), (10, 100)])]))
    (x1, y1), (x2, y2) = (map(float, part.split(",")) for part in line.removeprefix("M").split("L"))
    assert 0 <= x1 < x2 <= 760
    assert 0 <= y2 < y1 <= 200


def test_a_share_is_drawn_in_steps() -> None:
    """It holds until the next one is set."""
    (line,) = paths(plot("t", "%", [Series("green", "green", [(0, 5), (10, 25)], stepped=True)]))
    assert "H" in line
    assert "L" not in line


def test_without_points_there_is_no_plot_and_a_series_without_points_has_no_line() -> None:
    """One point is enough for a plot."""
    assert plot("t", "%", [Series("green", "green", [])]) == ""
    assert len(paths(plot("t", "%", [Series("green", "green", [(1, 1)]), Series("blue", "blue", [])]))) == 1


def test_names_are_text() -> None:
    """A name opens no element."""
    assert "<b>" not in plot("<b>", "<b>", [Series("<b>", "green", [(1, 1)])])
