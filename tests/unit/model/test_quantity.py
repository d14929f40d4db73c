"""Quantities as numbers."""

from __future__ import annotations

import pytest

from migrator.model.quantity import amount


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("250m", 0.25), ("1.5Gi", 1.5 * 2**30), ("2k", 2000), ("1e3", 1000), ("128974848", 128974848), (4, 4), ("1E", 1e18)],
)
def test_a_quantity_is_a_number(text: object, number: float) -> None:
    """Decimal and binary suffixes; an exponent is none of them."""
    assert amount(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "much", "1Zi", "Gi"])
def test_what_is_no_quantity_is_an_error(text: str) -> None:
    """It is not taken for zero."""
    with pytest.raises(ValueError, match="could not convert"):
        amount(text)
