"""What was ordered is built only where there is room, and what that does to the machine is said before."""

from __future__ import annotations

import pytest

from migrator.errors import BlockedError
from migrator.packages.host import Preparation
from migrator.packages.ordered import require_room


def test_a_machine_without_room_is_refused() -> None:
    """With what is missing."""
    require_room(Preparation(0, 0, 4, (), (), ""))
    with pytest.raises(BlockedError, match="a build will not work here: no disk"):
        require_room(Preparation(0, 0, 4, (), (), "no disk"))
