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
    from migrator.cli.view import retirement as view
    from migrator.migration.verbs.retire import run_retire
    from migrator.wiring.migration import session

    sealer = ProgramSealer(recipient) if recipient is not None else None
    with render.Screen(quiet=common.output == "json") as screen, session(common.inputs, screen) as opened:
        render.confirmed("Retire blue? There is no rollback afterwards.", yes=common.yes)
        path = common.inputs.journal(opened.config.name).parent / "blue-archive.jsonl.gz"
        done = run_retire(opened, path, sealer)
    if common.output == "json":
        render.result_json(view.as_document(done, encrypted=sealer is not None))
    else:
        view.show(done)
