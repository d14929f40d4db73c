"""The names of external-dns' registry, as its own tests have them (registry/mapper, 0.23)."""

from __future__ import annotations

import pytest

from migrator.traffic.external_dns import is_encrypted, registry_names


@pytest.mark.parametrize(
    ("kind", "affixes", "expected"),
    [
        ("A", {}, {"a-shop.example.com", "cname-shop.example.com", "shop.example.com"}),
        ("CNAME", {}, {"cname-shop.example.com"}),
        ("A", {"prefix": "Own."}, {"own.a-shop.example.com", "own.cname-shop.example.com", "own.shop.example.com"}),
        ("AAAA", {"suffix": "-txt"}, {"aaaa-shop-txt.example.com", "cname-shop-txt.example.com", "shop-txt.example.com"}),
        ("A", {"prefix": "%{record_type}-x-"}, {"a-x-shop.example.com", "cname-x-shop.example.com", "-x-shop.example.com"}),
    ],
    ids=["no affix", "a CNAME", "prefix", "suffix", "template"],
)
def test_names_of_the_registry(kind: str, affixes: dict[str, str], expected: set[str]) -> None:
    """Of all versions."""
    assert set(registry_names("shop.example.com", kind, "example.com", **affixes)) == expected


def test_a_name_of_several_labels_is_split_in_both_ways() -> None:
    """At the first dot, and at the zone."""
    found = registry_names("a.b.example.com", "A", "example.com", suffix="-txt")
    assert {"a-a-txt.b.example.com", "a-a.b-txt.example.com"} <= set(found)


def test_a_wildcard_may_have_another_name() -> None:
    """A TXT record of a wildcard would answer for all."""
    assert "a-any.example.com" in registry_names("*.example.com", "A", "example.com", wildcard="any")
    assert "a-*.example.com" in registry_names("*.example.com", "A", "example.com")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"pEpuXEQvYrP4X8d3QXxyZPcCGUpy3NCFKqFFpwdOLbOMcKlC9MmfxFj2bKPDcfiZzTnV86hYUEqlZO9GvLCk3zv1"', True),
        ("pEpuXEQvYrP4X8d3QXxyZPcCGUpy3NCFKqFFpwdOLbOMcKlC9MmfxFj2bKPDcfiZzTnV86hYUEqlZO9GvLCk3zv", False),
        ('"v=spf1 -all"', False),
        ('"google-site-verification=rXOxyZounnZasA8Z7oaD3c14JdjS9aKSWvsR1EbUSIQ"', False),
        ('"1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014"', False),
    ],
    ids=["a label", "no whole base64", "SPF", "Google's token", "a digest"],
)
def test_what_may_be_encrypted(text: str, expected: bool) -> None:  # noqa: FBT001 - a case
    """Other tokens are not taken for it."""
    assert is_encrypted(text) is expected


def test_the_zone_s_own_name_has_no_record_outside_of_the_zone() -> None:
    """A server is not authoritative for `a-example.com`; external-dns needs a prefix there, too."""
    assert registry_names("example.com", "A", "example.com") == ("example.com",)
    assert "a-ext.example.com" in registry_names("example.com", "A", "example.com", prefix="%{record_type}-ext.")
