"""What the phases need from the world; adapters and the tests' fakes fill these in."""

from __future__ import annotations

from migrator.ports.clusters import (
    Blue,
    ClusterReader,
    ClusterWriter,
    DrainableCluster,
    Green,
    HeldLock,
    MetricsReader,
    MigrationLock,
    ObjectAsker,
    ObjectMaker,
    ObjectPatcher,
    PodAsker,
    PodEvictor,
    UpgradeCluster,
)
from migrator.ports.hosts import Closing, Host, Relay, RelayEnd, VolumeMover
from migrator.ports.run import ByteSink, Clock, CommandRunner, ImageRegistry, Interruptions, Journal, Reporter, Sealer
from migrator.ports.traffic import Prober, TrafficSwitch

__all__ = [
    "Blue",
    "ByteSink",
    "Clock",
    "Closing",
    "ClusterReader",
    "ClusterWriter",
    "CommandRunner",
    "DrainableCluster",
    "Green",
    "HeldLock",
    "Host",
    "ImageRegistry",
    "Interruptions",
    "Journal",
    "MetricsReader",
    "MigrationLock",
    "ObjectAsker",
    "ObjectMaker",
    "ObjectPatcher",
    "PodAsker",
    "PodEvictor",
    "Prober",
    "Relay",
    "RelayEnd",
    "Reporter",
    "Sealer",
    "TrafficSwitch",
    "UpgradeCluster",
    "VolumeMover",
]
