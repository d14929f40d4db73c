"""`migrator retire`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, journal_path, takes


@click.command("retire")
@takes(Common)
def command(common: Common) -> None:
    """Prove that no traffic reaches blue, archive its objects, and list what to destroy.

    The archive holds Secrets; only you can read the file. Exit code 3 while blue is still needed.
    """
    from migrator.cli.wiring import session
    from migrator.migration.verbs import run_retire

    with render.Screen(quiet=common.output == "json") as screen, session(common, screen) as opened:
        render.confirmed("Retire blue? There is no rollback afterwards.", yes=common.yes)
        path = journal_path(common, opened.config.name).parent / "blue-archive.jsonl.gz"
        count = run_retire(opened, path)
    steps = [
        "pulumi destroy --stack blue        (a cluster that Pulumi made)",
        "kubeadm reset -f, on each node     (a cluster made by hand)",
        "take blue's servers out of the load balancer's configuration",
        "delete blue's credentials where they are kept",
        "migratorRole: none in green's stack, where it says green: the account is removed from green",
    ]
    if common.output == "json":
        render.result_json({"archive": str(path), "objects": count, "next": steps})
    else:
        render.line(f"{count} objects of blue archived in {path}")
        render.line("blue is retired; destroy it with:")
        for step in steps:
            render.line(f"  - {step}")
