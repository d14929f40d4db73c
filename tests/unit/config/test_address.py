"""The part of migration.yaml about an address on the nodes' network."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from migrator.config.address import AddressConfig


def host(name: str, **more: Any) -> dict[str, Any]:
    """Return a host."""
    return {"name": name, "ssh": {"address": f"{name}.example"}, **more}


def config(**more: Any) -> AddressConfig:
    """Return the configuration."""
    return AddressConfig.model_validate({"ip": "192.0.2.9", "blue": [host("b1")], "green": [host("g1")], **more})


def test_an_address_moves_as_a_whole() -> None:
    """And says so in its own name, in one spelling."""
    assert (config().places, config().levels) == (("address 192.0.2.9",), (0.0, 100.0))
    assert config(ip="2001:0db8::0009").places == ("address 2001:db8::9",)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"ip": "192.0.2.9/24"}, "192.0.2.9/24"),
        ({"ip": "shop.example.com"}, "does not appear to be an IPv4 or IPv6 address"),
        ({"green": [host("b1")]}, "two hosts are named b1"),
        ({"green": [host("g1", ssh={"address": "b1.example"})]}, "b1.example port 22, /etc/keepalived/migrator is named twice"),
        ({"green": []}, "at least 1 item"),
        ({"green": [host("g1", trackFile="migrator")]}, "'migrator' is not an absolute path"),
        ({"green": [host("g1", trackFile="/etc/a b")]}, "not an absolute path without spaces"),
        ({"green": [host("g1", trackFile="/etc/a\x1b[2J")]}, "not an absolute path without spaces"),
        ({"green": [host("g 1")]}, "should match pattern"),
    ],
)
def test_mistakes_are_told(more: dict[str, Any], words: str) -> None:
    """One line each."""
    with pytest.raises(ValidationError) as caught:
        config(**more)
    assert words in str(caught.value)
