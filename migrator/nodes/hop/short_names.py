"""Read from a host where its CRI-O takes images from that name no registry."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.model.short_names import ShortNames, read_short_names

_FILES = "/etc/containers/registries.conf /etc/containers/registries.conf.d/*.conf"
SCRIPT = rf"""
for file in {_FILES}; do
  test ! -f "$file" || {{ echo; echo "@@ registries $file"; cat "$file"; }}
done
echo; echo '@@ short names'
grep -hE '^[[:space:]]*short_name_mode[[:space:]]*=' /etc/crio/crio.conf /etc/crio/crio.conf.d/* 2>/dev/null | tail -n 1
"""


def short_names(parts: Mapping[str, str]) -> ShortNames:
    """Return what the script has printed."""
    files = (text for name, text in parts.items() if name.startswith("registries "))
    return read_short_names(files, parts.get("short names", ""))
