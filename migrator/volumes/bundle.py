"""The program for the hosts: one file on the way there, a folder with what Python makes of it there."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from importlib import resources

from migrator.nodes.paths import STATE
from migrator.ports import Host

_MAIN = "import sys\nfrom migrator.volumes.agent.main import main\nsys.exit(main(sys.argv[1:]))\n"
# The first time that a zip file can hold: the same source gives the same bytes, and so the same digest.
_AT = (1980, 1, 1, 0, 0, 0)


@functools.cache
def bundle() -> bytes:
    """Return the file; the same code gives the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _files().items():
            archive.writestr(zipfile.ZipInfo(name, _AT), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def bundle_name() -> str:
    """Return its name, which tells what is in it: a unit that runs an older one keeps its own."""
    return f"agent-{hashlib.sha256(bundle()).hexdigest()[:12]}"


def put_agent(host: Host) -> str:
    """Put the program on a host, unless it is there, and return its folder, which Python runs.

    It is compiled there once: it starts several times in a pass, and a small board takes a second for that.
    """
    path = f"{STATE}/volumes/.{bundle_name()}"
    if not host.ok(f"test -e {path}/__main__.py"):
        host.run(
            f"set -e; umask 077; mkdir -p -m 755 {STATE}/volumes; new={path}.$$; "
            "cat > $new.pyz; python3 -m zipfile -e $new.pyz $new; "
            "python3 -m compileall -q $new; rm $new.pyz; "
            f"mv -T $new {path} 2> /dev/null || rm -rf $new",
            stdin=bundle(),
        )
    return path


def _files() -> dict[str, str]:
    agent = resources.files("migrator.volumes.agent")
    code = {item.name: item.read_text(encoding="utf-8") for item in agent.iterdir() if item.name.endswith(".py")}
    inside = {f"migrator/volumes/agent/{name}": text for name, text in sorted(code.items())}
    return {"__main__.py": _MAIN, "migrator/__init__.py": "", "migrator/volumes/__init__.py": "", **inside}
