"""How an advice is shown: a migration, an upgrade in place, or neither, and what each costs."""

from __future__ import annotations

from migrator.cli import render
from migrator.model.advice import Advice, Alternative, Choice

_WORDS = {
    Choice.MIGRATION: "a migration to a new cluster: docs/raise-a-cluster.md, then `migrator init` and `migrator plan`",
    Choice.IN_PLACE: "an upgrade in place: `migrator upgrade plan`",
    Choice.NEITHER: "neither, in the present state",
}


def show(advice: Advice, hops: str) -> None:
    """Print what is advised, why, and what each way costs; `hops` is the way in plain words, empty when there is nothing to do."""
    render.line(f"{hops or 'nothing to do'}: {_WORDS[advice.path]}")
    for reason in advice.reasons:
        render.line(f"  because {reason}")
    for item in advice.ways if hops else ():
        _show_alternative(item)
    if not advice.hosts_read:
        render.line()
        render.line("no host was read (--stack): disks, certificates, cgroups, packages and edited manifests were not checked")


def _show_alternative(item: Alternative) -> None:
    migration = item.path is Choice.MIGRATION
    render.line()
    render.line(f"a migration to a new cluster: {item.hops} move" if migration else f"an upgrade in place: {item.hops} hop(s)")
    render.line(f"  hardware: {item.hardware}")
    if migration:
        render.line("  downtime: none expected of traffic behind a load balancer (docs/benchmarks.md has a measurement)")
    elif not item.downtime:
        render.line("  downtime: none expected")
    for away in item.downtime:
        each = "not measured here yet" if away.seconds is None else f"{away.seconds:.0f} s"
        render.line(f"  downtime: {away.workload}: {away.times} x {each} ({away.reason})")
    for text in item.cannot_be_undone:
        render.line(f"  cannot be undone: {text}")
    for text in item.obstacles:
        render.line("  ", render.word("blocked"), f" {text}")
