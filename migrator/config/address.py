"""An address on the nodes' network that keepalived gives to one host of blue or of green."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from migrator.config.fields import Frozen, repeated
from migrator.config.ssh_access import SshAccess


def _ip(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _absolute(text: str) -> str:
    if not text.startswith("/") or any(not sign.isprintable() or sign.isspace() for sign in text):
        raise ValueError(f"{text!r} is not an absolute path without spaces")
    return text


RemotePath = Annotated[str, AfterValidator(_absolute)]


class KeepalivedHost(Frozen):
    """A host that may hold the address."""

    name: str = Field(description="Its name in messages.", max_length=61, pattern=r"^[A-Za-z0-9_.:-]+$")
    ssh: SshAccess = Field(description="How it is reached.")
    pid_file: RemotePath = Field("/run/keepalived.pid", description="Where its keepalived writes its process id.")
    track_file: RemotePath = Field(
        "/etc/keepalived/migrator",
        description="The file that its keepalived tracks; 0 in it lets the host hold the address, -254 forbids it.",
    )


class AddressConfig(Frozen):
    """One address; a cutover takes it from the hosts of blue and gives it to one of green."""

    ip: Annotated[str, AfterValidator(_ip)] = Field(description="The address that clients use.")
    blue: tuple[KeepalivedHost, ...] = Field(description="Hosts that lead to blue when they hold it.", min_length=1)
    green: tuple[KeepalivedHost, ...] = Field(description="Hosts that lead to green when they hold it.", min_length=1)

    @model_validator(mode="after")
    def _each_host_once(self) -> AddressConfig:
        hosts = (*self.blue, *self.green)
        twice = repeated(host.name for host in hosts)
        if twice:
            raise ValueError(f"two hosts are named {twice[0]}")
        twice = repeated(f"{host.ssh.address} port {host.ssh.port}, {host.track_file}" for host in hosts)
        if twice:
            raise ValueError(f"{twice[0]} is named twice: a host leads to blue or to green")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """What it changes."""
        return (f"address {self.ip}",)

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares of green that it can set, in percent: one host has the address."""
        return (0.0, 100.0)
