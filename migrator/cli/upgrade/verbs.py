"""`migrator upgrade`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from migrator.cli import render
from migrator.cli.upgrade.where import Where, stack_file
from migrator.config.duration import parse_duration
from migrator.errors import ConfigError
from migrator.model.upgrade import DrainRules, Pause, RunOptions, Workers
from migrator.model.version import Version, parse_version


@click.group("upgrade")
def command() -> None:
    """Upgrade a kubeadm cluster where it is, one minor after the other; for clusters that cannot be doubled.

    The cluster's hosts stand in the file of a stack (stacks/Pulumi.NAME.yaml), also where Pulumi did not make them.
    """


def _where(function: Callable[..., None]) -> Callable[..., None]:
    """Add what says which cluster."""

    @click.option("-s", "--stack", help="Name of the stack: stacks/Pulumi.NAME.yaml.")
    @click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Such a file anywhere.")
    @click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Left out: the first control plane's own.")
    @click.option("--state-dir", type=click.Path(path_type=Path), help="Folder of the journal.  [default: .migrator/upgrade-NAME]")
    @click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Text or JSON.")
    @click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
    @functools.wraps(function)
    def wrapped(
        *,
        stack: str | None,
        file: Path | None,
        kubeconfig: Path | None,
        state_dir: Path | None,
        output: str,
        yes: bool,
        **rest: Any,
    ) -> None:
        function(where=Where(stack_file(stack, file), kubeconfig, state_dir, output, yes), **rest)

    return wrapped


def _target(function: Callable[..., None]) -> Callable[..., None]:
    """Add what says where to."""

    @click.option("--to", "target", required=True, metavar="VERSION", help="Version to go to, such as 1.37.2.")
    @click.option(
        "--workers",
        type=click.Choice([item.value for item in Workers]),
        default=Workers.EACH_HOP.value,
        show_default=True,
        help="When workers go along; `last` skips minors as far as the skew policy allows.",
    )
    @click.option("--package", "packages", multiple=True, metavar="NAME=VERSION", help="Version of another package at the end.")
    @click.option("--ignore", "ignored", multiple=True, metavar="CHECK", help="Go on in spite of a check; its findings are shown.")
    @functools.wraps(function)
    def wrapped(*, target: str, workers: str, packages: tuple[str, ...], ignored: tuple[str, ...], **rest: Any) -> None:
        from migrator.upgrade.checks.table import NAMES

        unknown = [f"--ignore {name}: no such check; there are {', '.join(NAMES)}" for name in ignored if name not in NAMES]
        if unknown:
            raise ConfigError(unknown)
        wanted = dict(_package(text) for text in packages)
        function(target=_version(target, "--to"), workers=Workers(workers), packages=wanted, ignored=ignored, **rest)

    return wrapped


def _drain(function: Callable[..., None]) -> Callable[..., None]:
    """Add what a drain may do, and the person's patches."""

    @click.option("--delete-emptydir-data", is_flag=True, help="Drain pods with emptyDir volumes, too: their data is lost.")
    @click.option("--force", is_flag=True, help="Drain pods without a controller, too: nobody makes them again.")
    @click.option("--disable-eviction", is_flag=True, help="Delete pods past their disruption budgets.")
    @click.option("--drain-timeout", default="10m", show_default=True, help="How long a node may take to drain.")
    @click.option("--patches", default="", metavar="FOLDER", help="kubeadm patches: what must survive in manifests and kubelets.")
    @functools.wraps(function)
    def wrapped(
        *, delete_emptydir_data: bool, force: bool, disable_eviction: bool, drain_timeout: str, patches: str, **rest: Any
    ) -> None:
        rules = DrainRules(delete_emptydir_data, force, disable_eviction, _seconds(drain_timeout))
        function(drain=rules, patches=patches, **rest)

    return wrapped


def _going(function: Callable[..., None]) -> Callable[..., None]:
    """Add how a run goes."""

    @click.option(
        "--pause",
        type=click.Choice([item.value for item in Pause]),
        default=Pause.NEVER.value,
        show_default=True,
        help="Where to stop; `resume` goes on.",
    )
    @click.option("--limit", multiple=True, metavar="NODE", help="Drain and upgrade the kubelets of these nodes only.")
    @click.option("--parallel", type=click.IntRange(1, 64), default=1, show_default=True, help="Workers at a time.")
    @functools.wraps(function)
    def wrapped(*, pause: str, limit: tuple[str, ...], parallel: int, drain: DrainRules, patches: str, **rest: Any) -> None:
        options = RunOptions(Pause(pause), frozenset(limit), parallel, drain, patches)
        function(options=options, **rest)

    return wrapped


@command.command("plan")
@_where
@_target
@_drain
def plan(where: Where, drain: DrainRules, patches: str, **target: Any) -> None:
    """Show hops, packages, images, what each node goes through, and every finding; nothing of the cluster is changed.

    kubeadm of the next version is brought to the hosts' /var/lib/migrator to be asked; it is not installed. Exit code 3 when
    something must be seen to first.
    """
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.upgrade.plan import PlanOptions, plan_upgrade

    with render.Screen(quiet=where.output == "json") as screen, upgrade_session(where, screen, patches=patches) as session:
        made = plan_upgrade(session, PlanOptions(drain=drain, kubeadm_words=True, **target))
        control_planes = len(session.control_planes)
    view.show_plan(made, control_planes, where.output)
    click.get_current_context().exit(3 if made.blocked else 0)


@command.command("run")
@_where
@_target
@_drain
@_going
def run(where: Where, options: RunOptions, **target: Any) -> None:
    """Upgrade the cluster; interrupted anywhere, `resume` goes on.

    Exit code 3 when a finding forbids it or a gate said no, 4 when nodes were left out.
    """
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.migration.session import holder
    from migrator.upgrade.plan import PlanOptions, plan_upgrade, require_plan
    from migrator.upgrade.rollback import note_cannot_be_undone
    from migrator.upgrade.verbs import begin, run_upgrade

    with render.Screen(quiet=where.output == "json") as screen, upgrade_session(where, screen, patches=options.patches) as session:
        view.require_nodes(options, session)
        made = plan_upgrade(session, PlanOptions(drain=options.drain, **target))
        require_plan(made)
        if not made.hops:
            view.show_nothing_to_do(made, where.output)
            return
        view.show_brief(made, screen)
        note_cannot_be_undone(session, made.hops)
        render.confirmed(f"Upgrade {where.name} from {made.current} to {made.target}?", yes=where.yes)
        with session.cluster.lock(holder()):
            begin(session, made, target["workers"])
            result = run_upgrade(session, options)
    view.show_result(result, where)


@command.command("resume")
@_where
@_drain
@_going
def resume(where: Where, options: RunOptions) -> None:
    """Go on with an upgrade that was interrupted, paused or stopped by a gate."""
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import RESUME_PATIENCE, upgrade_session
    from migrator.migration.session import holder
    from migrator.upgrade.verbs import run_upgrade

    screen = render.Screen(quiet=where.output == "json")
    with screen, upgrade_session(where, screen, patches=options.patches, patience=RESUME_PATIENCE) as session:
        view.require_nodes(options, session)
        with session.cluster.lock(holder()):
            result = run_upgrade(session, options)
    view.show_result(result, where)


@command.command("abort")
@_where
def abort(where: Where) -> None:
    """Give an upgrade up: let nodes back in that it has cordoned, and say what version each node has."""
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.upgrade import verbs

    with render.Screen(quiet=where.output == "json") as screen, upgrade_session(where, screen) as session:
        nodes = verbs.abort(session)
    view.show_nodes(nodes, where.output, "aborted; a cluster of mixed versions works within the skew policy")


@command.command("rollback")
@_where
def rollback(where: Where) -> None:
    """Take the last hop back: etcd from its snapshot, control plane and kubelets as they were before it.

    What was written to the cluster since the snapshot is lost.
    """
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import upgrade_session
    from migrator.upgrade import rollback

    screen = render.Screen(quiet=where.output == "json")
    with screen, upgrade_session(where, screen, api_may_be_down=True) as session:
        hop = rollback.rollback_hop(session)
        taken = f"{session.state.id[:4]}-{session.state.id[4:6]}-{session.state.id[6:8]}"
        question = (
            f"Take {where.name} back from {hop.target} to {hop.start}? "
            f"What was written to the cluster since the snapshot of {taken} is lost."
        )
        render.confirmed(question, yes=where.yes)
        nodes = rollback.roll_back(session)
    view.show_nodes(nodes, where.output, f"back at {hop.start}")


@command.command("status")
@_where
def status(where: Where) -> None:
    """Tell where an upgrade stands, from its journal alone."""
    from migrator.cli.upgrade import view
    from migrator.cli.upgrade.wiring import read_state

    _, state = read_state(where)
    view.show_state(state, where.output)


@command.command("report")
@_where
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("upgrade.html"),
    show_default=True,
    help="The HTML page; the JSON is written beside it.",
)
def report(where: Where, out: Path) -> None:
    """Write what was done, step by step, as one self-contained HTML page and JSON."""
    import orjson

    from migrator.cli.upgrade.wiring import journal_entries
    from migrator.report.upgrade import document, summarize_upgrades, upgrade_page

    upgrades = summarize_upgrades(journal_entries(where))
    out.write_text(upgrade_page(where.name, upgrades), encoding="utf-8")
    out.with_suffix(".json").write_bytes(orjson.dumps(document(upgrades), option=orjson.OPT_INDENT_2))
    if where.output == "json":
        render.result_json(document(upgrades))
    else:
        render.line(f"{out} and {out.with_suffix('.json')}")


def _version(text: str, option: str) -> Version:
    try:
        return parse_version(text)
    except ValueError as error:
        raise ConfigError([f"{option}: {error}"]) from error


def _package(text: str) -> tuple[str, str]:
    name, _, version = text.partition("=")
    if name not in ("cri-o", "crictl", "cni-plugins"):
        raise ConfigError([f"--package {text}: write cri-o=1.37.0; also crictl, cni-plugins"])
    return name, str(_version(version, f"--package {name}"))


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError([f"--drain-timeout: {error}"]) from error
