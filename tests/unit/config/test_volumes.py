"""`volumes:` in migration.yaml."""

from __future__ import annotations

import pytest

from migrator.config.load import parse_migration
from migrator.errors import ConfigError


def volumes(text: str) -> str:
    """Return a migration with this about volumes."""
    return f"name: m\nblue: {{}}\ngreen: {{}}\nvolumes: {text}\n"


@pytest.mark.parametrize(("written", "kibibytes"), [("20M", 20480), ("500K", 500), ("1G", 1 << 20), ("0", 0)])
def test_a_rate_is_written_with_its_unit(written: str, kibibytes: int) -> None:
    """In bytes a second; rsync is told KiB."""
    config = parse_migration(volumes(f"{{claims: [{{claims: [shop/a], bandwidth: {written}}}]}}"), "m.yaml")
    assert config.volumes.claims[0].bandwidth == kibibytes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{claims: [{claims: [a/b], bandwidth: 20}]}", "is not a rate; write it as 500K"),
        ("{claims: [{claims: []}]}", "claims"),
        ("{claims: [{claims: [a/b], way: clone}]}", "way"),
        ("{hosts: {blue: a}}", "hosts.green: is missing"),
        ("{paralel: 2}", "did you mean parallel"),
        ("{downtimeBudget: 60}", "is not a duration"),
    ],
)
def test_mistakes_are_told(text: str, words: str) -> None:
    """As in the rest of the file."""
    with pytest.raises(ConfigError, match=words):
        parse_migration(volumes(text), "m.yaml")
