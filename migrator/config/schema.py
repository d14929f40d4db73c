"""The schema of `migration.yaml`; the descriptions of the fields are also the JSON Schema that editors use."""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from migrator.config.fields import Duration, Frozen, Rate, Selector, lasting
from migrator.config.host_name import require_host
from migrator.config.one_side import Cutover
from migrator.config.traffic import Course, OneOrMore, Traffic, as_list, course, require_consistent
from migrator.config.volumes import Volumes
from migrator.config.way_back import NAME


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


class RunKind(Frozen):
    """A kind that is carried out once, beside those that are known: what has ended on blue is not carried out again on green."""

    kind: str = Field(description="Kind or Kind.group, such as Import.data.example.com; may use * and ?.")
    phases: tuple[str, ...] = Field((), description="More words of its status (phase, state ...) that tell an end.")
    conditions: tuple[str, ...] = Field((), description="More types of conditions that tell an end when they are True.")
    hold: dict[str, Any] = Field(
        default_factory=dict,
        description="RFC 7396 merge patch that keeps it from beginning until its status is there: {spec: {suspend: true}}.",
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
        if not (host := urllib.parse.urlsplit(url).hostname):
            raise ValueError("names no host")
        require_host(host)
        return url


class TcpProbe(Frozen):
    """A port that must accept a connection."""

    host: Annotated[str, AfterValidator(require_host)] = Field(description="Host name or address.", min_length=1)
    port: int = Field(description="Port.", ge=1, le=65535)


class Probe(Frozen):
    """A check of green that must succeed within its timeout."""

    name: str = Field(description="Shown in findings.")
    http: HttpProbe | None = Field(None, description="An HTTP request.")
    tcp: TcpProbe | None = Field(None, description="A TCP connection.")
    command: tuple[str, ...] = Field((), description="A program and its arguments; exit code 0 is good.")
    timeout: Duration = lasting("5s", description="No answer within it is a failure.")

    @model_validator(mode="after")
    def _one_kind(self) -> Probe:
        if sum((self.http is not None, self.tcp is not None, bool(self.command))) != 1:
            raise ValueError("give exactly one of http, tcp, command")
        return self


class AcceptedAddition(Frozen):
    """Something that green's admission adds to objects, and that is wanted there."""

    target: Selector = Field(description="The objects that it may be added to.")
    fields: tuple[str, ...] = Field(
        description="Fields as `validate` names them, such as spec.ingressClassName or spec.containers[mesh]; "
        "* and ? stand for others.",
        min_length=1,
    )


class Gates(Frozen):
    """Conditions of each step; if one fails, all traffic goes back to blue."""

    error_rate: Rate = Field(0.01, description="Highest share of errors among green's answers, such as 1%.")
    latency: Duration | None = Field(None, description="Highest average response time of green.")
    error_rate_over_blue: Rate | None = Field(
        None, description="Highest difference between green's share of errors and blue's in the same step."
    )
    latency_times_blue: float | None = Field(
        None, description="Highest average response time of green as a multiple of blue's in the same step, such as 1.5.", gt=0
    )
    min_requests: int = Field(
        1,
        description="Requests that green must have answered before a step can pass; 0 for services without traffic.",
        ge=0,
    )
    verdict_age: Duration = lasting("15m", description="How old a good verdict may be at cutover.")
    ready_timeout: Duration = lasting(
        "5m", description="How long validate waits for green's workloads; after that they count as failed."
    )
    accepted_additions: tuple[AcceptedAddition, ...] = Field(
        (), description="What green's admission may add to objects although blue's do not have it; anything else fails validate."
    )
    accepted_unready: tuple[Selector, ...] = Field(
        (),
        description="What need not be ready on green before the cutover, such as a SecretStore in a Vault that is held until then.",
    )
    backend_timeout: Duration = lasting("2m", description="How long copy waits for the backend of a webhook or APIService.")


class NetworkPolicies(Frozen):
    """Whether green's network enforces the NetworkPolicies that move."""

    probe_image: str = Field(
        "",
        description=(
            "Image of Kubernetes' agnhost, such as registry.k8s.io/e2e-test-images/agnhost:2.53, for pods by which `validate` "
            "proves it on green; any image with its netexec and connect will do. Left out: it is not proven."
        ),
    )


class Hooks(Frozen):
    """Commands that run at fixed moments; one that fails stops the verb."""

    before_copy: tuple[tuple[str, ...], ...] = Field((), description="Before anything is written to green.")
    after_copy: tuple[tuple[str, ...], ...] = Field((), description="After everything was written.")
    before_cutover: tuple[tuple[str, ...], ...] = Field((), description="Before traffic moves.")
    after_cutover: tuple[tuple[str, ...], ...] = Field((), description="After all traffic is on green.")
    after_rollback: tuple[tuple[str, ...], ...] = Field((), description="After all traffic is back on blue.")
    timeout: Duration = lasting("10m", description="Longest run of one command.")


class Retire(Frozen):
    """When blue may be retired."""

    soak: Duration = lasting("24h", description="How long green must have had all traffic.")


class Migration(Frozen):
    """A migration from blue to green."""

    api_version: Literal["migrator/v1"] = Field("migrator/v1", description="Version of this file's format.")
    name: str = Field(description="Name of the migration; its journal carries it.", pattern=NAME)
    blue: ClusterConfig = Field(description="The cluster that objects move from.")
    green: ClusterConfig = Field(description="The cluster at the new version.")
    move: Move = Field(default_factory=Move, description="What moves.")
    map: Mapping = Field(default_factory=Mapping, description="Names that differ on green.")
    transforms: tuple[Transform, ...] = Field((), description="Your changes to objects.")
    runs: tuple[RunKind, ...] = Field((), description="Kinds that are carried out once, beside those that are known.")
    volumes: Volumes = Field(default_factory=Volumes, description="What is known about the data in volumes.")
    probes: tuple[Probe, ...] = Field((), description="Checks of green, run by validate and at each cutover step.")
    traffic: OneOrMore[Traffic] | None = Field(
        None,
        description="How traffic moves; what a list names moves together. Without it cutover and rollback have nothing to move.",
    )
    cutover: Cutover = Field(default_factory=Cutover, description="What is handed over at a cutover, beside the traffic.")
    gates: Gates = Field(default_factory=Gates, description="Conditions of each step.")
    network_policies: NetworkPolicies = Field(
        default_factory=NetworkPolicies, description="Whether green's network enforces the NetworkPolicies that move."
    )
    hooks: Hooks = Field(default_factory=Hooks, description="Your commands.")
    retire: Retire = Field(default_factory=Retire, description="When blue may be retired.")

    @field_validator("traffic")
    @classmethod
    def _moves_together(cls, given: Traffic | tuple[Traffic, ...] | None) -> Traffic | tuple[Traffic, ...] | None:
        if given == ():
            raise ValueError("names no switch: leave it out, or name one")
        require_consistent(as_list(given))
        return given

    @property
    def switches(self) -> tuple[Traffic, ...]:
        """What traffic moves through, one entry each; empty when nothing is said of it."""
        return as_list(self.traffic)

    @property
    def course(self) -> Course:
        """The steps of a cutover, the same for all switches."""
        return course(self.switches)
