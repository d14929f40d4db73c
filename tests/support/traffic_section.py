"""What migration.yaml says of a HAProxy of the testbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migrator.testbed.balancer import Balancer


def through(balancer: Balancer, socket: Path | None = None) -> dict[str, Any]:
    """Return the `haproxy:` of a migration; `socket`: another way to the same HAProxy, such as one that can be disturbed."""
    return {
        "socket": str(socket or balancer.socket),
        "backend": "shop",
        "blue": ["blue"],
        "green": ["green"],
        "stateFile": str(balancer.state_file),
    }
