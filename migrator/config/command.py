"""A program of the person's own that moves traffic."""

from __future__ import annotations

from pydantic import Field, field_validator

from migrator.config.fields import Duration, Frozen, lasting

PERCENT = "{percent}"


class CommandConfig(Frozen):
    """Two programs, started without a shell: one sets green's share, one prints it."""

    name: str = Field(description="What it is called in messages.", max_length=61, pattern=r"^\w[\w .:-]*$")
    set: tuple[str, ...] = Field(
        description="Program and arguments that set green's share; `{percent}` stands for a number from 0 to 100.",
        min_length=1,
    )
    read: tuple[str, ...] = Field(description="Program and arguments that print green's share now, as JSON.", min_length=1)
    timeout: Duration = lasting("10s", description="Longest run of one of them.")
    shares: bool = Field(True, description="Whether it can set every share; if not, only 0 and 100.")
    counters: bool = Field(False, description="Whether `read` prints requests and errors, too; if not, probes judge the steps.")
    stale: Duration = lasting("0s", description="How long clients may go on to the old side after a change.")

    @field_validator("set")
    @classmethod
    def _is_told_the_share(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if not any(PERCENT in word for word in words[1:]):
            raise ValueError("no argument holds {percent}: the program would not know what to set")
        return words

    @property
    def places(self) -> tuple[str, ...]:
        """What it changes."""
        return (f"command {self.name}",)

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares of green that it can set, in percent; empty: all."""
        return () if self.shares else (0.0, 100.0)
