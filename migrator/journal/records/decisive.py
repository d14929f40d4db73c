"""What a journal must say before traffic goes back: whose it is, and whether blue is still there. It imports little."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.journal.records.base import Header, Record
from migrator.journal.records.codec import Codec


@dataclass(slots=True, frozen=True)
class Retired(Record):
    """Blue is archived, and the migration is closed."""

    WORD = "retired"
    archive: str
    """Path of the archive."""
    objects: int
    sha256: str = ""
    """Digest of the archive's file."""


DECISIVE: Codec[Header | Retired] = Codec((Header, Retired))
"""Two records of many thousands."""
DECISIVE_WORDS = (Header.WORD, Retired.WORD)
