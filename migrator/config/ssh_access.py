"""How a host is reached over SSH, as the person's files say it."""

from __future__ import annotations

from pydantic import Field

from migrator.config.fields import Frozen, SshWord


class SshAccess(Frozen):
    """How a host is reached over SSH."""

    address: SshWord = Field(description="IP address or name of the host.", min_length=1)
    user: SshWord = Field("root", description="User to log in as: root, or one who may use sudo without a password.")
    port: int = Field(22, ge=1, le=65535, description="Port of the SSH server.")
    key: str = Field("", description="Path of the private key; left out: what ssh takes by itself.")
    known_hosts: str = Field("", description="Path of the file with the host's key; left out: your own.")
