"""What only a host itself reaches is told by address and by name."""

from __future__ import annotations

import pytest

from migrator.model.address import is_address, is_link_local, is_loopback, one_form


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "[::1]", "::1%lo", "localhost", "api.localhost"])
def test_loopback(host: str) -> None:
    """All of 127.0.0.0/8, and names that resolve to it everywhere."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.0.0.1", "fd00::1", "[::]", "127.example.com", "localhost.example.com"])  # noqa: S104
def test_not_loopback(host: str) -> None:
    """Nor is a name that only begins like one."""
    assert not is_loopback(host)


def test_what_only_hosts_of_a_link_reach_is_told_by_address() -> None:
    """With the zone that such an address of version 6 has, or without."""
    assert [is_link_local(text) for text in ("fe80::1%eth0", "fe80::1", "169.254.1.1", "fd00::1", "10.0.0.1", "router")] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_an_address_has_one_form_and_a_name_keeps_its_own() -> None:
    """People write those of version 6 in many ways (RFC 5952)."""
    assert (one_form("FD00:0:0::0005"), one_form("10.0.0.1"), one_form("Api.Home")) == ("fd00::5", "10.0.0.1", "Api.Home")
    assert [is_address(text) for text in ("fd00::5", "10.0.0.1", "10.0.0", "api")] == [True, True, False, False]
