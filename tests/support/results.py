"""Result files of benchmarks and tests that are run on demand: each adds its own figures and leaves the others'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tests.support.project import ROOT

_RESULTS = ROOT / "benchmarks/results"


def add_figures(name: str, figures: Mapping[str, Any]) -> None:
    """Write figures into a result file, in the place of those of the same names."""
    file = _RESULTS / name
    before = orjson.loads(file.read_bytes()) if file.exists() else {}
    file.write_bytes(orjson.dumps(before | dict(figures), option=orjson.OPT_INDENT_2) + b"\n")
