"""Decide about every object of blue, and sort the moves into waves; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import orjson

from migrator.errors import ConfigError, InvalidError
from migrator.migration import backends, dead_conversions, late, undefined
from migrator.migration.inventory import BlueInventory, Found, digest
from migrator.migration.one_side import schedules
from migrator.migration.one_side.borrowed import held_with_their_lenders
from migrator.migration.one_side.planned import planned
from migrator.migration.one_side.planned import warnings as one_side_warnings
from migrator.migration.one_side.scalers import held_with_their_targets
from migrator.model.added import added, content
from migrator.model.manifest import Manifest
from migrator.model.plan import Decision, Ended, Plan, PlanItem, Wait
from migrator.model.ref import ObjectRef
from migrator.model.strange import HINT, STRANGE, reason_of, to_json
from migrator.model.words import some
from migrator.readiness.kinds import is_said_to_be_well, readiness, works
from migrator.rules import (
    create_only,
    dangers,
    defaults,
    effects,
    field_owners,
    holds,
    identities,
    injected,
    jobs,
    limit_ranges,
    namespaces,
    order,
    places,
    references,
    scalers,
    shared,
    storage,
    system,
    table,
    versions,
    webhooks,
)
from migrator.rules.context import Hindrance, RuleContext
from migrator.rules.one_side import dns_owner
from migrator.rules.one_side.recognise import persons_rule, without_objects
from migrator.rules.ownership import owners_of

# A cycle of owners may hold hundreds of objects.
_SHOWN_OF_CYCLE = 5


class _Decided(NamedTuple):
    """The decision about one object, and what it means for others."""

    item: PlanItem
    needs: dict[ObjectRef, bool]
    """What it is written after, and whether it cannot be written without."""
    ranks: dict[ObjectRef, order.Rank]
    """Objects whose rank is another than that of their kind."""
    persons: str = ""
    """Name of the person's entry in `cutover.oneSide` that selects it."""


@dataclass(slots=True)
class _Decisions:
    """The decisions about all objects, while they are made."""

    moves: dict[ObjectRef, PlanItem] = field(default_factory=dict)
    graph: order.Graph = field(default_factory=dict)
    others: list[PlanItem] = field(default_factory=list)
    """What does not move."""
    ranks: dict[ObjectRef, order.Rank] = field(default_factory=dict)
    of_system: list[system.Need] = field(default_factory=list)
    """What they need of blue's system namespaces."""
    namespaces: set[tuple[str, str]] = field(default_factory=set)
    """Of green and of blue, for each that moves."""


def make_plan(objects: Iterable[Found], inventory: BlueInventory, context: RuleContext) -> Plan:
    """Return the plan; raises ConfigError with every object that a person's patch does not fit.

    Each object is taken from the iterable once and not kept: a caller that gives them away has a large cluster in memory once.
    """
    context = replace(context, green=inventory.green, blue=inventory.blue)
    crds = {kind: ref for kind, ref in inventory.crds.items() if ref not in inventory.blue.staying}
    decided = _decide_all(objects, inventory, context, crds)
    moves, graph, others, ranks = decided.moves, decided.graph, decided.others, decided.ranks
    namespaces.require_own_names(decided.namespaces)
    hindrances = dead_conversions.hindrances(moves, crds, context) | backends.hindrances(moves, context)
    lacking = undefined.hindrances(moves, crds, context) | undefined.orphans(graph, moves, others)
    for ref, hindrance in (lacking | hindrances).items():
        others.append(_blocked(moves.pop(ref), *hindrance))
        del graph[ref]
    moves |= held_with_their_lenders(moves, context)
    moves |= held_with_their_targets(moves, context)
    mutations = webhooks.pod_mutations(moves)
    ranks |= mutations.ranks
    for ref, workloads in mutations.after.items():
        # Soft: a configuration whose backend cannot be written may still be.
        graph[ref] = dict.fromkeys(workloads, False) | graph[ref]
    ordered = order.into_waves(graph, ranks)
    # After the waves are known: only then is it clear which objects come before a quota.
    changed, after_pods = late.after_pods(moves, [ref for ref in ranks if ref.kind in effects.LIMITS])
    moves |= changed
    moves |= {ref: _after_what_changes_it(moves[ref], waits) for ref, waits in mutations.waits.items()}
    for cycle in ordered.cycles:
        others += [_in_cycle(moves.pop(ref), cycle) for ref in cycle]
    return Plan(
        items=tuple(sorted([*moves.values(), *others], key=lambda item: item.blue)),
        waves=tuple(tuple(moves[ref] for ref in wave) for wave in ordered.waves),
        owners=_owners(graph, moves),
        kinds_skipped=inventory.kinds_skipped,
        unreadable=inventory.unreadable,
        warnings=_warnings(moves, decided.of_system),
        kinds_read=inventory.kinds_read,
        after_pods=after_pods,
        waits=mutations.waits,
    )


def _decide_all(
    objects: Iterable[Found], inventory: BlueInventory, context: RuleContext, crds: dict[versions.Kind, ObjectRef]
) -> _Decisions:
    """Return the decisions about all objects; raises ConfigError with every mistake of the person's file that they show."""
    limits = limit_ranges.limits_on_green(context)
    needs_of = system.Needs(context.blue.system)
    all_of = _Decisions()
    mistakes: list[str] = []
    selected: set[str] = set()
    for found in objects:
        try:
            item, needs, special, persons = _decide(found, inventory, context, crds, limits)
        except ConfigError as error:
            mistakes += error.issues
            continue
        except STRANGE as error:
            item, needs, special, persons = _decided(_strange(found, context, reason_of(error)))
        selected.add(persons)
        if item.decision is Decision.MOVE:
            all_of.namespaces.add((namespaces.namespace_of(item.green), namespaces.namespace_of(item.blue)))
            all_of.moves[item.green], all_of.graph[item.green] = item, needs
            all_of.ranks.update(special)
            all_of.of_system.extend(needs_of.of(item.blue, item.body))
        else:
            all_of.others.append(item)
    mistakes += without_objects(context.config.cutover.one_side, selected)
    if mistakes:
        raise ConfigError(sorted(set(mistakes)), hint="correct the target in migration.yaml, or the path")
    return all_of


def _warnings(moves: Mapping[ObjectRef, PlanItem], of_system: list[system.Need]) -> tuple[str, ...]:
    """Return what a person should think about before a copy."""
    items = [item for _, item in sorted(moves.items())]
    dangers = (f"{item.blue} {item.danger}" for item in items if item.danger)
    nowhere = places.warnings((item.blue, item.no_node) for item in items)
    return (*dangers, *nowhere, *shrinking(items), *one_side_warnings(items), *system.warnings(of_system))


def shrinking(items: Iterable[PlanItem]) -> tuple[str, ...]:
    """Return a sentence for each of blue's autoscalers that would leave a rollback too few pods."""
    return tuple(f"{item.blue} {item.shrinks}" for item in items if item.shrinks)


def _decide(
    found: Found, inventory: BlueInventory, context: RuleContext, crds: dict[versions.Kind, ObjectRef], limits: limit_ranges.Limits
) -> _Decided:
    """Return the decision about one object, what a move needs, and when it and others are written because of it."""
    green = _on_green(found.ref, context)
    if found.skip:
        hint = f"move.objects.include: [{system.selector_text(found.ref)}]" if found.skip == system.PERSONS else ""
        return _decided(PlanItem(found.ref, green, Decision.SKIP, found.skip, hint, uid=found.uid))
    if found.blocked:
        return _decided(_strange(found, context, found.blocked))
    manifest: Manifest = orjson.loads(found.body)
    rule = persons_rule(manifest, context)
    persons = rule.name if rule else ""
    hindrance = _hindrance(found, manifest, inventory, context)
    if hindrance:
        return _decided(PlanItem(found.ref, green, Decision.BLOCKED, hindrance.reason, hindrance.hint, uid=found.uid), persons)
    done = table.transform(manifest, context, table.rules_for(found.ref.type_name))
    hindrance = create_only.hindrance(done.manifest, found.ref.type_name) or dns_owner.hindrance(manifest, done.manifest, rule)
    if hindrance:
        return _decided(PlanItem(found.ref, green, Decision.BLOCKED, hindrance.reason, hindrance.hint, uid=found.uid))
    needs: dict[ObjectRef, bool] = {}
    for reference in references.references(done.manifest, green, crds):
        needs[reference.ref] = needs.get(reference.ref, False) or reference.hard
    # By UID: a cluster-scoped object may have an owner in any namespace.
    owners = [context.blue.uids.get(owner.uid) for owner in owners_of(done.manifest)]
    needs |= {_on_green(owner, context): True for owner in owners if owner}
    after = [*limit_ranges.refusing_limits(done.manifest, green, limits), *defaults.filled_in_by(done.manifest, green, context)]
    ranks = dict.fromkeys(after, order.Rank.LIMIT)
    # A quota that is full already refuses every object; those that are there come first.
    if effects.is_exceeded(manifest, found.ref):
        ranks[green] = order.Rank.LIMIT
    served = inventory.green_versions.get((found.resource.group, found.resource.kind), ())
    item = _move(found, green, manifest, done, context, served)
    if item.ended:
        # It needs nothing to run, and is to be there before what would carry it out.
        return _Decided(item, {ref: hard for ref, hard in needs.items() if hard}, ranks | {green: order.Rank.EARLY})
    rank = effects.rank(done.manifest, green)
    if rank is not None:
        ranks[green] = rank
    return _Decided(item, needs, ranks, persons)


def _decided(item: PlanItem, persons: str = "") -> _Decided:
    """Return the decision about an object that is not written."""
    return _Decided(item, {}, {}, persons)


def _after_what_changes_it(item: PlanItem, waits: tuple[Wait, ...]) -> PlanItem:
    names = ", ".join(wait.configuration.name for wait in waits)
    return replace(item, notes=(*item.notes, f"is written once the webhook that changes its pods answers ({names})"))


def _owners(graph: order.Graph, moves: Mapping[ObjectRef, PlanItem]) -> dict[ObjectRef, tuple[ObjectRef, ...]]:
    """Return what each object cannot be written without, as far as that moves too."""
    owners = {ref: tuple(need for need, hard in needs.items() if hard and need in moves) for ref, needs in graph.items()}
    return {ref: needed for ref, needed in owners.items() if needed}


def _on_green(ref: ObjectRef, context: RuleContext) -> ObjectRef:
    if ref.type_name == "Namespace":
        return ref._replace(name=context.green_namespace(ref.name))
    return ref._replace(namespace=context.green_namespace(ref.namespace)) if ref.namespace else ref


def _hindrance(found: Found, manifest: Manifest, inventory: BlueInventory, context: RuleContext) -> Hindrance | None:
    try:
        found.resource.path(found.ref.namespace, found.ref.name)
    except InvalidError as error:
        return Hindrance(error.message, "rename it on blue, or leave it with move.objects.exclude")
    resource = inventory.unserved.get(found.ref.type_name)
    if resource:
        return versions.unserved(resource, inventory.green_versions.get((resource.group, resource.kind), ()))
    return table.hindrance(manifest, context)


def _move(
    found: Found, green: ObjectRef, manifest: Manifest, done: table.Transformed, context: RuleContext, served: Sequence[str]
) -> PlanItem:
    unready = _unready(manifest)
    made = planned(manifest, done.manifest, green, found.resource, context, ready=not unready)
    body = to_json(made.manifest)
    name, plain = found.ref.type_name, found.ref.type_name in context.blue.plain_status
    own = (injected.STATUS,) if plain else injected.restarts(manifest)
    ended = None if plain else table.ended(manifest, name, context)
    hold = holds.hold(made.manifest, name, ended, context)
    owners = field_owners.carried(found.managed_fields, found.resource.group, served)
    if shared.is_shared(green):  # written under our own name: what we added there is told from what green's owner set
        owners = field_owners.Carried()
    return PlanItem(
        blue=found.ref,
        green=green,
        decision=Decision.MOVE,
        transforms=(*done.touched, *made.touched),
        notes=(*table.notes(manifest, body, context), *owners.notes, *made.notes),
        resource=found.resource,
        body=body,
        original=_original(manifest, done.manifest),
        manager=field_owners.OURS if shared.is_shared(green) else found.manager,
        managed_fields=owners.entries,
        ended=ended,
        status=to_json(_status(manifest, name, ended)) if ended else b"",
        hold=to_json(hold) if hold else b"",
        unheld=ended is not None and not hold and name in context.green.served_kinds and identities.is_lost_late(name),
        last_run=schedules.last_run(manifest),
        works=works(manifest),
        well=not unready and is_said_to_be_well(manifest),
        danger=dangers.danger(manifest, name, body, context),
        no_node="" if unready else places.asked_in_vain(done.manifest, name, context.green.nodes),
        shrinks=scalers.shrinks(manifest, name),
        data=storage.data_plan(manifest, context),
        unready=unready,
        one_side=made.one_side,
        question=made.question,
        answer=made.answer,
        volatile=injected.volatile_paths(manifest, context),
        uid=found.uid,
        # A digest of a Secret could be guessed back from: its resourceVersion changes with its content too.
        token=f"r{manifest['metadata']['resourceVersion']}" if name == "Secret" else _digest(done.manifest, body, own),
    )


def _original(manifest: Manifest, wanted: Manifest) -> bytes:
    """Return blue's content where green gets less of it, as JSON."""
    have = content(manifest)
    return b"" if next(added(content(wanted), have, None), None) is None else to_json({**manifest, **have})


def _status(manifest: Manifest, type_name: str, ended: Ended) -> Manifest:
    if type_name == "Job.batch":
        return jobs.finished_status(manifest, ended)
    return identities.status(manifest, type_name) or dict(manifest["status"])


def _digest(manifest: Manifest, body: bytes, own: tuple[tuple[str, ...], ...]) -> str:
    """Return a digest of what green gets; what each cluster's controllers write (`own`) changes all the time, and is no change."""
    return digest(to_json(injected.stable(manifest, own)) if own else body)


def _unready(manifest: Manifest) -> str:
    state = readiness(manifest)
    return "" if state.done and state.ok else state.message


def _in_cycle(item: PlanItem, cycle: list[ObjectRef]) -> PlanItem:
    reason = f"needs itself: {some(map(str, cycle), _SHOWN_OF_CYCLE)} need each other"
    return _blocked(item, reason, "break the cycle on blue, or leave one of them out")


def _strange(found: Found, context: RuleContext, reason: str) -> PlanItem:
    return PlanItem(found.ref, _on_green(found.ref, context), Decision.BLOCKED, reason, HINT, uid=found.uid)


def _blocked(item: PlanItem, reason: str, hint: str) -> PlanItem:
    return PlanItem(item.blue, item.green, Decision.BLOCKED, reason, hint, uid=item.uid)
