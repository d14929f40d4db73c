"""The part of `migration.yaml` about the data in volumes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from migrator.config.fields import Duration, Frozen, lasting


class HostFiles(Frozen):
    """Files that name the hosts of each cluster, and how SSH reaches them: stack files, or such with `nodes` and `ssh` only."""

    blue: str = Field(description="Path of blue's file, relative to this file.")
    green: str = Field(description="Path of green's file, relative to this file.")


def _rate(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)([KMG])", value)):
        return int(found[1]) * {"K": 1, "M": 1024, "G": 1024 * 1024}[found[2]]
    if value == 0:
        return value
    raise ValueError(f"{value!r} is not a rate; write it as 500K, 20M or 1G, in bytes a second")


def _pattern(value: str) -> str:
    """Return a pattern that all programs which take part read alike."""
    names = value.removeprefix("**/").split("/")
    if not value.isprintable() or value != value.strip() or set(value) & set("[]\\") or not all(names) or {".", ".."} & set(names):
        raise ValueError(
            f"{value!r} is not a path from the top of a volume, such as cache/*.tmp; no [, ] or backslash, no `/` at its ends"
        )
    if any("**" in name for name in names):
        raise ValueError(f"{value!r}: `**/` may stand at its beginning only")
    return value


class ClaimRule(Frozen):
    """How the data of some claims is moved."""

    claims: tuple[str, ...] = Field(description="Claims (namespace/name on blue, * allowed).", min_length=1)
    way: Literal["copy", "handOver", "adopt", "replicate", "own", "skip"] = Field(
        "copy",
        description=(
            "copy: from host to host; handOver: green gets the same volume of storage that both reach, which sets policy Retain on "
            "blue; adopt: its disk has changed sides with its machine; replicate: what runs on it brings its data, such as a "
            "replica of a database; own: by your own means; skip: it is not moved."
        ),
    )
    bandwidth: Annotated[int, BeforeValidator(_rate)] = Field(
        0,
        description="Highest rate in bytes a second, such as 20M; 0: none.",
        json_schema_extra={"type": ["string", "integer"]},
    )
    before: tuple[tuple[str, ...], ...] = Field(
        (), description="Commands before the last pass or the hand-over, on this machine; one that fails ends it before it begins."
    )
    after: tuple[tuple[str, ...], ...] = Field((), description="Commands after it, also when it has failed.")
    exclude: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        (),
        description=(
            "Paths in the volume that are left out: neither brought, compared nor deleted, on either side, with all below them. "
            "From the top of the volume; `*` and `?` stand for what is in one name; `**/` before it: at any depth."
        ),
    )
    devices: bool = Field(False, description="Whether device files are copied; they may give access to the disks of a host.")


class Volumes(Frozen):
    """What happens to the data in volumes."""

    data_moved: tuple[str, ...] = Field(
        (),
        description="Claims (namespace/name, * allowed) whose data you moved yourself, or that may be empty on green.",
    )
    hosts: HostFiles | None = Field(None, description="The hosts of both clusters; without them `migrator data` copies nothing.")
    claims: tuple[ClaimRule, ...] = Field((), description="Rules for single claims; the first that names a claim counts.")
    parallel: int = Field(2, ge=1, le=16, description="How many volumes are copied at once.")
    port: int = Field(0, ge=0, le=65535, description="Port of the temporary SSH server on the source's host; 0: a free one.")
    relay: bool = Field(
        False,
        description=(
            "Whether the data goes through this machine, for hosts that do not reach each other: it must stay on, and its line is "
            "the speed of the copy."
        ),
    )
    holder_image: str = Field(
        "",
        description=(
            "Image of the pods that hold CSI volumes mounted while their data moves, for both clusters; it must run until it is "
            "ended. Empty: the pause image that their nodes have."
        ),
    )
    detach_timeout: Duration = lasting(
        "2m", description="How long a hand-over waits until the nodes of the giving side no longer use a volume."
    )
    downtime_budget: Duration = lasting(
        "1m",
        description=("Longest pause of a workload for its data; a cutover that predicts more is refused, and `finish` asks."),
    )

    @property
    def hands_over(self) -> bool:
        """Whether a cutover hands volumes over themselves."""
        return any(rule.way == "handOver" for rule in self.claims)
