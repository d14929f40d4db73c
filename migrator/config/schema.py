"""The schema of `migration.yaml`; the descriptions of the fields are also the JSON Schema that editors use."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from migrator.config.duration import PATTERN as DURATION_PATTERN
from migrator.config.duration import parse_duration


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return timedelta(seconds=parse_duration(value))
    raise ValueError(f"{value!r} is not a duration; write it with its unit, such as 30s, 5m or 24h")


def _lasting(default: str, *, description: str) -> Any:
    """Return a duration field; its default is text, so that editors propose it in that form."""
    return Field(default, description=description)


def _percent(value: object) -> object:
    if isinstance(value, str) and value.endswith("%"):
        return float(value[:-1]) / 100
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    Field(json_schema_extra={"type": "string", "pattern": DURATION_PATTERN, "format": ""}),
]
Rate = Annotated[float, BeforeValidator(_percent), Field(ge=0, le=1, json_schema_extra={"type": ["string", "number"]})]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


class Frozen(BaseModel):
    """The base of every part of the file: no unknown keys, frozen, keys in camelCase."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, populate_by_name=True, alias_generator=_camel)


class ClusterConfig(Frozen):
    """How to reach one cluster."""

    kubeconfig: str = Field("~/.kube/config", description="Path of the kubeconfig file, relative to this file.")
    context: str | None = Field(None, description="Context in that file; its current context when left out.")
    stack: str = Field(
        "", description="A Pulumi stack whose outputs are the kubeconfig and apiServer; then neither file nor context is given."
    )
    project: str = Field(".", description="Folder of that stack's project, relative to this file.")

    @model_validator(mode="after")
    def _one_way(self) -> ClusterConfig:
        if self.stack and self.model_fields_set & {"kubeconfig", "context"}:
            raise ValueError("give a stack, or a kubeconfig and context, not both")
        return self


class Selector(Frozen):
    """Objects by kind, namespace, name and labels; a field that is left out matches everything. Names may use * and ?."""

    kind: str | None = Field(None, description="Kind or Kind.group, such as Deployment or Deployment.apps.")
    namespace: str | None = Field(None, description="Namespace on blue.")
    name: str | None = Field(None, description="Name of the object.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels that the object must carry.")

    @model_validator(mode="after")
    def _not_empty(self) -> Selector:
        if not (self.kind or self.namespace or self.name or self.labels):
            raise ValueError("selects every object; name at least a kind, namespace, name or label")
        return self


class NameFilter(Frozen):
    """Names to include and to exclude; both may use * and ?."""

    include: tuple[str, ...] = Field(("*",), description="Names to include.")
    exclude: tuple[str, ...] = Field((), description="Names to exclude; stronger than include.")


class ObjectFilter(Frozen):
    """Single objects to include or to exclude."""

    include: tuple[Selector, ...] = Field(
        (),
        description="Objects to move although a general rule would skip them, such as your own objects in kube-system.",
    )
    exclude: tuple[Selector, ...] = Field((), description="Objects not to move.")


class Move(Frozen):
    """What moves."""

    namespaces: NameFilter = Field(default_factory=NameFilter, description="Namespaces whose objects move.")
    kinds: NameFilter = Field(default_factory=NameFilter, description="Kinds that move, as Kind or Kind.group.")
    objects: ObjectFilter = Field(default_factory=ObjectFilter, description="Exceptions, object by object.")
    dangerous_bindings: Literal["warn", "block"] = Field(
        "warn",
        description=(
            "What becomes of bindings to system:anonymous, system:unauthenticated or system:masters, "
            "and of those that let every account do everything."
        ),
    )
    cluster_scoped: bool = Field(True, description="Whether cluster-scoped objects (CRDs, RBAC, webhooks ...) move.")


class Mapping(Frozen):
    """Names that differ on green."""

    namespaces: dict[str, str] = Field(default_factory=dict, description="Namespace on blue: namespace on green.")
    storage_classes: dict[str, str] = Field(default_factory=dict, description="StorageClass on blue: StorageClass on green.")
    registries: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Image prefix on blue: prefix on green; docker.io is written out. "
            "`validate` asks a registry on this machine only where it is named here."
        ),
    )


class Transform(Frozen):
    """A change to the objects that the target selects."""

    name: str = Field(description="Shown in the plan beside each object that it changes.")
    target: Selector = Field(description="The objects that it applies to.")
    json_patch: tuple[dict[str, Any], ...] = Field((), description="RFC 6902 operations.")
    merge_patch: dict[str, Any] = Field(default_factory=dict, description="RFC 7396 merge patch.")

    @model_validator(mode="after")
    def _one_patch(self) -> Transform:
        if bool(self.json_patch) == bool(self.merge_patch):
            raise ValueError("give either jsonPatch or mergePatch")
        return self


class HttpProbe(Frozen):
    """An HTTP request with the expected answer."""

    url: str = Field(description="http:// or https:// address, reachable from where the tool runs.", pattern=r"^https?://")
    status: int = Field(200, description="Expected status.")
    body: str = Field("", description="Regular expression that the body must contain.")
    headers: dict[str, str] = Field(default_factory=dict, description="Request headers.")

    @field_validator("url")
    @classmethod
    def _is_without_credentials(cls, url: str) -> str:
        if "@" in url.split("://", 1)[-1].split("/", 1)[0]:
            raise ValueError("holds a user or a password; give them as headers: {Authorization: ...}")
        return url


class TcpProbe(Frozen):
    """A port that must accept a connection."""

    host: str = Field(description="Host name or address.")
    port: int = Field(description="Port.", ge=1, le=65535)


class Probe(Frozen):
    """A check of green that must succeed within its timeout."""

    name: str = Field(description="Shown in findings.")
    http: HttpProbe | None = Field(None, description="An HTTP request.")
    tcp: TcpProbe | None = Field(None, description="A TCP connection.")
    command: tuple[str, ...] = Field((), description="A program and its arguments; exit code 0 is good.")
    timeout: Duration = _lasting("5s", description="No answer within it is a failure.")

    @model_validator(mode="after")
    def _one_kind(self) -> Probe:
        if sum((self.http is not None, self.tcp is not None, bool(self.command))) != 1:
            raise ValueError("give exactly one of http, tcp, command")
        return self


HAProxyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$")]
"""A name that HAProxy accepts (configuration manual, section 4.1); no other text may become part of a command."""


class HAProxyConfig(Frozen):
    """One HAProxy backend that holds the servers of both clusters."""

    socket: str = Field(description="Path of the Runtime API's unix socket (`stats socket ... level admin`).")
    backend: HAProxyName = Field(description="Name of the backend.")
    blue: tuple[HAProxyName, ...] = Field(description="Names of the servers of blue.", min_length=1)
    green: tuple[HAProxyName, ...] = Field(description="Names of the servers of green.", min_length=1)
    state_file: str = Field(
        description="The file of `server-state-file`; written after each change, so that a restart keeps the weights."
    )

    @model_validator(mode="after")
    def _each_server_once(self) -> HAProxyConfig:
        twice = sorted(name for name, count in Counter((*self.blue, *self.green)).items() if count > 1)
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice: a server leads to blue or to green")
        return self


class Traffic(Frozen):
    """How traffic moves."""

    haproxy: HAProxyConfig = Field(description="The load balancer.")
    steps: tuple[float, ...] = Field((5, 25, 50, 100), description="Percent of traffic on green, step by step.")
    soak: Duration = _lasting("30s", description="How long each step is watched before its gates are judged.")

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not steps or list(steps) != sorted(set(steps)) or steps[0] <= 0 or steps[-1] != 100:
            raise ValueError("must rise and end with 100, such as [5, 25, 50, 100]")
        return steps


class Gates(Frozen):
    """Conditions of each step; if one fails, all traffic goes back to blue."""

    error_rate: Rate = Field(0.01, description="Highest share of errors among green's answers, such as 1%.")
    latency: Duration | None = Field(None, description="Highest average response time of green.")
    min_requests: int = Field(
        1,
        description="Requests that green must have answered before a step can pass; 0 for services without traffic.",
        ge=0,
    )
    verdict_age: Duration = _lasting("15m", description="How old a good verdict may be at cutover.")
    ready_timeout: Duration = _lasting(
        "5m", description="How long validate waits for green's workloads; after that they count as failed."
    )
    backend_timeout: Duration = _lasting("2m", description="How long copy waits for the backend of a webhook or APIService.")


class Volumes(Frozen):
    """What is known about the data in volumes."""

    data_moved: tuple[str, ...] = Field(
        (),
        description="Claims (namespace/name, * allowed) whose data you moved yourself, or that may be empty on green.",
    )


class Hooks(Frozen):
    """Commands that run at fixed moments; one that fails stops the verb."""

    before_copy: tuple[tuple[str, ...], ...] = Field((), description="Before anything is written to green.")
    after_copy: tuple[tuple[str, ...], ...] = Field((), description="After everything was written.")
    before_cutover: tuple[tuple[str, ...], ...] = Field((), description="Before traffic moves.")
    after_cutover: tuple[tuple[str, ...], ...] = Field((), description="After all traffic is on green.")
    after_rollback: tuple[tuple[str, ...], ...] = Field((), description="After all traffic is back on blue.")
    timeout: Duration = _lasting("10m", description="Longest run of one command.")


class Retire(Frozen):
    """When blue may be retired."""

    soak: Duration = _lasting("24h", description="How long green must have had all traffic.")


_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class Migration(Frozen):
    """A migration from blue to green."""

    api_version: Literal["migrator/v1"] = Field("migrator/v1", description="Version of this file's format.")
    name: str = Field(description="Name of the migration; its journal carries it.", pattern=_NAME)
    blue: ClusterConfig = Field(description="The cluster that objects move from.")
    green: ClusterConfig = Field(description="The cluster at the new version.")
    move: Move = Field(default_factory=Move, description="What moves.")
    map: Mapping = Field(default_factory=Mapping, description="Names that differ on green.")
    transforms: tuple[Transform, ...] = Field((), description="Your changes to objects.")
    volumes: Volumes = Field(default_factory=Volumes, description="What is known about the data in volumes.")
    probes: tuple[Probe, ...] = Field((), description="Checks of green, run by validate and at each cutover step.")
    traffic: Traffic | None = Field(None, description="How traffic moves; without it cutover and rollback have nothing to move.")
    gates: Gates = Field(default_factory=Gates, description="Conditions of each step.")
    hooks: Hooks = Field(default_factory=Hooks, description="Your commands.")
    retire: Retire = Field(default_factory=Retire, description="When blue may be retired.")


class _Balancer(BaseModel):
    """The part of `traffic` that says where it goes."""

    haproxy: HAProxyConfig


class WayBack(BaseModel):
    """What going back needs of the file for its traffic; a mistake elsewhere in it must not keep traffic on green."""

    name: str = Field(pattern=_NAME)
    traffic: _Balancer
