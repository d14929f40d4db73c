"""Where a migration stands is asked through real adapters, and a cluster's only when it is asked."""

from __future__ import annotations

import subprocess
import sys


def test_a_cluster_that_is_not_asked_costs_no_import() -> None:
    """`status` of a migration without anything on one side answers from the journal."""
    program = "import sys, migrator.wiring.standing\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith(("migrator.kube", "kubernetes", "migrator.wiring.migration"))] == []
