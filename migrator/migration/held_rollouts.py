"""Which pod template does the work of a Deployment whose rollout does not go on: its ReplicaSets on blue tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from migrator.errors import ApiError
from migrator.migration.inventory import Found
from migrator.migration.kind_reading import concerns_one_kind
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.strange import STRANGE
from migrator.ports import ClusterReader
from migrator.rules import rollouts
from migrator.rules.context import Serving
from migrator.rules.versions import Kind


def serving_templates(
    blue: ClusterReader, objects: Iterable[Found], held: Collection[ObjectRef], types: Mapping[Kind, Sequence[ResourceType]]
) -> dict[ObjectRef, Serving]:
    """Return the earlier template that works on blue for each of these Deployments that has one; raises ApiError as a list does."""
    sets = types.get(("apps", "ReplicaSet"))
    if not held or not sets:
        return {}
    found: dict[ObjectRef, Serving] = {}
    listed: dict[str, list[Manifest]] = {}
    for item in objects:
        if item.ref not in held or not item.body:
            continue
        namespace = item.ref.namespace
        if namespace not in listed:
            listed[namespace] = _listed(blue, sets[0], namespace)
        try:
            template = rollouts.serving(orjson.loads(item.body), listed[namespace])
        except STRANGE:
            continue  # it is copied as it is written, and its note says that its rollout does not go on
        if template:
            found[item.ref] = template
    return found


def _listed(blue: ClusterReader, sets: ResourceType, namespace: str) -> list[Manifest]:
    try:
        return list(blue.list(sets, namespace, unparsed=lambda _: None))
    except ApiError as error:
        if not concerns_one_kind(error, blue):
            raise
        return []
