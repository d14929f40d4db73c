"""How old a process is, is counted from its start, not from our first line."""

from __future__ import annotations

import subprocess
import sys
import time

from migrator.adapters.clock import process_age


def test_the_age_includes_the_start_of_python() -> None:
    """It lies between what the child can measure itself and what its parent does."""
    program = "import time; began = time.monotonic(); from migrator.adapters.clock import process_age; "
    began = time.monotonic()
    text = subprocess.check_output([sys.executable, "-c", program + "print(time.monotonic() - began, process_age())"], text=True)
    whole = time.monotonic() - began
    inside, age = map(float, text.split())
    assert inside <= age + 0.01
    assert age <= whole + 0.01


def test_the_age_grows() -> None:
    """Never backwards."""
    assert 0 < process_age() <= process_age()
