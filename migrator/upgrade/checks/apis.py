"""API versions that go away, as live data shows: objects, clients, custom resources."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import get
from migrator.model.verdict import CheckName, Finding
from migrator.model.words import some
from migrator.upgrade.checks.finding import fail, warn
from migrator.upgrade.checks.removed import Removed, removed_between


def requested_versions(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find clients that ask for what goes away: the server's metric apiserver_requested_deprecated_apis (KEP-1693)."""
    for what, minor in sorted(facts.cluster.requested.items()):
        if _goes(facts, minor):
            yield fail(
                CheckName.REMOVED_APIS,
                what,
                f"a client has asked for it since the API server began; {minor} serves it no more",
                "find the client (audit log, `kubectl get --raw /metrics`), move it to the newer version; or --ignore removed-apis",
            )


def stored_objects(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find objects that the next minors cannot give out any more, as no version of their kind is left."""
    removed = _removed(facts)
    gone = {item.name for item in removed}
    for item in removed:
        # An object that another version still serves is converted when it is read; only the last version takes it along.
        count = facts.cluster.counts.get(item.name, 0)
        left = [name for name in facts.cluster.served if _same_kind(name, item.group, item.kind) and name not in gone]
        if count and not left:
            yield fail(
                CheckName.REMOVED_APIS,
                item.name,
                f"{count} objects, and 1.{item.minor} serves no version of this kind that {facts.cluster.version} serves, too",
                "write them down and delete them, or move them to a version that both serve",
            )


def writers(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find who has written objects at versions that go away (managedFields): their manifests want an edit."""
    seen: dict[tuple[str, str], list[str]] = {}
    gone = {f"{item.group}/{item.version}" for item in _removed(facts)}
    for use in facts.cluster.stale:
        if use.api_version in gone:
            seen.setdefault((use.manager, use.api_version), []).append(use.subject)
    for (manager, version), subjects in sorted(seen.items()):
        yield warn(
            CheckName.REMOVED_APIS,
            manager,
            f"wrote {some(subjects)} as {version}",
            "change its manifests before it applies them again",
        )


def stored_versions(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find custom resources that may be stored at versions which their definition does not serve."""
    for crd in facts.cluster.definitions:
        name = crd["metadata"]["name"]
        served = {item["name"] for item in get(crd, "spec", "versions") or [] if item.get("served")}
        stored = get(crd, "status", "storedVersions") or []
        lost = [version for version in stored if version not in served]
        if lost:
            yield fail(
                CheckName.STORED_VERSIONS,
                name,
                f"status.storedVersions names {', '.join(lost)}, which it does not serve",
                "write its objects again at the storage version, then take the old one out of status.storedVersions",
            )
        # etcd keeps an object at the version of its last write, until it is written again (CRD versioning docs).
        elif len(stored) > 1:
            yield warn(
                CheckName.STORED_VERSIONS,
                name,
                f"objects may be stored as {', '.join(stored)}",
                "its operator's next release may drop one: migrate them (StorageVersionMigration)",
            )


def _goes(facts: UpgradeFacts, release: str) -> bool:
    if not facts.hops or not release:
        return False
    major, _, minor = release.partition(".")
    return (int(major), int(minor)) <= facts.hops[-1].target.line


def _removed(facts: UpgradeFacts) -> list[Removed]:
    return removed_between(facts.cluster.version.minor, facts.hops[-1].target.minor) if facts.hops else []


def _same_kind(name: str, group: str, kind: str) -> bool:
    return name.startswith(f"{group}/") and name.endswith(f"/{kind}")
