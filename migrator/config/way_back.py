"""What going back needs of `migration.yaml` for its traffic; it imports little, for a rollback begins with it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from migrator.config.parse import parse, text_of
from migrator.config.traffic import OneOrMore, SwitchConfig, as_list

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""The name of a migration, which is that of the folder of its journal, too."""
NO_FILE = "`migrator init` writes one; --config names another"


class WayBack(BaseModel):
    """A mistake elsewhere in the file must not keep traffic on green."""

    name: str = Field(pattern=NAME)
    traffic: OneOrMore[SwitchConfig]

    @property
    def switches(self) -> tuple[SwitchConfig, ...]:
        """What traffic moves through, one entry each."""
        return as_list(self.traffic)


def load_way_back(path: Path) -> WayBack:
    """Return what going back needs for its traffic, whatever else is wrong in the file; raises ConfigError."""
    return parse(WayBack, text_of(path, hint=NO_FILE), str(path))
