"""The part of `migration.yaml` about what is handed over at a cutover, beside the traffic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from migrator.config.fields import Duration, Frozen, Selector, lasting


class OneSideRule(Frozen):
    """Objects that you know to run on one side only, or to be safe on both."""

    name: str = Field(
        description="Shown in the plan; objects of one name are handed over together.", pattern=r"^[A-Za-z0-9 ._-]{1,63}$"
    )
    target: Selector = Field(description="The objects.")
    hold: Literal["auto", "replicas", "nodes", "field", "both"] = Field(
        "auto",
        description=(
            "How they are held on green until the cutover, and stopped on blue: `replicas` (0), `nodes` (a nodeSelector that "
            "no node has, for DaemonSets), `field` (below), `both` (they may run on both sides), `auto` (by their kind)."
        ),
    )
    field: str = Field(
        "", description="JSON pointer (RFC 6901) of the field that pauses them, such as /spec/suspend; with `hold: field`."
    )
    value: bool | int | str = Field(True, description="The value of that field which pauses them.")

    @model_validator(mode="after")
    def _field_with_hold(self) -> OneSideRule:
        if (self.hold == "field") != bool(self.field):
            raise ValueError("give a field with `hold: field`, and only then")
        if self.field and not self.field.startswith(("/spec/", "/metadata/annotations/", "/metadata/labels/")):
            raise ValueError("field must begin with /spec/, /metadata/annotations/ or /metadata/labels/")
        return self


class Cutover(Frozen):
    """What is handed over at a cutover, beside the traffic."""

    one_side: tuple[OneSideRule, ...] = Field(
        (), description="Your own objects that run on one side only; an entry is stronger than what the tool recognises itself."
    )
    guard: tuple[Literal["green", "blue"], ...] = Field(
        (),
        description=(
            "On which clusters an admission policy of ours may refuse to start what is held there: green until the cutover, "
            "blue after it. Needs Kubernetes 1.30; on blue the commented lines of deploy/rbac-blue.yaml, too."
        ),
    )
    stop_timeout: Duration = lasting("2m", description="How long each group may take until it has really stopped.")
    start_timeout: Duration = lasting("5m", description="How long each group may take until it works on the other side.")
