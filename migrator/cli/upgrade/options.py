"""Options that several verbs of an upgrade share, each group a dataclass that makes a value of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import click

from migrator.config.duration import parse_duration
from migrator.errors import ConfigError
from migrator.model.upgrade import DrainRules, Pause, RunOptions, Soak, Workers
from migrator.model.version import Version, parse_version

if TYPE_CHECKING:
    from migrator.upgrade.plan import PlanOptions

_PACKAGES = ("cri-o", "crictl", "cni-plugins")
Patches = Annotated[
    str,
    click.option(
        "--patches", default="", metavar="FOLDER", help="kubeadm patches: what must be kept in manifests and kubelet settings."
    ),
]
"""Folder of kubeadm patches on this machine; empty: none."""


EndRunning = Annotated[
    bool,
    click.option(
        "--end-running",
        is_flag=True,
        help="End what an earlier run has left running on hosts, such as kubeadm; otherwise the tool waits for it.",
    ),
]
"""Whether a person agrees that what still runs on hosts is ended."""


@dataclass(slots=True, frozen=True)
class Drain:
    """What a drain may do to pods."""

    delete_emptydir_data: Annotated[
        bool,
        click.option("--delete-emptydir-data", is_flag=True, help="Drain pods with emptyDir volumes, too: their data is lost."),
    ]
    force: Annotated[
        bool, click.option("--force", is_flag=True, help="Drain pods without a controller, too: nothing creates them again.")
    ]
    disable_eviction: Annotated[
        bool, click.option("--disable-eviction", is_flag=True, help="Delete pods past their disruption budgets.")
    ]
    drain_timeout: Annotated[
        str, click.option("--drain-timeout", default="10m", show_default=True, help="How long a node may take to drain.")
    ]

    def rules(self) -> DrainRules:
        """Return the rules; raises ConfigError for a timeout that is not a duration."""
        try:
            timeout = parse_duration(self.drain_timeout)
        except ValueError as error:
            raise ConfigError([f"--drain-timeout: {error}"]) from error
        return DrainRules(self.delete_emptydir_data, self.force, self.disable_eviction, timeout)


@dataclass(slots=True, frozen=True)
class Target:
    """Which version to upgrade to, and what goes along."""

    to: Annotated[str, click.option("--to", required=True, metavar="VERSION", help="Version to upgrade to, such as 1.37.2.")]
    workers: Annotated[
        str,
        click.option(
            "--workers",
            type=click.Choice([item.value for item in Workers]),
            default=Workers.EACH_HOP.value,
            show_default=True,
            help="When workers are upgraded; `last` skips minors as far as the skew policy allows.",
        ),
    ]
    package: Annotated[
        tuple[str, ...],
        click.option("--package", multiple=True, metavar="NAME=VERSION", help="Version of another package at the end."),
    ]
    soak: Annotated[
        str,
        click.option(
            "--soak", default="", metavar="DURATION", help="How long the new control plane first emulates the old minor: `2h`."
        ),
    ]
    hold: Annotated[
        bool, click.option("--hold", is_flag=True, help="Let it emulate the old minor until `migrator upgrade finish`.")
    ]
    one_step: Annotated[
        bool,
        click.option("--one-step", is_flag=True, help="Emulate nothing: only the snapshot leads back."),
    ]
    ignore: Annotated[
        tuple[str, ...],
        click.option("--ignore", multiple=True, metavar="CHECK", help="Continue in spite of a check; its findings are shown."),
    ]

    def options(self, drain: DrainRules, *, with_kubeadm_output: bool = False) -> PlanOptions:
        """Return what to plan; raises ConfigError for a version, package or check that does not exist."""
        from migrator.model.verdict import NEVER_IGNORED, CheckName
        from migrator.upgrade.plan import PlanOptions

        names = [name for name in CheckName if name not in NEVER_IGNORED]
        unknown = [f"--ignore {name}: no such check; there are {', '.join(names)}" for name in self.ignore if name not in names]
        if unknown:
            raise ConfigError(unknown)
        packages = dict(_package(text) for text in self.package)
        return PlanOptions(
            target=_version(self.to, "--to"),
            workers=Workers(self.workers),
            drain=drain,
            ignored=self.ignore,
            packages=packages,
            with_kubeadm_output=with_kubeadm_output,
            soak=self._soak(),
            one_step=self.one_step,
        )

    def _soak(self) -> Soak:
        try:
            soak = Soak(parse_duration(self.soak) if self.soak else 0.0, self.hold)
        except ValueError as error:
            raise ConfigError([f"--soak: {error}"]) from error
        if (soak.seconds and soak.hold) or (soak and self.one_step):
            raise ConfigError(["--soak, --hold and --one-step exclude each other"])
        return soak


@dataclass(slots=True, frozen=True)
class Execution:
    """How a run proceeds."""

    drain: Drain
    patches: Patches
    pause: Annotated[
        str,
        click.option(
            "--pause",
            type=click.Choice([item.value for item in Pause]),
            default=Pause.NEVER.value,
            show_default=True,
            help="Where to stop; `resume` continues.",
        ),
    ]
    limit: Annotated[
        tuple[str, ...],
        click.option("--limit", multiple=True, metavar="NODE", help="Drain and upgrade the kubelets of these nodes only."),
    ]
    parallel: Annotated[
        int,
        click.option("--parallel", type=click.IntRange(1, 64), default=1, show_default=True, help="Workers at a time."),
    ]

    def options(self) -> RunOptions:
        """Return how to run; raises ConfigError for a timeout that is not a duration."""
        return RunOptions(Pause(self.pause), frozenset(self.limit), self.parallel, self.drain.rules())


def _version(text: str, option: str) -> Version:
    try:
        return parse_version(text)
    except ValueError as error:
        raise ConfigError([f"{option}: {error}"]) from error


def _package(text: str) -> tuple[str, str]:
    name, _, version = text.partition("=")
    if name not in _PACKAGES:
        raise ConfigError([f"--package {text}: write cri-o=1.37.0; also crictl, cni-plugins"])
    return name, str(_version(version, f"--package {name}"))
