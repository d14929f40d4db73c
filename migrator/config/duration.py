"""Durations as people write them in files and options, and as Kubernetes prints them: 90s, 10m, 1h30m, 15m0s, 1.5h."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d+)?)(ms|h|m|s)"
PATTERN = rf"^({_PART})+$".replace("(?:", "(")
"""The format as a regular expression for JSON Schema: Go's time.ParseDuration, from milliseconds to hours."""

# Ten years: longer than any wait that is meant.
_LONGEST = 10 * 366 * 24 * 3600.0


def parse_duration(text: str) -> float:
    """Return a duration in seconds; raises ValueError for other text."""
    if not re.fullmatch(rf"(?:{_PART})+", text):
        raise ValueError(f"{text!r} is not a duration; write it with its unit, such as 30s, 5m, 24h or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than ten years")
    return seconds
