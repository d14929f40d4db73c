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

if TYPE_CHECKING:
    from migrator.ports import TrafficSwitch
    from migrator.ssh.session import SessionHost
    from migrator.traffic.machine import Reached

# How long an instance has to answer after another one did.
_PATIENCE_SECONDS = 0.4
# The same where a connection of SSH is made first.
_SSH_PATIENCE_SECONDS = 4.0
# The same where the host itself waits for a program that may stand still.
_KEEPALIVED_PATIENCE_SECONDS = 6.0


def switch_of(configs: Sequence[SwitchConfig], *, relative_to: Path, at_once: bool = False) -> TrafficSwitch | None:
    """Return what traffic moves through, and None when the file says nothing of it.

    With `at_once` the logins on hosts begin now, and not with the first question.
    """
    if not configs:
        return None
    switches = {config.switch.places[0]: _one(config, relative_to, at_once=at_once) for config in configs}
    if len(switches) == 1:
        return next(iter(switches.values()))
    from migrator.traffic.several import Several

    return Several(switches)


def _one(config: SwitchConfig, folder: Path, *, at_once: bool) -> TrafficSwitch:
    match config.switch:
        case HAProxyConfig() as haproxy:
            return _haproxy(haproxy, folder, at_once=at_once)
        case DnsConfig() as name:
            from migrator.traffic.dns import Dns

            return Dns(name, relative_to=folder)
        case AddressConfig() as address:
            return _address(address, folder, at_once=at_once)
        case CommandConfig() as command:
            from migrator.traffic.command import Command

            return Command(command, relative_to=folder)


def _address(config: AddressConfig, folder: Path, *, at_once: bool) -> TrafficSwitch:
    hosts = {item.name: _host(item.ssh, folder, at_once=at_once) for item in (*config.blue, *config.green)}
    from migrator.traffic.address import Address
    from migrator.traffic.keepalived import OverSsh

    blue, green = ({item.name: OverSsh(hosts[item.name], item, config.ip) for item in side} for side in (config.blue, config.green))
    return Address(config, blue, green, patience=_KEEPALIVED_PATIENCE_SECONDS)


def _haproxy(config: HAProxyConfig, folder: Path, *, at_once: bool) -> TrafficSwitch:
    places: tuple[HAProxyPlace, ...] = config.instances or (config,)
    hosts = [_host(place.ssh, folder, at_once=at_once, forwards=[place.socket]) if place.ssh else None for place in places]
    from migrator.traffic.haproxy import HAProxy

    reached = [_reached(place, folder, host) for place, host in zip(places, hosts, strict=True)]
    if not config.instances:
        return HAProxy(config, reached=reached[0])
    from migrator.traffic.instances import Instances

    instances = {place.name: HAProxy(config, reached=way) for place, way in zip(config.instances, reached, strict=True)}
    patience = _SSH_PATIENCE_SECONDS if any(hosts) else _PATIENCE_SECONDS
    return Instances(instances, may_lack=config.unreachable == "warn", patience=patience)


def _reached(place: HAProxyPlace, folder: Path, host: SessionHost | None) -> Reached:
    from migrator.traffic.machine import Reached, on_this_machine
    from migrator.traffic.runtime_api import ForwardedSocket, TcpAddress

    if place.address:
        return Reached(TcpAddress(*place.host_and_port), None, None)
    if host is None:
        return on_this_machine(place.socket, place.state_file, folder, place.configuration)
    from migrator.traffic.machine import RemoteMachine

    endpoint = ForwardedSocket(lambda: host.forwarded(place.socket), place.named, SystemClock())
    state_file = PurePosixPath(place.state_file) if place.state_file else None
    return Reached(endpoint, RemoteMachine(host), state_file, place.configuration)


def _host(access: SshAccess, folder: Path, *, at_once: bool, forwards: Sequence[str] = ()) -> SessionHost:
    from migrator.config.login import Login
    from migrator.ssh.host import socket_folder
    from migrator.ssh.session import SessionHost

    def path(text: str) -> str:
        return str(folder / Path(text).expanduser()) if text else ""

    login = Login(access.address, access.user, access.port, path(access.key), path(access.known_hosts))
    host = SessionHost(access.address, login, socket_folder(), clock=SystemClock(), forwards=forwards)
    if at_once:
        host.begin()
    return host
