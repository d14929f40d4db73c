"""Run makepkg as a user without privileges, show its progress, and collect the package."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.packages.recipes import ARCHITECTURES, Order, recipes_folder
from migrator.packages.supervise import supervise

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
_FOLDERS = {"GOMODCACHE": "go-mod", "GOCACHE": "go-build", "TMPDIR": "tmp"}


@dataclass(slots=True, frozen=True)
class BuildPlace:
    """Where and as whom packages are built."""

    work: Path
    """Sources, Go's caches and logs; belongs to `user`."""
    user: str
    """Empty: whoever runs this, who must not be root."""
    jobs: int
    source_base: str = ""
    """Another base address of release archives."""

    @property
    def environment(self) -> dict[str, str]:
        """Return where Go and the compilers keep things; the folders are made."""
        folders = {name: self.work / folder for name, folder in _FOLDERS.items()}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return {name: str(folder) for name, folder in folders.items()}

    def command(self, words: Sequence[str], folder: Path) -> list[str]:
        """Return a command that runs as the build user, to whom `folder` and Go's caches are given."""
        if not self.user:
            return list(words)
        account = pwd.getpwnam(self.user)
        os.chown(self.work, account.pw_uid, account.pw_gid)
        # Another user may have run an earlier build. Only then: the caches have half a million files.
        others = [cache for cache in map(Path, self.environment.values()) if cache.stat().st_uid != account.pw_uid]
        run(["chown", "-R", f"{account.pw_uid}:{account.pw_gid}", folder, *others])
        identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        # A build does not outlive who started it.
        return ["setpriv", *identity, "--pdeathsig=TERM", "--", *words]


def build(order: Order, shop: BuildPlace, *, checksum: str, dest: Path, say: Callable[[str], None]) -> Path:
    """Build one package and return its file in `dest`; raises MigratorError with the end of makepkg's log.

    The same order gives the same bytes: times in the package are those of the recipe, and paths are trimmed.
    """
    folder = shop.work / f"{order.recipe.name}-{order.version}-{order.architecture}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(order.recipe.folder, folder)
    shutil.copy(recipes_folder() / "module.sh", folder)
    config = folder / "makepkg.conf"
    config.write_text(_CONFIG.format(architecture=order.architecture, host=ARCHITECTURES[order.architecture]))
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
        **shop.environment,
        "PKGDEST": str(folder),
        **{name: value for name, value in os.environ.items() if name in ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN")},
        **({"SOURCE_BASE": shop.source_base} if shop.source_base else {}),
    }
    # Only on Arch Linux can makepkg install build dependencies; elsewhere the build itself names what is missing.
    dependencies = "--syncdeps" if Path("/etc/arch-release").exists() else "--nodeps"
    command = ["makepkg", "--clean", dependencies, "--noconfirm", "--config", str(config)]
    log = shop.work / f"{folder.name}.log"
    supervise(
        shop.command(command, folder),
        folder=folder,
        environment=environment,
        log=log,
        say=lambda text: say(f"{order.file}: {text}"),
        hint="it is part of pacman; Debian: apt install makepkg",
    )
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
