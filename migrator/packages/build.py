"""Run makepkg as a user without privileges, show its progress, and collect the package."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import CommandFailedError, MigratorError
from migrator.packages.recipes import ARCHITECTURES, Order, recipes_folder

_CONFIG = """\
source /etc/makepkg.conf
CARCH={architecture}
CHOST={host}
PKGEXT=.pkg.tar.zst
COMPRESSZST=(zstd -c -q -T0 -)
BUILDENV=(!distcc !color !ccache !check !sign)
OPTIONS=(!strip docs !libtool !staticlibs emptydirs !zipman purge !debug !lto)
PACKAGER="migrator <migrator@localhost>"
DLAGENTS=('http::/usr/bin/curl -fLsS -o %o %u' 'https::/usr/bin/curl -fLsS -o %o %u')
INTEGRITY_CHECK=(sha256)
"""
_SHOW_SECONDS = 10.0


@dataclass(slots=True, frozen=True)
class Workshop:
    """Where and as whom packages are built."""

    work: Path
    """Sources, Go's caches and logs; belongs to `user`."""
    user: str
    """Empty: whoever runs this, who must not be root."""
    jobs: int
    source_base: str = ""
    """Another base address of release archives."""


def build(order: Order, shop: Workshop, *, checksum: str, dest: Path, say: Callable[[str], None]) -> Path:
    """Build one package and return its file in `dest`; raises MigratorError with the end of makepkg's log.

    The same order gives the same bytes: times in the package are those of the recipe, and paths are trimmed.
    """
    folder = shop.work / f"{order.recipe.name}-{order.version}-{order.architecture}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(order.recipe.folder, folder)
    shutil.copy(recipes_folder() / "module.sh", folder)
    config = folder / "makepkg.conf"
    config.write_text(_CONFIG.format(architecture=order.architecture, host=ARCHITECTURES[order.architecture]))
    for cache in ("go-mod", "go-build", "tmp"):
        (shop.work / cache).mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "PACKAGE_VERSION": order.version,
        "SOURCE": order.source.value,
        "SOURCE_CHECKSUM": checksum,
        "SOURCE_DATE_EPOCH": str(_recipe_time(order)),
        "GO_JOBS": str(shop.jobs),
        "GOMAXPROCS": str(max(shop.jobs, 1)),
        "GOMODCACHE": str(shop.work / "go-mod"),
        "GOCACHE": str(shop.work / "go-build"),
        "TMPDIR": str(shop.work / "tmp"),
        "PKGDEST": str(folder),
        **{name: value for name, value in os.environ.items() if name in ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN")},
        **({"SOURCE_BASE": shop.source_base} if shop.source_base else {}),
    }
    # Only on Arch Linux can makepkg install build dependencies; elsewhere the build itself names what is missing.
    dependencies = "--syncdeps" if Path("/etc/arch-release").exists() else "--nodeps"
    command = ["makepkg", "--clean", dependencies, "--noconfirm", "--config", str(config)]
    log = shop.work / f"{folder.name}.log"
    _supervise(_as_user(command, shop, folder), folder, environment, log, lambda text: say(f"{order.file}: {text}"))
    made = folder / order.file
    if not made.exists():
        raise MigratorError(f"makepkg wrote no {order.file}", hint=f"see {log}")
    dest.mkdir(parents=True, exist_ok=True)
    partial = dest / f".{order.file}"
    shutil.copy(made, partial)
    partial.replace(dest / order.file)
    run(["chmod", "-R", "u+w", folder])
    shutil.rmtree(folder)
    return dest / order.file


def _recipe_time(order: Order) -> int:
    """Return a time, in seconds since 1970, that depends on the version only, so that builds are reproducible."""
    numbers = [int(part) for part in order.version.split(".")]
    return 1_600_000_000 + numbers[0] * 10_000_000 + numbers[1] * 100_000 + numbers[2] * 1000


def _as_user(command: list[str], shop: Workshop, folder: Path) -> list[str]:
    if not shop.user:
        return command
    account = pwd.getpwnam(shop.user)
    os.chown(shop.work, account.pw_uid, account.pw_gid)
    # Recursively, because another user may have run an earlier build.
    owned = [folder, *(shop.work / name for name in ("go-mod", "go-build", "tmp"))]
    run(["chown", "-R", f"{account.pw_uid}:{account.pw_gid}", *owned])
    identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, "--", *command]


def _supervise(command: list[str], folder: Path, environment: dict[str, str], log: Path, say: Callable[[str], None]) -> None:
    """Run a command, write its output to a log, and report the progress that the output shows."""
    begun = shown = time.monotonic()
    compiled = 0
    with log.open("w") as file:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise MigratorError(
                f"{command[0]} is not installed", hint="it is part of pacman; Debian: apt install makepkg"
            ) from error
        try:
            for line in child.stdout or ():
                file.write(line)
                if line.startswith("==>"):
                    say(line.removeprefix("==>").strip())
                elif "/" in line and " " not in line.strip():
                    compiled += 1
                if time.monotonic() - shown > _SHOW_SECONDS:
                    shown = time.monotonic()
                    say(f"{compiled} Go packages compiled, {shown - begun:.0f} s")
            code = child.wait()
        except BaseException:
            # ^C: makepkg and its compilers are one process group, and all of it must end.
            os.killpg(child.pid, 15)
            child.wait()
            raise
    if code:
        raise CommandFailedError(shlex.join(command[-7:]), code, log.read_text()[-400:], hint=f"the whole log: {log}")
