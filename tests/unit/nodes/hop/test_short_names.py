"""A host's files about images without a registry are read; a real shell reads real files."""

from __future__ import annotations

from pathlib import Path

from migrator.model.short_names import ShortNames
from migrator.nodes.hop.short_names import SCRIPT, short_names
from tests.support.shell_host import ShellHost


def parts_of(host: ShellHost) -> dict[str, str]:
    """Return the parts that the script prints."""
    found = f"\n{host.run(SCRIPT)}".split("\n@@ ")[1:]
    return dict(part.partition("\n")[::2] for part in found)


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """The last list counts, and the last word of CRI-O's drop-in files; a comment is none."""
    host = ShellHost(tmp_path)
    assert short_names(parts_of(host)) == ShortNames()
    host.write("/etc/containers/registries.conf", b'unqualified-search-registries = ["a.example", "docker.io"]')
    host.write("/etc/containers/registries.conf.d/90-own.conf", b'unqualified-search-registries = ["docker.io", "b.example"]\n')
    host.write("/etc/containers/registries.conf.d/10-names.conf", b'[aliases]\nalpine = "docker.io/library/alpine"')
    host.write("/etc/crio/crio.conf", b'[crio.image]\n# short_name_mode = "disabled"\n')
    assert short_names(parts_of(host)) == ShortNames(("docker.io", "b.example"), aliases=frozenset({"alpine"}))
    host.write("/etc/crio/crio.conf.d/50-names.conf", b'[crio.image]\n  short_name_mode = "disabled"\n')
    assert short_names(parts_of(host)).chosen
