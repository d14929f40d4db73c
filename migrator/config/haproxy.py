"""Where an HAProxy is, and which of its servers lead to which cluster."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from migrator.config.fields import Frozen, repeated
from migrator.config.host_name import require_host
from migrator.config.ssh_access import SshAccess

HAProxyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$")]
"""A name that HAProxy accepts (configuration manual, section 4.1); no other text may become part of a command."""
Configuration = Literal["print", "write", "write-managed"]
"""What is done where a restart would lose the shares: nothing but to say so, or to change haproxy.cfg."""
_ADDRESS = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")


class HAProxyPlace(Frozen):
    """Where the Runtime API of one HAProxy listens: a socket of this machine, one of a host over SSH, or an address."""

    socket: str = Field("", description="Path of the Runtime API's unix socket (`stats socket ... level admin`).")
    address: str = Field("", description="host:port of the Runtime API, such as 10.0.0.3:9999; it asks for no password.")
    ssh: SshAccess | None = Field(None, description="The host that `socket` and `stateFile` are on.")
    state_file: str = Field(
        "",
        description="The file of `server-state-file`; written after each change, so that a restart keeps the weights.",
    )

    configuration: Configuration = Field(
        "print",
        description="Where a restart would lose the shares: print the lines of haproxy.cfg to change, or write them "
        "(write-managed: also into a file whose header says that a program manages it). With write, stateFile may be left out.",
    )

    @property
    def named(self) -> str:
        """What it is called in messages."""
        return f"{self.ssh.address}:{self.socket}" if self.ssh else self.socket or self.address

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The two parts of the address."""
        host, _, port = self.address.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    def require_whole(self) -> None:
        """Raise ValueError unless it says where one HAProxy is."""
        if bool(self.socket) == bool(self.address):
            raise ValueError("give a socket, or an address")
        if self.address and not _ADDRESS.fullmatch(self.address):
            raise ValueError(f"{self.address!r} is not a host:port, such as 10.0.0.3:9999 or [fd00::3]:9999")
        if self.address:
            require_host(self.host_and_port[0])
        if self.address and (self.ssh or self.state_file):
            raise ValueError("ssh and stateFile belong to a socket: nothing writes files behind an address")
        if self.address and self.configuration != "print":
            raise ValueError(f"configuration: {self.configuration} belongs to a socket: nothing writes files behind an address")
        if self.socket and not self.state_file and self.configuration == "print":
            raise ValueError(
                "stateFile is missing: without it a restart of HAProxy loses the weights, unless `configuration: write` is given"
            )
        if self.ssh and not (self.socket.startswith("/") and (not self.state_file or self.state_file.startswith("/"))):
            raise ValueError("socket and stateFile on a host are absolute paths")


class HAProxyInstance(HAProxyPlace):
    """One HAProxy of several that stand for each other, such as a pair with keepalived."""

    name: HAProxyName = Field(description="Its name in messages.")

    @model_validator(mode="after")
    def _whole(self) -> HAProxyInstance:
        self.require_whole()
        return self


class HAProxyConfig(HAProxyPlace):
    """One HAProxy backend that holds the servers of both clusters, at one HAProxy or at several that stand for each other."""

    instances: tuple[HAProxyInstance, ...] = Field(
        (),
        description="Several HAProxies with the same backend, instead of socket or address; all are told and read back.",
    )
    unreachable: Literal["refuse", "warn"] = Field(
        "refuse",
        description="What a cutover does while an instance does not answer: nothing, or go on without it; a rollback goes on.",
    )
    backend: HAProxyName = Field(description="Name of the backend.")
    blue: tuple[HAProxyName, ...] = Field(description="Names of the servers of blue.", min_length=1)
    green: tuple[HAProxyName, ...] = Field(description="Names of the servers of green.", min_length=1)

    @model_validator(mode="after")
    def _one_or_several(self) -> HAProxyConfig:
        if not self.instances:
            self.require_whole()
        elif self.socket or self.address or self.ssh or self.state_file or self.configuration != "print":
            raise ValueError("socket, address, ssh, stateFile and configuration stand in each instance, or there are no instances")
        twice = repeated(instance.name for instance in self.instances)
        if twice:
            raise ValueError(f"two instances are named {twice[0]}")
        return self

    @model_validator(mode="after")
    def _each_server_once(self) -> HAProxyConfig:
        twice = sorted(repeated((*self.blue, *self.green)))
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice: a server leads to blue or to green")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """What it changes, one text each; no two switches may change the same."""
        places: tuple[HAProxyPlace, ...] = self.instances or (self,)
        return tuple(f"backend {self.backend} of the HAProxy at {place.named}" for place in places)

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares of green that it can set, in percent; empty: all."""
        return ()
