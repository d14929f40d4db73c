"""`migrator packages build`."""

from __future__ import annotations

import platform
from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.cli.packages.options import dest_option, work_option


@click.command("build")
@click.argument("orders", nargs=-1, required=True, metavar="NAME=VERSION...")
@click.option("--arch", default="", help="aarch64, armv7h or x86_64; another one than this machine's is built cross.")
@click.option(
    "--source",
    type=click.Choice(["release", "modules"]),
    default="release",
    show_default=True,
    help="Release archives, or the published Go modules with their checksum database.",
)
@click.option("--source-base", default="", help="Another base address of release archives.")
@click.option(
    "--accept-new-checksum",
    is_flag=True,
    help="Trust what the address serves now for a version without a pinned checksum, and hold later builds to it.",
)
@click.option(
    "--checksums", type=click.Path(path_type=Path), default=Path("packages.sum"), show_default=True, help="Your own record."
)
@click.option("--user", default="", help="Who builds, when root asks.  [default: the person behind sudo, or nobody]")
@work_option
@dest_option
@output_option
def command(  # noqa: PLR0913, PLR0917 - its options
    orders: tuple[str, ...],
    arch: str,
    source: str,
    source_base: str,
    accept_new_checksum: bool,  # noqa: FBT001
    checksums: Path,
    user: str,
    work: Path,
    dest: Path,
    output: str,
) -> None:
    """Build packages with makepkg, as a user without privileges; what is done to this machine is undone again.

    Known packages: kubernetes, cri-o, crictl, cni-plugins; as in kubernetes=1.37.2.
    """
    from migrator.cli.packages import view
    from migrator.packages.ordered import Workshop, build_all
    from migrator.packages.recipes import ARCHITECTURES, Source, checksum, parse_orders

    architecture = arch or platform.machine().replace("armv7l", "armv7h")
    if architecture not in ARCHITECTURES:
        raise click.BadParameter(f"{architecture!r} is none of {', '.join(ARCHITECTURES)}", param_hint="--arch")
    wanted = [
        (order, checksum(order, checksums, accept_new=accept_new_checksum))
        for order in parse_orders(orders, architecture, Source(source))
    ]
    shop = Workshop(work=work, dest=dest, user=user, source_base=source_base)
    view.show_built(build_all(wanted, shop, render.step), output)
