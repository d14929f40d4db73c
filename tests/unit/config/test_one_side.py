"""What a person says runs on one side only."""

from __future__ import annotations

import pytest

from migrator.errors import ConfigError
from tests.support.contexts import configured


@pytest.mark.parametrize(
    "text",
    [
        "{name: a, target: {name: a}, hold: field}",
        "{name: a, target: {name: a}, field: /spec/x}",
        "{name: a, target: {name: a}, hold: field, field: spec.x}",
    ],
)
def test_a_field_belongs_to_its_way(text: str) -> None:
    """It is a JSON pointer below spec, annotations or labels."""
    with pytest.raises(ConfigError, match="field"):
        configured(f"cutover: {{oneSide: [{text}]}}")
