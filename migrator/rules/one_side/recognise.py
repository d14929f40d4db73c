"""Recognise what may run on one side only; pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from migrator.config.one_side import OneSideRule
from migrator.errors import ConfigError
from migrator.model.manifest import Manifest, containers, get, pod_spec, ref_of
from migrator.model.one_side import HeldField, OneSide, Part, Scalar, value_at
from migrator.model.ref import ObjectRef, ResourceType
from migrator.rules.context import RuleContext
from migrator.rules.lan_addresses import has_fixed
from migrator.rules.one_side import proof
from migrator.rules.one_side.data import WHY, claims_of_workload, row_of_data
from migrator.rules.one_side.databases import CLUSTERS, SCHEDULES, TOLD_CLUSTERS
from migrator.rules.one_side.images import ends_as, path_of
from migrator.rules.one_side.operated import OPERATED, TOLD_OPERATED
from migrator.rules.one_side.programs import FIXED, PROGRAMS
from migrator.rules.one_side.table import KINDS, NODES, REPLICAS, TOLD, WORKLOADS, Path, Row
from migrator.rules.person import selects

_OBJECTS = (*KINDS, *OPERATED, *CLUSTERS, *SCHEDULES, *TOLD, *TOLD_OPERATED, *TOLD_CLUSTERS)
# Of several rows of a type, the first whose field the object has.
_BY_TYPE = {name: [row for row in _OBJECTS if name in row.types] for name in {name for row in _OBJECTS for name in row.types}}
_WAYS = {"replicas": REPLICAS, "nodes": NODES}
_FITS = {
    "replicas": ("Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "Rollout.argoproj.io"),
    "nodes": ("DaemonSet.apps",),
}


class _Program(NamedTuple):
    """What a container runs."""

    image: str
    """Its path without registry, tag and digest."""
    words: frozenset[str]
    """Command and arguments; of `--flag=value` the flag, too, and each variable as `NAME=value`."""


def row_of(manifest: Manifest) -> Row | None:
    """Return the row of the table that an object belongs to, by what it is."""
    ref = ref_of(manifest)
    rows = _BY_TYPE.get(ref.type_name)
    if rows:
        return next((row for row in rows if not row.needs or get(manifest, *row.needs) is not None), None)
    if ref.type_name not in (*WORKLOADS, "Pod"):
        return None
    programs = tuple(_programs(manifest))
    found = next((row for row in PROGRAMS if any(_is(row, program) for program in programs)), None)
    # What is only told of a program does not hold its pods off the network.
    return FIXED if (found is None or not found.held) and has_fixed(manifest) else found


def one_sided(manifest: Manifest, resource: ResourceType, context: RuleContext) -> OneSide | None:
    """Return why this object of blue may run on one side only, and how it is held, or None.

    `manifest` is blue's own; the values of green are filled in by `for_green`. Raises ConfigError when a person's way to hold
    does not fit it.
    """
    person = persons_rule(manifest, context)
    if person is not None and person.hold == "both":
        return None
    row = known = row_of(manifest)
    if person is not None:
        row = _persons_row(person, row, manifest)
    claims = claims_of_workload(manifest, context)
    if claims and (row is not None or ref_of(manifest).type_name in WORKLOADS):
        row = row_of_data(ref_of(manifest).namespace, row)
    if row is None or ref_of(manifest).type_name == "Pod":
        return None
    part = None
    if row.held:  # what a person is only told of may be of any kind
        ways = row.fields or (WORKLOADS[ref_of(manifest).type_name],)
        part = replace(_part(manifest, row, ways, resource, context), claims=claims)
    runs = part is None or not part.is_held(manifest)
    active = runs or (part is not None and part.blue in context.handed)
    told = proof.words(manifest, known.proof) if known and known.proof else ""
    return OneSide(row.name, row.why, row.meanwhile, part, active=active, runs=runs, proof=told)


def for_green(found: OneSide, blue: Manifest, green: Manifest, context: RuleContext) -> tuple[OneSide, Manifest]:
    """Return the object with what green's has while it runs, and green's manifest held; `green` is transformed and not held."""
    part = found.part
    if part is None:
        return found, green
    before = context.handed.get(ref_of(blue))
    if before is None:
        fields = tuple(HeldField(field.path, field.held, field.blue, value_at(green, field.path)) for field in part.fields)
    else:
        fields = before.fields
    ref = ref_of(green)
    part = replace(part, green=ref, fields=fields)
    return replace(found, part=part), part.held(green)


def persons_rule(manifest: Manifest, context: RuleContext) -> OneSideRule | None:
    """Return the person's first entry that selects an object of blue."""
    rules = context.config.cutover.one_side
    if not rules:
        return None
    ref, labels = ref_of(manifest), manifest["metadata"].get("labels") or {}
    return next((rule for rule in rules if selects(rule.target, ref, labels)), None)


def _part(
    manifest: Manifest, row: Row, ways: tuple[tuple[Path, Scalar], ...], resource: ResourceType, context: RuleContext
) -> Part:
    ref = ref_of(manifest)
    before = context.handed.get(ref)
    if before is not None:
        return before
    fields = tuple(HeldField(path, held, value_at(manifest, path)) for path, held in ways)
    return Part(ref, ref, row.name, resource._replace(verbs=frozenset()), fields, row.first, addresses=row.addresses)


def _persons_row(person: OneSideRule, row: Row | None, manifest: Manifest) -> Row:
    """Return a row of the person's own; raises ConfigError when the way to hold does not fit the object."""
    ref = ref_of(manifest)
    why = row.why if row else "migration.yaml says so"
    meanwhile = row.meanwhile if row else "it does its work on the other side only"
    ways = _persons_ways(person, row, ref)
    if not ways:
        fitting = "replicas for Deployments and StatefulSets, nodes for DaemonSets, field for other kinds"
        raise ConfigError([f"cutover.oneSide {person.name}: {person.hold} does not hold {ref}"], hint=fitting)
    return Row(person.name, why, meanwhile, ways, first=row is not None and row.first, addresses=row is not None and row.addresses)


def _persons_ways(person: OneSideRule, row: Row | None, ref: ObjectRef) -> tuple[tuple[Path, Scalar], ...]:
    if person.hold == "field":
        path = tuple(part.replace("~1", "/").replace("~0", "~") for part in person.field.split("/")[1:])
        return () if ref.type_name in ("Pod", "Secret") else ((path, person.value),)
    if person.hold in _WAYS:
        return (_WAYS[person.hold],) if ref.type_name in _FITS[person.hold] else ()
    if row and row.fields:
        return row.fields
    return (WORKLOADS[ref.type_name],) if ref.type_name in WORKLOADS else ()


def _is(row: Row, program: _Program) -> bool:
    if any(all(_has(program.words, flag) for flag in flags) for flags in row.flags):
        return True
    return ends_as(program.image, row.images) and (not row.words or bool(row.words & program.words))


def _has(words: frozenset[str], pattern: str) -> bool:
    return any(fnmatchcase(word, pattern) for word in words) if "*" in pattern else pattern in words


def _programs(manifest: Manifest) -> Iterator[_Program]:
    for container in containers(pod_spec(manifest) or {}):
        words = [word for key in ("command", "args") for text in container.get(key) or [] for word in text.split()]
        flags = {word.partition("=")[0] for word in words if word.startswith("-")}
        programs = {word.rpartition("/")[2] for word in words}
        variables = {f"{item.get('name')}={item['value']}" for item in container.get("env") or [] if item.get("value")}
        yield _Program(path_of(container.get("image") or ""), frozenset(words) | flags | programs | variables)


def held_labels(manifest: Manifest) -> dict[str, str]:
    """Return the labels of the pods that a workload does not make while it is held."""
    return dict(get(manifest, "spec", "template", "metadata", "labels") or {})


def row_of_pod(manifest: Manifest, context: RuleContext) -> str:
    """Return why a bare pod may run on one side only, or an empty string."""
    person = persons_rule(manifest, context)
    if person is not None:
        return "" if person.hold == "both" else f"{person.name}: runs on one side only, as migration.yaml says"
    row = row_of(manifest)
    if row and row.held:
        return f"{row.name}: {row.why}"
    claims = claims_of_workload(manifest, context)
    return f"it uses {claims[0]}, whose data moves: {WHY}" if claims else ""


def without_objects(rules: Iterable[OneSideRule], selected: Collection[str]) -> list[str]:
    """Return a sentence for each of the person's entries that selects nothing: a slip there would run something twice."""
    return [f"cutover.oneSide {rule.name}: selects no object of blue that moves" for rule in rules if rule.name not in selected]
