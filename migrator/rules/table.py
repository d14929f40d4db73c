"""The ordered table of all rules, and the function that applies them."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from migrator.config.schema import Mapping
from migrator.model.manifest import Manifest, get, ref_type
from migrator.model.plan import Ended
from migrator.rules import (
    accounts,
    bindings,
    create_only,
    finalizers,
    holds,
    identities,
    images,
    jobs,
    namespaces,
    ownership,
    person,
    pool_addresses,
    requests,
    rollouts,
    runs,
    server_fields,
    services,
    snapshots,
    storage,
    workloads,
)
from migrator.rules.context import Hindrance, Rule, RuleContext
from migrator.rules.one_side import recognise as one_side

RULES: tuple[Rule, ...] = (
    *rollouts.RULES,  # gives a template that the others change
    *pool_addresses.RULES,  # reads the status
    *services.RULES,  # reads managedFields: before they are stripped
    *workloads.FIRST,  # likewise
    *requests.CARRIED_OUT,  # reads the status and owners
    *ownership.RULES,
    *server_fields.RULES,
    *accounts.RULES,
    *jobs.RULES,
    *requests.RULES,
    *storage.RULES,
    *snapshots.RULES,
    *workloads.RULES,
    *create_only.RULES,
    *finalizers.RULES,
    *images.RULES,
    *namespaces.RULES,
)
_ALWAYS = "server-fields"
_RUNNING = "is running on blue: it would run a second time on green"
_QUEUED = "waits in a queue on blue, and would on green, too: it would run twice"
_RUNNING_HINT = "wait until it has finished, or leave it with move.objects.exclude"
_POD_RUNNING = "is a bare pod that ends when its work is done, and has not ended: it would run a second time on green"
_POD_RUNNING_HINT = f"{_RUNNING_HINT}; if it may run on both sides, say so with an entry of cutover.oneSide (hold: both)"
_NO_MAP = Mapping()
# A whole object as JSON in a JSON string: what is found in it would be noted twice.
_LAST_APPLIED = re.compile(rb'"kubectl\.kubernetes\.io/last-applied-configuration":"(?:[^"\\]|\\.)*"')
_HINDRANCES = {"Service": services.hindrance, "PersistentVolumeClaim": storage.hindrance}
_NOTES = {"Pod": workloads.notes, "Secret": accounts.notes, "Service": services.notes, "PersistentVolumeClaim": storage.notes}


class Transformed(NamedTuple):
    """A manifest as green gets it, and the rules that changed it."""

    manifest: Manifest
    touched: tuple[str, ...]


@cache
def rules_for(type_name: str) -> tuple[Rule, ...]:
    """Return the rules that may change a kind, in order."""
    return tuple(rule for rule in RULES if rule.types is None or type_name in rule.types)


def transform(manifest: Manifest, context: RuleContext, rules: tuple[Rule, ...]) -> Transformed:
    """Return the manifest as green gets it; raises ConfigError when a person's patch does not fit."""
    touched = []
    original = manifest
    for rule in rules:
        changed = rule.apply(manifest, context)
        # A rule that changes nothing returns the same object, so that identity tells.
        if changed is not manifest and rule.name != _ALWAYS:
            touched.append(rule.name)
        manifest = changed
    if context.config.transforms:
        manifest, named = person.apply_transforms(manifest, original, context)
        touched += named
    return Transformed(manifest, tuple(touched))


def hindrance(manifest: Manifest, context: RuleContext) -> Hindrance | None:
    """Return why an object cannot be moved now."""
    # Other APIs have a kind Job, too, such as Volcano's batch.volcano.sh.
    if manifest["kind"] == "Job" and manifest["apiVersion"].startswith("batch/") and jobs.is_running(manifest):
        return _of_run(manifest)
    if runs.is_running(manifest, ref_type(manifest), context):
        return _of_run(manifest)
    if manifest["kind"] == "Pod" and "/" not in manifest["apiVersion"]:
        return _of_pod(manifest, context)
    if manifest["apiVersion"].startswith("rbac.authorization.k8s.io/"):
        return bindings.hindrance(manifest, context)
    check = _HINDRANCES.get(manifest["kind"]) if "/" not in manifest["apiVersion"] else None
    return check(manifest, context) if check else None


def _of_run(manifest: Manifest) -> Hindrance:
    return Hindrance(_QUEUED if runs.waits_in_queue(manifest) else _RUNNING, _RUNNING_HINT)


def _of_pod(pod: Manifest, context: RuleContext) -> Hindrance | None:
    """Return why a bare pod cannot be copied; finished ones stay before they come here."""
    if row := one_side.row_of_pod(pod, context):
        return Hindrance(
            f"{row}; it would run on both sides, and a bare pod cannot be stopped and started again",
            "make a Deployment of it, or leave it with move.objects.exclude",
        )
    # Pods of CI jobs and task schedulers have no owner (GitLab Runner, Jenkins, Airflow, spark-submit).
    runs_once = get(pod, "spec", "restartPolicy") in ("Never", "OnFailure")
    return Hindrance(_POD_RUNNING, _POD_RUNNING_HINT) if runs_once and not one_side.persons_rule(pod, context) else None


def ended(manifest: Manifest, type_name: str, context: RuleContext) -> Ended | None:
    """Return how a Job, or a custom resource that is carried out once or is known by its status, has ended; None for all others."""
    if type_name == "Job.batch":
        return jobs.finished(manifest)
    return identities.identity(manifest, type_name) or runs.ended(manifest, type_name, context)


def notes(manifest: Manifest, text: bytes, context: RuleContext) -> tuple[str, ...]:
    """Return notes for the person about the move of an object; `text` is its JSON on green."""
    type_name = ref_type(manifest)
    found: list[str] = []
    if context.config.map != _NO_MAP:
        told = _LAST_APPLIED.sub(b"", text)  # kubectl keeps it for itself
        found = [*namespaces.notes(told, context), *images.notes(told, context), *storage.named_classes(told, context)]
    read = _NOTES.get(manifest["kind"]) if "/" not in manifest["apiVersion"] else None
    if read:
        found += read(manifest, context)
    # What has ended starts nothing, so nothing of it is held.
    if end := ended(manifest, type_name, context):
        found.append(f"is created with its status on blue ({end.how}), so that it is not carried out again")
    else:
        found += holds.notes(manifest, type_name)
    if type_name in ("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps"):
        found += rollouts.notes(manifest, type_name, context)
    lost = manifest["metadata"].get("ownerReferences") or []
    found += [f"owner {owner['kind']}/{owner['name']} is not moved" for owner in lost if _is_lost(owner, context)]
    return tuple(found)


def _is_lost(owner: Manifest, context: RuleContext) -> bool:
    ref = context.blue.uids.get(owner["uid"])
    return ref is None or ref in context.blue.staying
