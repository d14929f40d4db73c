"""How a host is reached over SSH, once the file that says so is checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Login:
    """How to reach a host over SSH."""

    address: str
    user: str = "root"
    port: int = 22
    key: str = ""
    """Path of the private key; empty: what ssh uses by itself, such as an agent."""
    known_hosts: str = ""
    """Path of the file with its host key; empty: the person's own."""
