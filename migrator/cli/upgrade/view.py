"""How upgrades in place are shown."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from typing import Any

import click

from migrator.cli import render
from migrator.cli.upgrade.where import Where
from migrator.errors import ConfigError
from migrator.model.events import Note
from migrator.model.upgrade import Hop, NodeSummary, RollbackResult, RunOptions, RunResult, RunState, UpgradePlan
from migrator.model.verdict import Finding, Severity
from migrator.upgrade.rollback import cannot_be_undone
from migrator.upgrade.session import UpgradeSession
from migrator.upgrade.state import Status, UpgradeState
from migrator.upgrade.window import after_finish

_ORDER = {Severity.FAILURE: 0, Severity.UNKNOWN: 1, Severity.WARNING: 2, Severity.OK: 3}


def show_plan(plan: UpgradePlan, control_planes: int, output: str) -> None:
    """Print the whole plan."""
    lost = cannot_be_undone(plan.hops, control_planes) if plan.hops else []
    if output == "json":
        render.result_json(_plan_document(plan) | {"cannotBeUndone": lost})
        return
    _table(plan.nodes)
    if not plan.hops:
        render.line()
        render.line(f"everything is at {plan.target} already")
    for number, hop in enumerate(plan.hops, start=1):
        packages = ", ".join(f"{name} {version}" for name, version in hop.packages.items())
        seconds = plan.seconds.get(hop.key)
        time = f"about {seconds / 60:.0f} min, as before here" if seconds else "no record yet of how long it takes here"
        render.line()
        render.line(f"hop {number}: {hop.start} → {hop.target} ({time})")
        render.line(f"  packages: {packages}")
        render.line(f"  steps:    {_steps_words(plan, hop)}")
        render.line(f"  images:   {', '.join(plan.images.get(hop.key) or ('not known: the package is not there',))}")
        for step in plan.steps[hop.key]:
            render.line(f"  - {step}")
    for name, words in plan.kubeadm.items():
        render.line()
        render.line(f"kubeadm upgrade {name}, in its own words:")
        for line in words.splitlines():
            render.line(f"  | {line}")
    if lost:
        render.line()
        render.line("what `migrator upgrade rollback` cannot bring back:")
        for text in lost:
            render.line(f"  - {text}")
    show_findings(plan.findings)


def _steps_words(plan: UpgradePlan, hop: Hop) -> str:
    if hop.emulated:
        return f"two: {hop.target} emulates {hop.emulated} at first, and until it is raised a rollback loses nothing"
    return f"one: {plan.one_step.get(hop.key) or 'nothing is emulated'}"


def show_findings(findings: Iterable[Finding]) -> None:
    """Print findings, the worst first."""
    found = sorted(findings, key=lambda item: _ORDER[item.severity])
    render.line()
    render.line("findings:" if found else "no findings")
    for item in found:
        render.line("  ", render.word(item.severity.value), f" {item.subject}: {item.reason} [{item.check}]")
        if item.hint:
            render.line(f"      → {item.hint}")


def show_brief(plan: UpgradePlan, screen: render.Screen) -> None:
    """Show what is about to happen, and what was found that does not forbid it."""
    for hop in plan.hops:
        workers = "control plane and workers" if hop.workers else "control plane only"
        seconds = plan.seconds.get(hop.key)
        time = f", about {seconds / 60:.0f} min" if seconds else ""
        screen.emit(Note(f"{hop.start} → {hop.target}: {workers}{time}"))
    for item in plan.findings:
        hint = f"; {item.hint}" if item.hint else ""
        screen.emit(Note(f"{item.subject}: {item.reason}{hint} [{item.check}]", warning=True))


def show_nothing_to_do(plan: UpgradePlan, output: str) -> None:
    """Say that all is there already."""
    if output == "json":
        render.result_json({"state": "done", "nodes": [dataclasses.asdict(node) for node in plan.nodes], "left": []})
    else:
        render.line(f"everything is at {plan.target} already")


def show_result(result: RunResult, where: Where) -> None:
    """Print how a run ended, and end with its exit code."""
    if where.output == "json":
        render.result_json(
            {
                "state": result.state.value,
                "nodes": [dataclasses.asdict(node) for node in result.nodes],
                "left": list(result.left),
                "differences": list(result.differences),
            }
        )
    else:
        _table(result.nodes)
        for text in result.differences:
            render.line(f"changed by kubeadm: {text}")
        for text in result.left:
            render.line(text)
        version = result.nodes[0].version if result.nodes else ""
        words = {
            RunState.DONE: f"done: write kubernetesVersion: {version} into {where.path}, so that `pulumi up` agrees",
            RunState.PAUSED: "paused",
            RunState.LEFT: "nodes are left; `migrator upgrade resume` upgrades them",
        }
        render.line(words[result.state])
    click.get_current_context().exit(4 if result.state is RunState.LEFT else 0)


def show_nodes(nodes: Iterable[NodeSummary], output: str, words: str) -> None:
    """Print nodes and how a verb ended."""
    if output == "json":
        render.result_json({"state": words, "nodes": [dataclasses.asdict(node) for node in nodes]})
        return
    _table(nodes)
    render.line(words)


def show_rollback(result: RollbackResult, output: str, words: str) -> None:
    """Print how a rollback ended, and end with its exit code."""
    if output == "json":
        nodes = [dataclasses.asdict(node) for node in result.nodes]
        render.result_json({"state": words, "nodes": nodes, "left": list(result.left)})
    else:
        _table(result.nodes)
        for text in result.left:
            render.line(text)
        left = "; workers are left: run `migrator upgrade rollback` again for them" if result.left else ""
        render.line(f"{words}{left}")
    click.get_current_context().exit(4 if result.left else 0)


def show_state(state: UpgradeState, output: str) -> None:
    """Print where an upgrade stands."""
    hop = state.hop
    document: dict[str, Any] = {
        "state": state.status.value,
        "to": str(state.target) if state.target else None,
        "hops": [hop.document() | {"done": hop.key in state.ended} for hop in state.hops],
        "cordoned": sorted(state.cordoned),
        "lastStep": state.last_step,
    }
    document |= {"window": _window_document(state)} if state.window else {}
    if output == "json":
        render.result_json(document)
        return
    render.line(f"{state.status.value}" + (f", to {state.target}" if state.target else ""))
    for item in state.hops:
        word = "done" if item.key in state.ended else "begun" if item.key in state.applied else "to do"
        render.line(f"  {item.start} → {item.target}: {word}")
    if window := state.window:
        way = "`migrator upgrade rollback` loses nothing"
        if window.key in state.opened:
            way += " until `migrator upgrade finish`" if state.soak.hold else f" until {_soak_ends(state)}"
        render.line(f"the control plane is {window.target} and emulates {window.emulated}: {way}")
    elif state.last_applied and state.status in (Status.RUNNING, Status.DONE, Status.ABORTED):
        render.line(after_finish(state.id))
    if hop and state.open:
        render.line(f"last step: {state.last_step or 'none'}; `migrator upgrade resume` continues")
    for node in sorted(state.cordoned):
        render.line(f"cordoned: {node}")


def require_nodes(options: RunOptions, session: UpgradeSession) -> None:
    """Raise ConfigError for a `--limit` that names no node."""
    names = [node.name for node in session.nodes]
    issues = [f"--limit {name}: no such node; there are {', '.join(names)}" for name in sorted(options.limit - set(names))]
    if issues:
        raise ConfigError(issues)


def _plan_document(plan: UpgradePlan) -> dict[str, Any]:
    return {
        "from": str(plan.current),
        "to": str(plan.target),
        "blocked": plan.blocked,
        "hops": [
            {
                **hop.document(),
                "steps": list(plan.steps[hop.key]),
                "images": list(plan.images.get(hop.key, ())),
                "seconds": plan.seconds.get(hop.key),
            }
            for hop in plan.hops
        ],
        "nodes": [dataclasses.asdict(node) for node in plan.nodes],
        "findings": [dataclasses.asdict(item) for item in plan.findings],
        "kubeadm": dict(plan.kubeadm),
    }


def _soak_ends(state: UpgradeState) -> str:
    since = state.opened[state.window.key] if state.window else 0.0
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(since + state.soak.seconds))


def _window_document(state: UpgradeState) -> dict[str, Any] | None:
    """Return the time in which a rollback loses nothing, as plain data; None while there is none."""
    hop = state.window
    if hop is None:
        return None
    opened = hop.key in state.opened
    ends = _soak_ends(state) if opened and not state.soak.hold else None
    return {"hop": hop.key, "emulated": hop.emulated, "open": opened, "hold": state.soak.hold, "ends": ends}


def _table(nodes: Iterable[NodeSummary]) -> None:
    for item in nodes:
        render.line(item.line)
