"""`migrator retire`."""

from __future__ import annotations

import click

from migrator.cli import render
from migrator.cli.options import Common, takes


@click.command("retire")
@takes(Common)
@click.option(
    "--encrypt-to",
    "recipient",
    metavar="RECIPIENT",
    help="Encrypt the archive: age1... or an SSH public key by age, anything else by gpg.",
)
def command(common: Common, recipient: str | None) -> None:
    """Prove that no traffic reaches blue, archive its objects, and list what to destroy.

    The archive holds Secrets, in clear without --encrypt-to; only you can read the file. Exit code 3 while blue is still needed.
    """
    from migrator.adapters.encryption import ProgramSealer
    from migrator.migration.verbs import run_retire
    from migrator.wiring.migration import session

    sealer = ProgramSealer(recipient) if recipient is not None else None
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        render.confirmed("Retire blue? There is no rollback afterwards.", yes=common.yes)
        path = common.inputs.journal(opened.config.name).parent / "blue-archive.jsonl.gz"
        done = run_retire(opened, path, sealer)
    steps = [
        "pulumi destroy --stack blue        (a cluster that Pulumi made)",
        "kubeadm reset -f, on each node     (a cluster made by hand)",
        "take blue's servers out of the load balancer's configuration",
        "delete blue's credentials where they are kept",
        "migratorRole: none in green's stack, where it says green: the account is removed from green",
    ]
    if common.output == "json":
        result = {"archive": str(done.path), "objects": done.archived.objects, "sha256": done.archived.sha256}
        render.result_json({**result, "encrypted": sealer is not None, "leftOut": dict(done.left_out), "next": steps})
    else:
        render.line(f"{done.archived.objects} objects of blue archived in {done.path}")
        render.line(f"sha256: {done.archived.sha256}")
        render.line(f"not in it: {len(done.left_out)} kinds that are not moved (`migrator plan --all` lists them)")
        render.line("blue is retired; destroy it with:")
        for step in steps:
            render.line(f"  - {step}")
