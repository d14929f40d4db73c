"""What only a host itself reaches is told by address and by name."""

from __future__ import annotations

import pytest

from migrator.model.address import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "[::1]", "::1%lo", "localhost", "api.localhost"])
def test_loopback(host: str) -> None:
    """All of 127.0.0.0/8, and names that resolve to it everywhere."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.0.0.1", "fd00::1", "[::]", "127.example.com", "localhost.example.com"])  # noqa: S104
def test_not_loopback(host: str) -> None:
    """Nor is a name that only begins like one."""
    assert not is_loopback(host)
