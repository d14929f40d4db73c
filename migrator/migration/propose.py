"""Propose a migration.yaml for two clusters; what they hold is added as comments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from migrator.config.load import parse_migration
from migrator.config.schema import ClusterConfig, Migration
from migrator.errors import ApiError, BlockedError
from migrator.migration.discover import READERS
from migrator.migration.propose_hosts import file_name, propose_hosts
from migrator.migration.propose_one_side import names, propose_one_side
from migrator.migration.propose_traffic import FORMS, seen_before_blue
from migrator.model.image import full_name
from migrator.model.kinds import (
    CLAIMS,
    INGRESSES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    STORAGE_CLASSES,
)
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE, named
from migrator.ports import ClusterReader
from migrator.rules import system
from migrator.rules.context import RuleContext
from migrator.rules.skip import SYSTEM_NAMESPACES
from migrator.rules.staying_kinds import SKIPPED_KINDS
from migrator.untrusted import for_yaml, for_yaml_comment, is_image_registry


def _listed(cluster: ClusterReader, resource: ResourceType, namespace: str = "") -> list[Manifest]:
    try:
        return list(cluster.list(resource, namespace, unparsed=lambda _: None))
    except ApiError:
        return []


@dataclass(slots=True, frozen=True)
class Proposal:
    """The text of a migration.yaml, and what it must mean."""

    text: str
    meaning: Migration
    """What a reader of the text must get: comments add nothing."""
    omitted: tuple[str, ...]
    """Registries of images that cannot be registries, in printable form."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Files of hosts, by name; empty where blue has no volumes."""

    def require_meaning(self, file: str) -> None:
        """Raise BlockedError unless the text means what it must; `file` is where it would be written."""
        if parse_migration(self.text, file) != self.meaning:
            raise BlockedError(
                f"{file}: not written: a name on blue or green would have changed its meaning",
                hint="write the file by hand (docs/migration-yaml.md), and please report this",
            )


def propose(
    blue: ClusterReader, green: ClusterReader, *, name: str, blue_access: tuple[str, str], green_access: tuple[str, str]
) -> Proposal:
    """Return a commented migration.yaml; `*_access` are (kubeconfig, context).

    Names and images come from tenants of the clusters: each is written by a function of `untrusted`.
    """
    namespaces = [item["metadata"]["name"] for item in _listed(blue, NAMESPACES)]
    own = sorted(set(namespaces) - SYSTEM_NAMESPACES - {"default"})
    claims = [item for item in _listed(blue, CLAIMS) if get(item, "status", "phase") == "Bound"]
    blue_classes = {item["metadata"]["name"] for item in _listed(blue, STORAGE_CLASSES)}
    green_classes = {item["metadata"]["name"] for item in _listed(green, STORAGE_CLASSES)}
    meaning = Migration(
        name=name,
        blue=ClusterConfig(kubeconfig=blue_access[0], context=blue_access[1]),
        green=ClusterConfig(kubeconfig=green_access[0], context=green_access[1]),
    )
    registries, omitted = _registries(_listed(blue, PODS))
    lines = [
        "# yaml-language-server: $schema=./migration.schema.json   (`migrator schema > migration.schema.json`)",
        "apiVersion: migrator/v1",
        f"name: {for_yaml(name)}",
        _cluster("blue", blue_access, blue),
        _cluster("green", green_access, green),
        "",
        "move:",
        f"  # found on blue: {names(own) or 'no namespace but default'}",
        '  namespaces: {include: ["*"], exclude: []}',
        *_system(blue, green, RuleContext(meaning)),
        "  #   exclude: [{kind: Job, labels: {temporary: 'true'}}]",
        "",
        "map:",
        "  namespaces: {}        # shop: store",
        f"  # on blue: {names(blue_classes) or 'none'}; on green: {names(green_classes) or 'none'}; classes of blue move too",
        "  storageClasses: {}    # local-path: longhorn",
        f"  # images on blue come from: {', '.join(registries) or 'nowhere, there is no pod'}",
        "  registries: {}        # docker.io: registry.example.com/mirror",
        "",
        *_volumes(claims),
        "",
        *propose_one_side(meaning, lambda kind: _listed(blue, kind)),
        "",
        *_EXAMPLES,
        *seen_before_blue(_listed(blue, SERVICES), _listed(blue, INGRESSES)),
        *FORMS,
        *_REST,
    ]
    sides = {"blue": blue, "green": green} if claims else {}
    hosts = {file_name(side): propose_hosts(side, _listed(cluster, NODES)) for side, cluster in sides.items()}
    return Proposal("\n".join(lines), meaning, tuple(omitted), hosts)


_EXAMPLES = (
    "# probes:",
    "#   - name: front page",
    "#     http: {url: 'https://green.example.com/', status: 200}",
    "#     timeout: 5s",
    "",
)
_REST = (
    "",
    "gates: {errorRate: 1%, minRequests: 1, verdictAge: 15m, readyTimeout: 5m}",
    "retire: {soak: 24h}",
    "",
)


def _cluster(side: str, access: tuple[str, str], cluster: ClusterReader) -> str:
    kubeconfig, context = map(for_yaml, access)
    return f"{side}: {{kubeconfig: {kubeconfig}, context: {context}}}   # {for_yaml_comment(cluster.version()[2])}"


def _system(blue: ClusterReader, green: ClusterReader, context: RuleContext) -> list[str]:
    """Return lines that propose what a person put into the system namespaces and green has not."""
    kinds = [item for item in blue.resources() if item.namespaced and "list" in item.verbs and item.type_name not in SKIPPED_KINDS]
    first = list({(item.group, item.kind): item for item in reversed(kinds)}.values())
    served = {(item.group, item.kind): item for item in reversed(green.resources())}

    def found(resource: ResourceType) -> list[ObjectRef]:
        own = set(_persons(blue, resource, context))
        other = served.get((resource.group, resource.kind))
        there = set(_names_of(green, other)) if own and other else set()
        return sorted(own - there)

    with ThreadPoolExecutor(min(READERS, blue.workers)) as pool:
        refs = sorted(ref for some in pool.map(found, first) for ref in some)
    shown = [f"  #     - {for_yaml_comment(system.selector_text(ref))}" for ref in refs]
    head = (
        "of these, put into system namespaces by a person and not on green, those that you need" if refs else "nothing found there"
    )
    example = [] if refs else ["  #     - {kind: ConfigMap, namespace: kube-system, name: my-settings}"]
    return ["  # objects:", f"  #   include:   # single objects of kube-system ({head}):", *shown, *example]


def _persons(blue: ClusterReader, resource: ResourceType, context: RuleContext) -> Iterator[ObjectRef]:
    for manifest in _in_system(blue, resource):
        try:
            ref = named(manifest)
            if system.is_persons(manifest, ref, context):
                yield ref
        except STRANGE:
            continue


def _names_of(cluster: ClusterReader, resource: ResourceType) -> Iterator[ObjectRef]:
    for manifest in _in_system(cluster, resource):
        try:
            yield named(manifest)
        except STRANGE:
            continue


def _in_system(cluster: ClusterReader, resource: ResourceType) -> Iterator[Manifest]:
    for namespace in sorted(SYSTEM_NAMESPACES):
        yield from _listed(cluster, resource, namespace)


def _volumes(claims: list[Manifest]) -> list[str]:
    names = sorted(f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in claims)
    head = "  # `migrator data` copies volumes from host to host, or hands them over (docs/volumes.md)."
    files = (
        f"  # hosts: {{blue: {file_name('blue')}, green: {file_name('green')}}}   # or the file of a stack that `pulumi up` made"
    )
    moved = "  # Name here the claims whose data you move yourself, or that may be empty:"
    bound = [f"  #   bound on blue: {for_yaml_comment(name)}" for name in names]
    return ["volumes:", head, *([files] if names else []), moved, "  dataMoved: []", *bound]


def _registries(pods: list[Manifest]) -> tuple[list[str], list[str]]:
    """Return the registries of all images, the most used first, and what stands in the place of one and cannot be one."""
    images = [str(container.get("image", "")) for pod in pods for container in pod["spec"].get("containers") or []]
    heads = Counter(full_name(image).partition("/")[0] for image in images)
    known = [head for head, _ in heads.most_common() if is_image_registry(head)]
    return known, sorted(for_yaml_comment(head) for head in heads if not is_image_registry(head))
