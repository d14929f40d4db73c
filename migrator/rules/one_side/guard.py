"""The admission policies that keep others from waking what is held on the side that does not run it; pure functions.

One ValidatingAdmissionPolicy with its binding for each group and side (KEP-3488; v1 since Kubernetes 1.30). It refuses one thing
only: a write by which a named object that was held is no longer held. What this tool itself writes passes by its field manager,
so neither a start nor a way back depends on the removal of a policy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.model.kinds import POLICIES, POLICY_BINDINGS
from migrator.model.manifest import Manifest
from migrator.model.one_side import HeldField, Part, Scalar, Where
from migrator.model.strange import to_json
from migrator.rules.field_owners import FENCE
from migrator.rules.one_side.databases import CLUSTERS, SCHEDULES
from migrator.rules.one_side.operated import OPERATED
from migrator.rules.one_side.programs import PROGRAMS
from migrator.rules.one_side.table import KINDS
from migrator.untrusted import for_cel

LABEL = "migrator/guard-of"
"""On our own policies: the name of the migration."""
# Objects in one policy: cel-go refuses an expression of more than 100,000 characters.
_MOST = 300
_SCALABLE = frozenset(
    {
        *("deployments.apps", "statefulsets.apps", "replicasets.apps", "rollouts.argoproj.io"),
        *("kafkaconnects.kafka.strimzi.io", "kafkamirrormaker2s.kafka.strimzi.io"),
    }
)
"""Kinds with a scale subresource that holds or starts them."""
_REPLICAS = ("spec", "replicas")
# A Scale leaves out a 0 (autoscaling/v1: omitempty); another object without a number has 1.
_ABSENT_REPLICAS = "request.?subResource.orValue('') == 'scale' ? 0 : 1"
_WORD = re.compile(r"[a-z][A-Za-z0-9]*")
_RESERVED = frozenset({"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"})
_RESERVED_TOO = frozenset({"namespace", "null", "package", "return", "true", "var", "void", "while"})
_WHY = {row.name: row.why for row in (*KINDS, *OPERATED, *CLUSTERS, *SCHEDULES, *PROGRAMS)}
# Fields with the values that hold an object.
_Held = tuple[tuple[tuple[str, ...], Scalar], ...]


@dataclass(slots=True, frozen=True)
class Guard:
    """A policy and its binding, which have one name."""

    name: str
    row: str
    policy: Manifest
    binding: Manifest


def guards(parts: Iterable[Part], where: Where, migration: str) -> list[Guard]:
    """Return what guards these objects on a side, group by group."""
    rows: dict[str, list[Part]] = {}
    for part in sorted(parts, key=lambda part: part.ref(where)):
        rows.setdefault(part.row, []).append(part)
    return [
        _guard(row, members[begin : begin + _MOST], where, migration)
        for row, members in sorted(rows.items())
        for begin in range(0, len(members), _MOST)
    ]


def _guard(row: str, parts: list[Part], where: Where, migration: str) -> Guard:
    names = sorted({part.ref(where).namespace for part in parts} - {""})
    spec: Manifest = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "objectSelector": {},
            # What has no namespace is looked at whatever this says.
            "namespaceSelector": {
                "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": names or ["none"]}]
            },
            "resourceRules": list(_resource_rules(parts, where)),
        },
        "matchConditions": [
            {
                "name": "is-written-by-others",
                "expression": f"request.?options.?fieldManager.orValue('') != {for_cel(FENCE)}",
            }
        ],
        "validations": list(_validations(row, parts, where, migration)),
    }
    slug = re.sub(r"[^a-z0-9]+", "-", row.lower()).strip("-")
    name = f"migrator-{migration}-{slug}-{hashlib.sha256(to_json(spec)).hexdigest()[:10]}"
    metadata = {"name": name, "labels": {LABEL: migration}}
    policy = {"apiVersion": POLICIES.api_version, "kind": POLICIES.kind, "metadata": metadata, "spec": spec}
    bound = {"policyName": name, "validationActions": ["Deny"]}
    binding = {"apiVersion": POLICIES.api_version, "kind": POLICY_BINDINGS.kind, "metadata": metadata, "spec": bound}
    return Guard(name, row, policy, binding)


def _resource_rules(parts: list[Part], where: Where) -> Iterator[Manifest]:
    names: dict[tuple[str, str, str], set[str]] = {}
    for part in parts:
        resource = part.resource
        names.setdefault((resource.group, resource.version, resource.plural), set()).add(part.ref(where).name)
    for (group, version, plural), found in sorted(names.items()):
        scale = [f"{plural}/scale"] if f"{plural}.{group}" in _SCALABLE else []
        yield {
            "apiGroups": [group],
            "apiVersions": [version],
            "operations": ["CREATE", "UPDATE"],
            "resources": [plural, *scale],
            "resourceNames": sorted(found),
            "scope": "*",
        }


def _validations(row: str, parts: list[Part], where: Where, migration: str) -> Iterator[Manifest]:
    """Yield one for each way to hold, with the objects that are held so."""
    ways: dict[_Held, list[str]] = {}
    for part in parts:
        ref, resource = part.ref(where), part.resource
        held = tuple((field.path, field.held) for field in part.fields)
        ways.setdefault(held, []).append(f"{resource.plural}.{resource.group}/{ref.namespace}/{ref.name}")
    named = "request.resource.resource + '.' + request.resource.group + '/' + request.?namespace.orValue('') + '/' + request.name"
    for held, keys in ways.items():
        is_new, was = _is_held("object", held), _is_held("oldObject", held)
        listed = ", ".join(map(for_cel, keys))
        yield {
            "expression": f"!(({named}) in [{listed}]) || {is_new} || (oldObject != null && !{was})",
            "message": _message(row, held, where, migration),
            "reason": "Forbidden",
        }


def _message(row: str, held: _Held, where: Where, migration: str) -> str:
    other, verb = ("blue", "cutover") if where == "green" else ("green", "rollback")
    how = HeldField(*held[0]).words
    return (
        f"{row} runs on one side only ({_WHY.get(row, 'migration.yaml says so')}), and that is {other} now: "
        f"held here by migration {migration} with {how}. To start it here: migrator {verb}"
    )


def _is_held(variable: str, held: _Held) -> str:
    return f"({' || '.join(_has(variable, path, value) for path, value in held)})"


def _has(variable: str, path: tuple[str, ...], value: Scalar) -> str:
    steps = "".join(f".?{key}" if _is_plain(key) else f"[?{for_cel(key)}]" for key in path)
    return f"{variable}{steps}.orValue({_other(path, value)}) == {_literal(value)}"


def _is_plain(key: str) -> bool:
    return bool(_WORD.fullmatch(key)) and key not in _RESERVED | _RESERVED_TOO


def _other(path: tuple[str, ...], value: Scalar) -> str:
    """Return what a server takes for a field that is not there, or a value that does not hold."""
    if path == _REPLICAS:
        return _ABSENT_REPLICAS
    if isinstance(value, bool):
        return _literal(not value)
    return str(value + 1) if isinstance(value, int) else for_cel(f"not {value}")


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else for_cel(str(value))
