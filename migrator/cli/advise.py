"""`migrator advise`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.cli.upgrade.where import Where
from migrator.errors import ConfigError
from migrator.model.advice import Choice


@click.command("advise")
@click.option("--to", "target", required=True, metavar="VERSION", help="Version to go to, such as 1.37.2.")
@click.option("-s", "--stack", help="Stack whose hosts are read, too: stacks/Pulumi.NAME.yaml.")
@click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Path of such a file, instead of --stack.")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Without a stack: the cluster to read.")
@click.option("--context", help="Context in the kubeconfig; left out: the current one.")
@click.option("--spare-nodes", type=click.IntRange(0), help="How many machines could be added during a migration.")
@output_option
def command(
    target: str,
    stack: str | None,
    file: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    spare_nodes: int | None,
    output: str,
) -> None:
    """Recommend a migration to a new cluster, an upgrade in place, or neither, with reasons. Nothing is changed.

    Exit code 3 when neither is possible.
    """
    from migrator.cli.view import advice as view
    from migrator.model.version import parse_version
    from migrator.upgrade.advise import advise, plain_hops
    from migrator.upgrade.checks.table import check
    from migrator.upgrade.rollback import cannot_be_undone
    from migrator.wiring.upgrade import advice_of_cluster, advice_of_hosts

    try:
        version = parse_version(target)
    except ValueError as error:
        raise ConfigError([f"--to: {error}"]) from error
    with render.Screen(quiet=output == "json") as screen:
        if stack or file:
            where = Where(stack=stack, file=file, kubeconfig=kubeconfig)
            facts, control_planes = advice_of_hosts(version, where.inputs, screen)
        elif kubeconfig:
            facts, control_planes = advice_of_cluster(version, kubeconfig, context, screen)
        else:
            raise ConfigError(["which cluster? Give --stack, --file or --kubeconfig"])
        lost = cannot_be_undone(facts.hops, control_planes) if facts.hops else []
        advice = advise(facts, check(facts), spare_nodes=spare_nodes, lost=lost)
    if output == "json":
        render.result_json(dataclasses.asdict(advice) | {"from": str(facts.cluster.version), "to": target})
    else:
        view.show(advice, plain_hops(facts.hops))
    click.get_current_context().exit(3 if advice.path is Choice.NEITHER and facts.hops else 0)
