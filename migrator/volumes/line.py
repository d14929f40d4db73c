"""How the host that pulls reaches the temporary server of the other one: at its address, or through this machine by a relay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from migrator.errors import CommandFailedError
from migrator.ports import Closing, Host, Relay, RelayEnd
from migrator.volumes.server import Serving, free_port

_LOOPBACK = "127.0.0.1"
# With AES instructions AES-GCM is the faster one; without them, as on older ARM boards, ChaCha20 is.
_AES = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")


@dataclass(slots=True, frozen=True)
class Machine:
    """A host, and how other hosts reach it."""

    host: Host
    address: str
    login: tuple[str, ...] = ()
    """The command of ssh of this machine that logs in there; a relay needs it."""


@dataclass(slots=True)
class Lines:
    """The lines of passes, by their units."""

    relay: Relay | None = None
    """None: hosts reach each other."""
    _relays: dict[str, Closing] = field(default_factory=dict)

    def listens_at(self, source: Machine) -> str:
        """Return the address at which the source's server listens."""
        return _LOOPBACK if self.relay else source.address

    def asked_from(self, target: Machine) -> str:
        """Return the address from which the source's server is asked."""
        return _LOOPBACK if self.relay else target.address

    def open(self, unit: str, source: Machine, target: Machine, serving: Serving, *, key: str, folder: str) -> dict[str, Any]:
        """Return what the program on the target is told of its line, once that stands; raises HostError.

        `folder` is where the target keeps what it knows of the volume.
        """
        address, port = self._dialled(unit, source, target, serving)
        # How OpenSSH names a host at another port than 22 (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
        target.host.write(f"{folder}/known_hosts", f"[{address}]:{port} {serving.host_key}\n".encode(), mode=0o600)
        return {
            "address": address,
            "port": port,
            "user": "root",
            "key": key,
            "known_hosts": f"{folder}/known_hosts",
            "ciphers": ",".join(_ciphers(source.host, target.host)),
            "relayed": self.relay is not None,
        }

    def open_again(self, unit: str, source: Machine, target: Machine, folder: str) -> None:
        """Give a pass that an earlier run began its relay again, by another port; it reads that before each try."""
        try:
            settings = json.loads(target.host.read(f"{folder}/settings.json"))
            channel = settings["channel"]
            serving = Serving(settings["server"]["port"], settings["server"]["hostKey"])
            relayed = self.relay and channel["relayed"]
        except (CommandFailedError, ValueError, KeyError, TypeError):
            return  # it was cut, or is of another version: the pass tells so
        if not relayed:
            return
        channel = self.open(unit, source, target, serving, key=channel["key"], folder=folder)
        write_settings(target.host, folder, settings["settings"], channel, serving)

    def close(self, unit: str) -> None:
        """End the relay of a pass, where it has one."""
        if relay := self._relays.pop(unit, None):
            relay.close()

    def _dialled(self, unit: str, source: Machine, target: Machine, serving: Serving) -> tuple[str, int]:
        if not self.relay:
            return source.address, serving.port
        port = int(target.host.run(free_port(_LOOPBACK)))
        self.close(unit)
        self._relays[unit] = self.relay.open(
            RelayEnd(source.host.name, source.login, serving.port), RelayEnd(target.host.name, target.login, port)
        )
        return _LOOPBACK, port


def write_settings(host: Host, folder: str, settings: dict[str, Any], channel: dict[str, Any], serving: Serving) -> None:
    """Write what the program on the target's host reads."""
    document = {
        "settings": settings,
        "channel": channel,
        "server": {"port": serving.port, "hostKey": serving.host_key},
    }
    host.write(f"{folder}/settings.json", json.dumps(document).encode(), mode=0o600)


def _ciphers(*hosts: Host) -> Sequence[str]:
    with ThreadPoolExecutor(len(hosts)) as pool:
        # `flags` on x86 and `Features` on ARM name it alike.
        with_aes = all(pool.map(lambda host: host.ok("grep -qwm1 aes /proc/cpuinfo"), hosts))
    return _AES if with_aes else _AES[::-1]
