"""A real kustomize-controller on both sides: each commit is applied by one of them only, counted where it fetches it."""

from __future__ import annotations

from pathlib import Path

from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest, get
from migrator.testbed.binaries import Store
from tests.support.both_sides import both_sides, define
from tests.support.commits import Commits, commits
from tests.support.guarded import done
from tests.support.objects import config_map, crd, deployment, made
from tests.support.outside_programs import kustomize_controller
from tests.support.sandbox import TYPES, Sandbox, until

MAILER = {"name": "mailer", "target": {"kind": "Deployment", "name": "mailer"}, "hold": "replicas"}
"""What is in Git and may run on one side only: Flux would start it where it was stopped."""


PHASES = (("cutover", "green", "blue"), ("rollback", "blue", "green"), ("cutover", "green", "blue"))
SOURCES = [
    crd(plural, kind, "source.toolkit.fluxcd.io", status=True)
    for plural, kind in (
        ("gitrepositories", "GitRepository"),
        ("ocirepositories", "OCIRepository"),
        ("buckets", "Bucket"),
        ("externalartifacts", "ExternalArtifact"),
    )
]
"""Of the kinds that are looked at; source-controller itself is played."""


def content(revision: int) -> list[Manifest]:
    """Return what a commit holds."""
    return [config_map("commit", {"revision": str(revision)}), deployment("mailer")]


def sources(namespace: str) -> list[Manifest]:
    """Return a repository, and what applies it."""
    source = {"kind": "GitRepository", "name": "shop"}
    spec = {"interval": "1h", "path": "./", "prune": True, "targetNamespace": namespace, "sourceRef": source}
    repository = {"interval": "1h", "url": "https://git.example.test/shop", "ref": {"branch": "main"}}
    return [
        made("source.toolkit.fluxcd.io/v1", "GitRepository", "shop", spec=repository),
        made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "shop", spec=spec),
    ]


def applied(cluster: KubeCluster, namespace: str) -> str:
    """Return which commit a side has applied last, as its objects tell."""
    found = [item for item in cluster.list(TYPES["ConfigMap"], namespace) if item["metadata"]["name"] == "commit"]
    return str(get(found[0], "data", "revision")) if found else ""


def strays(sandbox: Sandbox, seen: Commits) -> list[str]:
    """Return what a side fetched while the journal says that it does not apply."""
    steps = [line for line in sandbox.events("hand-over-step") if line["row"] == "Flux"]
    turns = [(line["at"], "blue", False) for line in steps if line["step"] == "stopped"]
    turns += [(line["at"], "green", True) for line in steps if line["step"] == "start"]
    turns += [(line["at"], "blue", True) for line in sandbox.events("hand-back")]
    turns += [(line["at"], "green", False) for line in sandbox.events("handed-back")]
    found = []
    for fetch in seen.fetched:
        applies = {"blue": True, "green": False} | {side: on for at, side, on in sorted(turns) if at <= fetch.moment}
        found += [] if applies[fetch.side] else [f"{fetch.side} fetched {fetch.revision} at {fetch.moment}; {sorted(turns)}"]
    return found


def test_each_commit_is_applied_on_one_side_only(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """There, back and there, with a commit in each phase; what is in Git and was stopped stays stopped."""
    program = store.programs("kustomize-controller")["kustomize-controller"]
    sides, namespace = {"blue": sandbox.pair.blue, "green": sandbox.pair.green}, sandbox.namespace
    for definition in SOURCES:
        for create in (sandbox.on_blue, sandbox.on_green):
            create(definition)
    define(sandbox.pair, *program.parent.glob("*.yaml"))
    with commits() as seen, both_sides(sandbox, tmp_path, {program.name: program}, cutover={"oneSide": [MAILER]}):

        def commit(revision: int, active: str, *, to: tuple[str, ...] = ("blue", "green")) -> None:
            for side in to:
                seen.publish(sides[side], namespace, revision, content(revision))
            until(lambda: applied(sides[active], namespace) == str(revision))

        sandbox.on_blue(*kustomize_controller(namespace), *sources(namespace))
        commit(1, "blue", to=("blue",))
        done(sandbox, "copy")
        for number, (verb, active, passive) in enumerate(PHASES, start=2):
            commit(number, passive)
            if verb == "cutover":
                done(sandbox, "copy", "--force-conflicts")  # what green's Flux has applied meanwhile differs from the copy
                done(sandbox, "validate")
            done(sandbox, verb, *(["--yes"] if verb == "cutover" else []))
            until(lambda: applied(sides[active], namespace) == str(number))  # noqa: B023 - called before the next one
            assert sides[active].get(TYPES["Deployment"], namespace, "mailer")["spec"]["replicas"] == 1
            assert sides[passive].get(TYPES["Deployment"], namespace, "mailer")["spec"]["replicas"] == 0
    assert strays(sandbox, seen) == []
    assert {(fetch.side, fetch.revision) for fetch in seen.fetched} == {
        *(("blue", revision) for revision in (1, 2, 3, 4)),
        *(("green", revision) for revision in (2, 3, 4)),
    }
