"""The stands of these tests."""

from __future__ import annotations

import pytest

from tests.support.one_side import Pair, Stand, new_pair, new_stand


@pytest.fixture
def stand() -> Stand:
    """Return a migration of a namespace with external-dns and a Service before it."""
    return new_stand()


@pytest.fixture
def pair() -> Pair:
    """Return a pair whose namespace `shop` is called `store` on green."""
    return new_pair()
