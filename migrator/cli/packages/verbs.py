"""`migrator packages`."""

from __future__ import annotations

import platform
from pathlib import Path

import click

from migrator.cli import render
from migrator.cli.options import output_option
from migrator.errors import BlockedError
from migrator.packages.host import Preparation

_WORK = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("/var/tmp/migrator-packages"),  # noqa: S108 - the build user must reach it
    show_default=True,
    help="Folder for sources and caches; logs, too, unless root builds: /var/lib/migrator-build.",
)
_DEST = click.option(
    "--dest", type=click.Path(path_type=Path), default=Path("dist/packages"), show_default=True, help="Folder of the packages."
)


@click.group("packages")
def command() -> None:
    """Packages of Kubernetes and CRI-O for Arch Linux and Arch Linux ARM, built on machines of your own."""


@command.command("plan")
@_WORK
@output_option
def plan(work: Path, output: str) -> None:
    """Show what this machine has, what a build will do to it for the time of the build, and how long it may take."""
    from migrator.packages.host import estimate, prepare, read_host
    from migrator.packages.place import state_folder

    host = read_host(work)
    preparation = prepare(host)
    minutes = {name: round(seconds / 60, 1) for name, seconds in estimate(preparation.jobs, state_folder(work)).items()}
    if output == "json":
        import dataclasses

        render.result_json({"host": dataclasses.asdict(host), "preparation": dataclasses.asdict(preparation), "minutes": minutes})
    else:
        swap = f"{host.swap} MiB of swap" if host.swap else "no swap"
        render.line(f"this machine: {len(host.cpus)} CPUs, {host.memory} MiB of memory, {swap}, {host.disk} MiB free in {work}")
        for text in _steps(preparation):
            render.line(f"  - {text}")
        for text in preparation.reasons:
            render.line(f"  because {text}")
        guessed = ", ".join(f"{name} {value:g} min" for name, value in minutes.items())
        render.line(f"may take: {guessed} (measured here before, or on a server's cores: boards take several times as long)")
    if preparation.shortage:
        raise BlockedError(f"a build will not work here: {preparation.shortage}", hint="make room, or name another --work")


@command.command("build")
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
@_WORK
@_DEST
@output_option
def build(  # noqa: PLR0913, PLR0917 - its options
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
    from migrator.packages.build import build as build_one
    from migrator.packages.host import prepare, read_host, remember
    from migrator.packages.place import BuildPlace, make_state_folder, state_folder
    from migrator.packages.prepare_host import prepared
    from migrator.packages.publish import build_user
    from migrator.packages.recipes import ARCHITECTURES, Source, checksum, parse_orders

    architecture = arch or platform.machine().replace("armv7l", "armv7h")
    if architecture not in ARCHITECTURES:
        raise click.BadParameter(f"{architecture!r} is none of {', '.join(ARCHITECTURES)}", param_hint="--arch")
    wanted = parse_orders(orders, architecture, Source(source))
    sums = [checksum(order, checksums, accept_new=accept_new_checksum) for order in wanted]
    preparation = prepare(read_host(work))
    if preparation.shortage:
        raise BlockedError(f"a build will not work here: {preparation.shortage}", hint="make room, or name another --work")
    shop = BuildPlace(work.absolute(), user or build_user(), preparation.jobs, source_base)
    shop.take()
    state = state_folder(work)
    make_state_folder(state)
    made = []
    for text in _steps(preparation):
        render.step(text)
    with prepared(preparation, state):
        for order, known in zip(wanted, sums, strict=True):
            with remember(order.recipe.name, preparation.jobs, state):
                made.append(build_one(order, shop, checksum=known, dest=dest.absolute(), say=render.step))
    if output == "json":
        render.result_json({"packages": [str(file) for file in made]})
        return
    for file in made:
        render.line(str(file))


@command.command("publish")
@_DEST
@click.option("--repo", type=click.Path(path_type=Path), help="Folder of the repository.  [default: --dest itself]")
@click.option("--key", default="", help="Id of a GPG key to sign packages and database with.")
@click.option("--to", multiple=True, metavar="USER@HOST:FOLDER", help="Copy the repository there, over SSH; may be repeated.")
@output_option
def publish(dest: Path, repo: Path | None, key: str, to: tuple[str, ...], output: str) -> None:
    """Make a pacman repository of the packages, for nodes to get over HTTP or SSH."""
    from migrator.packages.publish import publish as publish_all
    from migrator.packages.publish import send

    repository = (repo or dest).absolute()
    files = sorted(dest.glob("*.pkg.tar.zst"))
    database = publish_all(files, repository, key=key)
    for place in to:
        render.step(f"copying to {place}")
        send(repository, place)
    if output == "json":
        render.result_json({"database": str(database), "packages": [file.name for file in files], "copied": list(to)})
        return
    render.line(f"{len(files)} packages in {database}")
    if key:
        render.line(f"in a stack's file: packageSource: the address of {repository}; packageKey: the file of `gpg --export {key}`")
    else:
        render.line(f"in a stack's file: packageSource: the address of {repository}; packageSums: of `sha256sum *.pkg.tar.zst`")


def _steps(preparation: Preparation) -> list[str]:
    steps = [f"{preparation.jobs} compilers at a time"]
    if preparation.zram:
        steps.append(f"{preparation.zram} MiB of compressed swap in memory (zram)")
    if preparation.swap_file:
        steps.append(f"a swap file of {preparation.swap_file} MiB")
    if preparation.offline:
        steps.append(f"CPUs {', '.join(map(str, preparation.offline))} offline for the time of the build")
    return steps
