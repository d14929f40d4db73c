"""The stand of the tests of verbs."""

from __future__ import annotations

import pytest

from tests.support.verb_stand import Stand, verb_stand


@pytest.fixture
def stand() -> Stand:
    """Return a new migration of a namespace with a ConfigMap and a CronJob."""
    return verb_stand()
