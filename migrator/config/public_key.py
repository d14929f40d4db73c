"""A person's public SSH key, as it is sent to others and kept in Pulumi's state: a private one must get into neither."""

from __future__ import annotations

import re
from pathlib import Path

from migrator.config.parse import text_of
from migrator.errors import ConfigError

# What OpenSSH writes (sshd(8), AUTHORIZED_KEYS FILE FORMAT): a kind, the key in base64, and a comment, in one line.
_PUBLIC = re.compile(r"(ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]+=*( [^\n]*)?")


def read_public_key(path: Path, *, named: str) -> str:
    """Return the key in a file that a setting, `named`, gives; raises ConfigError, which tells nothing of what is in it."""
    text = text_of(path, hint=f"{named} names a public SSH key").strip()
    if not _PUBLIC.fullmatch(text):
        raise ConfigError([f"{named}: {path}: holds no public SSH key"], hint="it is the file whose name ends with .pub")
    return text
