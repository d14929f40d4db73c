"""Ask several things at once, where each answer takes a round trip."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def side_by_side(*calls: Callable[[], T]) -> list[T]:
    """Return what each call returns, in their order; raises what the first of them that failed has raised."""
    with ThreadPoolExecutor(max(1, len(calls))) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
