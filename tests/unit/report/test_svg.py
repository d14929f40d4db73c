"""Plots without scripts."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from migrator.report.svg import Mark, Series, plot


def paths(text: str) -> list[str]:
    """Return the lines of a plot; the plot must be well-formed XML."""
    return [item.attrib["d"] for item in ET.fromstring(text).iter("path")]  # noqa: S314 - made by the code under test


def test_points_are_placed_from_left_to_right_and_up() -> None:
    """The highest value is the highest point; both corners lie inside of the picture."""
    (line,) = paths(plot("t", "ms", [Series("green", "green", [(0, 0), (10, 100)])]))
    (x1, y1), (x2, y2) = (map(float, part.split(",")) for part in line.removeprefix("M").split("L"))
    assert 0 <= x1 < x2 <= 760
    assert 0 <= y2 < y1 <= 220


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


def inside(text: str) -> list[str]:
    """Return the labels of a plot; none of them, and no line, reaches beyond the picture, as wide as letters may be."""
    picture = ET.fromstring(text)  # noqa: S314 - made by the code under test
    labels = []
    for item in picture.iter("text"):
        words, x = item.text or "", float(item.attrib["x"])
        width = len(words) * 6.6
        before = {"end": width, "middle": width / 2}.get(item.attrib.get("text-anchor", ""), 0.0)
        assert x - before >= -0.1, words
        assert x - before + width <= 760.1, words
        assert 8 <= float(item.attrib["y"]) <= 216, words
        labels.append(words)
    for number in re.findall(r'[xy][12]?="([-0-9.]+)"', text):
        assert -0.1 <= float(number) <= 760
    return labels


@pytest.mark.parametrize("highest", [0.0, 0.004, 0.7, 1.0, 7.0, 100.0, 123456.0, 9.9e9])
@pytest.mark.parametrize("seconds", [0.0, 0.5, 3.0, 59.0, 3599.0, 80000.0, 4e6])
def test_no_label_is_cut_off(highest: float, seconds: float) -> None:
    """Whatever values and times there are; the highest value is not above the highest label."""
    begins = 1_795_979_947.25
    text = plot("t", "ms", [Series("green", "green", [(begins, 0), (begins + seconds, highest)])], marks=[Mark(begins, "rollback")])
    labels = [label for label in inside(text) if re.fullmatch(r"[0-9.e+-]+", label)]
    assert max(map(float, labels)) >= highest
    assert min(map(float, labels)) == 0
    assert 2 <= len(labels) <= 7


def test_times_are_those_of_the_clock() -> None:
    """In UTC, round, and in one form."""
    series = [Series("green", "green", [(86400 * 365, 1), (86400 * 365 + 47, 1)])]
    assert {label for label in inside(plot("t", "%", series)) if ":" in label} == {
        f"00:00:{second:02d}" for second in (0, 10, 20, 30, 40)
    }


def test_events_are_marked_and_their_words_do_not_meet() -> None:
    """Each has its line and title; where there is no room, no words."""
    marks = [Mark(10.0 + number / 10, f"gate {number}", "red") for number in range(9)]
    text = plot("t", "%", [Series("green", "green", [(0, 1), (100, 1)])], marks=marks)
    assert text.count('<line class="mark red"') == text.count("<title>") == 9
    words = [item for item in ET.fromstring(text).iter("text") if "mark" in item.attrib.get("class", "")]  # noqa: S314 - ours
    assert [item.text for item in words] == ["gate 0", "gate 1"]
    assert len({item.attrib["y"] for item in words}) == 2


def test_an_axis_is_as_long_as_it_is_told() -> None:
    """Plots below each other have the same times at the same place."""
    series = [Series("green", "green", [(0, 1), (50, 1)])]
    assert paths(plot("t", "%", series, ends=100)) != paths(plot("t", "%", series))
