"""Run makepkg as a user without privileges, show its progress, and collect the package."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from migrator.errors import MigratorError
from migrator.packages.place import BuildPlace, make_state_folder, state_folder
from migrator.packages.recipes import ARCHITECTURES, Order, recipes_folder
from migrator.packages.supervise import supervise

# What a person has set for packages of this machine is not for others: folders that the build user cannot write to, or that are
# in memory, and flags for this very processor, with which pinns would not start on the next board (pikaur#394 has both).
_CONFIG = """\
source /etc/makepkg.conf
unset BUILDDIR SRCDEST SRCPKGDEST LOGDEST CPPFLAGS LDFLAGS LTOFLAGS
unset GOAMD64 GOARM64 CGO_CFLAGS CGO_LDFLAGS GOEXPERIMENT
CFLAGS='-O2 -pipe'
CXXFLAGS='-O2 -pipe'
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


def build(order: Order, shop: BuildPlace, *, checksum: str, dest: Path, say: Callable[[str], None]) -> Path:
    """Build one package and return its file in `dest`; raises MigratorError with the end of makepkg's log.

    The same order gives the same bytes: times in the package are those of the recipe, and paths are trimmed.
    """
    shop.take()
    state = state_folder(shop.work)
    make_state_folder(state)
    folder = shop.work / f"{order.recipe.name}-{order.version}-{order.architecture}"
    shop.remove(folder)
    shop.run(["mkdir", "--", str(folder)])
    # As an archive through a pipe: the build user need not be able to read root's files, nor root write into theirs.
    shop.run(["tar", "-x", "-C", str(folder)], stdin=_recipe(order))
    config = folder / "makepkg.conf"
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
        # A build behind a mirror must find its modules; the checksum database still proves them.
        **{name: value for name, value in os.environ.items() if name in ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN")},
        **({"SOURCE_BASE": shop.source_base} if shop.source_base else {}),
    }
    # Only on Arch Linux can makepkg install build dependencies; elsewhere the build itself names what is missing.
    dependencies = "--syncdeps" if Path("/etc/arch-release").exists() else "--nodeps"
    command = ["makepkg", "--clean", dependencies, "--noconfirm", "--config", str(config)]
    log = state / f"{folder.name}.log"
    supervise(
        shop.command(command),
        folder=folder,
        environment=environment,
        log=log,
        say=lambda text: say(f"{order.file}: {text}"),
        hint="it is part of pacman; Debian: apt install makepkg",
    )
    if not (folder / order.file).exists():
        raise MigratorError(f"makepkg wrote no {order.file}", hint=f"see {log}")
    made = shop.collect(folder / order.file, dest)
    shop.remove(folder)
    return made


def _recipe(order: Order) -> bytes:
    """Return the recipe's files and makepkg's configuration as an archive, which the build user unpacks."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for file in (*sorted(order.recipe.folder.iterdir()), recipes_folder() / "module.sh"):
            _add(archive, file.name, file.read_bytes())
        config = _CONFIG.format(architecture=order.architecture, host=ARCHITECTURES[order.architecture])
        _add(archive, "makepkg.conf", config.encode())
    return written.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _recipe_time(order: Order) -> int:
    """Return a time, in seconds since 1970, that depends on the version only, so that builds are reproducible."""
    numbers = [int(part) for part in order.version.split(".")]
    return 1_600_000_000 + numbers[0] * 10_000_000 + numbers[1] * 100_000 + numbers[2] * 1000
