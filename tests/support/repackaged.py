"""A package of the same files as another one, under another version: what pacman takes for an update."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from migrator.adapters.commands import run


def repackaged(package: Path, version: str, more: Mapping[str, str] | None = None) -> Path:
    """Write the package beside the other one and return it; `more` are executable files that it has as well, by path."""
    found = re.fullmatch(r"(?P<name>.+)-\d[\d.]*-1-(?P<rest>.+)", package.name)
    if found is None:
        raise ValueError(f"{package.name}: is not a package's name")
    made = package.parent / f"{found['name']}-{version}-1-{found['rest']}"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run(["tar", "--zstd", "-xf", package, "-C", folder])
        about = folder / ".PKGINFO"
        about.write_text(re.sub(r"^pkgver = .*$", f"pkgver = {version}-1", about.read_text(), flags=re.MULTILINE))
        for path, content in (more or {}).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o755)
        # What is told of a package comes first; the sums of its files would not be true any more.
        (folder / ".MTREE").unlink(missing_ok=True)
        first = [name for name in (".PKGINFO", ".BUILDINFO", ".INSTALL") if (folder / name).exists()]
        rest = sorted(item.name for item in folder.iterdir() if item.name not in first)
        run(["tar", "--zstd", "--owner=0", "--group=0", "-cf", made, "-C", folder, *first, *rest])
    return made


def own_folder(packages: Path, folder: Path, name: str) -> Path:
    """Have a folder with the same packages, of which those that begin with `name` are copies; return the newest of those."""
    folder.mkdir()
    for file in packages.glob("*.pkg.tar.zst"):
        if file.name.startswith(name):
            shutil.copy(file, folder)
        else:
            (folder / file.name).symlink_to(file)
    return max(folder.glob(f"{name}*"))
