"""Build what traffic moves through; it imports no more than the switches need, for a rollback begins with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from migrator.config.traffic import SwitchConfig
from migrator.ports import TrafficSwitch
from migrator.traffic.haproxy import HAProxy
from migrator.traffic.several import Several


def switch_of(configs: Sequence[SwitchConfig], *, relative_to: Path) -> TrafficSwitch | None:
    """Return what traffic moves through, and None when the file says nothing of it."""
    if not configs:
        return None
    switches = {config.switch.places[0]: _one(config, relative_to) for config in configs}
    return Several(switches) if len(switches) > 1 else next(iter(switches.values()))


def _one(config: SwitchConfig, folder: Path) -> TrafficSwitch:
    return HAProxy(config.switch, relative_to=folder)
