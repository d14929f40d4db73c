"""Compare each object of green with blue's, and tell what green's admission has made of it.

What green's admission does is asked of green itself, by a dry run: it adds what a create of the same object has that nobody sent
(the API server notes who sent what, defaults included, before it asks admission). What blue's admission did is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import orjson

from migrator.config.schema import AcceptedAddition
from migrator.errors import ApiError
from migrator.migration.inventory import Live
from migrator.migration.parity import differences
from migrator.migration.trials import Trials
from migrator.model.added import added, content
from migrator.model.difference import FieldDifference, missing_from
from migrator.model.manifest import Manifest
from migrator.model.owned import Fields, fields_of, owned_of
from migrator.model.plan import PlanItem
from migrator.model.ref import ObjectRef
from migrator.model.strange import HINT, STRANGE, reason_of
from migrator.model.verdict import Finding, Severity
from migrator.model.words import some
from migrator.ports import ClusterReader
from migrator.rules.person import accepts

_CHECK = "parity"
_METADATA = "metadata."


@dataclass(slots=True, frozen=True)
class Clusters:
    """What objects are compared by."""

    blue: ClusterReader
    trials: Trials
    workers: int
    """How many requests green may get at once."""
    live: Mapping[ObjectRef, Live]
    refs: Mapping[str, ObjectRef]
    """Blue UID to the object's name on green."""
    accepted: tuple[AcceptedAddition, ...] = ()

    def uid(self, owner: Mapping[str, str]) -> str:
        """Return the UID on green of an owner, or an empty string."""
        ref = self.refs.get(owner["uid"])
        return self.live[ref].uid if ref and ref in self.live else ""

    def differences(self, item: PlanItem) -> list[FieldDifference]:
        """Return what green's object lacks of what was planned."""
        return differences(item, self.live[item.green], self.uid)


def compare(moved: Iterable[PlanItem], clusters: Clusters) -> Iterator[Finding]:
    """Yield what differs; some objects need a dry run on green, and those are made side by side."""
    with ThreadPoolExecutor(clusters.workers) as pool:
        for findings in pool.map(lambda item: _guarded(item, clusters), moved):
            yield from findings


def _guarded(item: PlanItem, clusters: Clusters) -> list[Finding]:
    try:
        return list(_compared(item, clusters))
    except STRANGE as error:
        return [_finding(item, Severity.FAILURE, f"cannot be judged: it {reason_of(error)}", HINT)]


def _compared(item: PlanItem, clusters: Clusters) -> Iterator[Finding]:
    if item.green not in clusters.live:
        yield _finding(
            item, Severity.FAILURE, "is not on green", "run `migrator copy`: what green refuses is named there, with the reason"
        )
        return
    if clusters.live[item.green].going:
        yield _finding(item, Severity.FAILURE, "is being deleted on green", "`migrator copy` once it is gone")
    found = clusters.differences(item)
    if found:
        found = _not_of_blue_s_servers(item, found, clusters)
    if found:
        reason = f"differs from blue in {some([difference.path or '(all of it)' for difference in found])}"
        yield _finding(item, Severity.FAILURE, reason, "run `migrator copy`; `migrator diff` shows all")
    yield from _additions(item, clusters)


def _additions(item: PlanItem, clusters: Clusters) -> Iterator[Finding]:
    """Yield what green's admission has added to an object and blue's never had: a class, a container, a label."""
    live = clusters.live[item.green]
    if not live.fields:
        return
    known = content(orjson.loads(item.original or item.body))
    suspects = list(added(known, content(orjson.loads(live.body)), fields_of(orjson.loads(live.fields)) or None))
    suspects = [path for path in suspects if not any(accepts(each, item.blue, known, path) for each in clusters.accepted)]
    if not suspects:
        return
    try:
        trial = _trial(item, orjson.loads(item.body), clusters)
    except ApiError as error:
        reason = f"has {some(suspects)}, which blue does not have; a dry run that would tell why was refused: {error.message}"
        yield _finding(item, Severity.UNKNOWN, reason, "look at it on green")
        return
    of_admission = set(added(known, content(trial), _owned_in(trial) or None))
    proven = [path for path in suspects if path in of_admission]
    for severity, paths in (
        (Severity.FAILURE, [path for path in proven if not path.startswith(_METADATA)]),
        (Severity.WARNING, [path for path in proven if path.startswith(_METADATA)]),
    ):
        if paths:
            yield _finding(item, severity, f"has {some(paths)}, which green's admission has added and blue does not have", _WANTED)


_WANTED = "change the default or the policy of green that adds it; if it is wanted, name it in gates.acceptedAdditions"


def _not_of_blue_s_servers(item: PlanItem, found: list[FieldDifference], clusters: Clusters) -> list[FieldDifference]:
    """Return the differences without those in what blue's own admission wrote, where green's has written its own.

    A value that a person sent, that a rule has set, or that is a default of the version stays a difference; so does all that
    cannot be proven.
    """
    if item.resource is None:
        return found
    wanted: Manifest = orjson.loads(item.body)
    try:
        blues = clusters.blue.get(item.resource, item.blue.namespace, item.blue.name)
        owned = _owned_in(blues)
        sent = _part(wanted, owned)
        if not owned or clusters.differences(_with_body(item, sent)) == found:
            return found
        trial = _trial(item, sent, clusters)
    except ApiError:
        return found
    both = fields_of([{"fieldsV1": owned}, {"fieldsV1": _owned_in(trial)}])
    left = clusters.differences(_with_body(item, _part(wanted, both)))
    ours = missing_from(content(wanted), content(blues))
    return [difference for difference in found if _is_among(difference, left) or _is_among(difference, ours)]


def _is_among(difference: FieldDifference, others: list[FieldDifference]) -> bool:
    """Return whether a field, or what it is a part of, is among others."""
    return any(difference.path.startswith(other.path) or other.path.startswith(difference.path) for other in others)


def _part(manifest: Manifest, fields: Fields) -> Manifest:
    """Return an object with only what somebody owns, and its name."""
    part = owned_of(manifest, fields)
    name = {key: value for key, value in manifest["metadata"].items() if key in ("name", "namespace")}
    identity = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
    return {**part, **identity, "metadata": {**part.get("metadata", {}), **name}}


def _with_body(item: PlanItem, manifest: Manifest) -> PlanItem:
    return replace(item, body=orjson.dumps(manifest))


def _trial(item: PlanItem, body: Manifest, clusters: Clusters) -> Manifest:
    """Return what green makes of an object that is created, by a dry run; raises ApiError."""
    if item.resource is None:
        raise ApiError("has no type on green")
    return clusters.trials.make(item.resource, item.green.namespace, body)


def _owned_in(manifest: Manifest) -> Fields:
    return fields_of(manifest["metadata"].get("managedFields"))


def _finding(item: PlanItem, severity: Severity, reason: str, hint: str) -> Finding:
    return Finding(_CHECK, str(item.green), severity, reason, hint)
