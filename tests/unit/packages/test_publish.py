"""A repository of packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import BlockedError
from migrator.packages.publish import publish, send


def test_nothing_to_publish_is_refused(tmp_path: Path) -> None:
    """No empty repository is made."""
    with pytest.raises(BlockedError, match="no packages to publish"):
        publish([], tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_a_target_without_a_folder_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """The message shows one that has it."""
    with pytest.raises(BlockedError, match="user@host:/srv/packages"):
        send(tmp_path, "user@host")
