"""Build what traffic moves through; it imports no more than the switches need, for a rollback begins with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from migrator.adapters.clock import SystemClock
from migrator.config.address import AddressConfig
from migrator.config.command import CommandConfig
from migrator.config.dns import DnsConfig
from migrator.config.haproxy import HAProxyConfig, HAProxyPlace
from migrator.config.ssh_access import SshAccess
from migrator.config.traffic import SwitchConfig
from migrator.ports import TrafficSwitch

if TYPE_CHECKING:
    from migrator.ssh.session import SessionHost
    from migrator.traffic.haproxy import Reached

# How long an instance has to answer after another one did.
_PATIENCE_SECONDS = 0.4
# The same where a connection of SSH is made first.
_SSH_PATIENCE_SECONDS = 4.0
# The same where the host itself waits for a program that may stand still.
_KEEPALIVED_PATIENCE_SECONDS = 6.0


def switch_of(configs: Sequence[SwitchConfig], *, relative_to: Path) -> TrafficSwitch | None:
    """Return what traffic moves through, and None when the file says nothing of it."""
    if not configs:
        return None
    switches = {config.switch.places[0]: _one(config, relative_to) for config in configs}
    if len(switches) == 1:
        return next(iter(switches.values()))
    from migrator.traffic.several import Several

    return Several(switches)


def _one(config: SwitchConfig, folder: Path) -> TrafficSwitch:
    match config.switch:
        case HAProxyConfig() as haproxy:
            return _haproxy(haproxy, folder)
        case DnsConfig() as name:
            from migrator.traffic.dns import Dns

            return Dns(name, relative_to=folder)
        case AddressConfig() as address:
            return _address(address, folder)
        case CommandConfig() as command:
            from migrator.traffic.command import Command

            return Command(command, relative_to=folder)


def _address(config: AddressConfig, folder: Path) -> TrafficSwitch:
    from migrator.traffic.address import Address
    from migrator.traffic.keepalived import OverSsh

    blue, green = (
        {item.name: OverSsh(_host(item.ssh, folder), item, config.ip) for item in side} for side in (config.blue, config.green)
    )
    return Address(config, blue, green, patience=_KEEPALIVED_PATIENCE_SECONDS)


def _haproxy(config: HAProxyConfig, folder: Path) -> TrafficSwitch:
    from migrator.traffic.haproxy import HAProxy

    if not config.instances:
        return HAProxy(config, reached=_reached(config, folder))
    from migrator.traffic.instances import Instances

    instances = {place.name: HAProxy(config, reached=_reached(place, folder)) for place in config.instances}
    patience = _SSH_PATIENCE_SECONDS if any(place.ssh for place in config.instances) else _PATIENCE_SECONDS
    return Instances(instances, may_lack=config.unreachable == "warn", patience=patience)


def _reached(place: HAProxyPlace, folder: Path) -> Reached:
    from migrator.traffic.haproxy import Reached, on_this_machine
    from migrator.traffic.runtime_api import ForwardedSocket, TcpAddress

    if place.address:
        return Reached(TcpAddress(*place.host_and_port), None, None)
    if place.ssh is None:
        return on_this_machine(place.socket, place.state_file, folder)
    from migrator.traffic.machine import RemoteMachine

    host = _host(place.ssh, folder)
    endpoint = ForwardedSocket(lambda: host.forwarded(place.socket), place.named)
    return Reached(endpoint, RemoteMachine(host), PurePosixPath(place.state_file))


def _host(access: SshAccess, folder: Path) -> SessionHost:
    from migrator.config.stack import Login
    from migrator.ssh.host import socket_folder
    from migrator.ssh.session import SessionHost

    def path(text: str) -> str:
        return str(folder / Path(text).expanduser()) if text else ""

    login = Login(access.address, access.user, access.port, path(access.key), path(access.known_hosts))
    return SessionHost(access.address, login, socket_folder(), clock=SystemClock())
