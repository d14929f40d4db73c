"""CSI volumes are mounted on a host while a pod uses them: where none does, a pod of this tool holds them for a pass.

Each is announced before it is made, and removed afterwards; what a killed run has left is taken over by the next one, or removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from migrator.config.schema import Migration
from migrator.errors import BlockedError, ConflictError, ForbiddenError, MigratorError
from migrator.journal.records.data import HolderAnnounced, HolderRemoved
from migrator.migration.claims import listed, one
from migrator.migration.data.state import ClaimData
from migrator.migration.run import Run
from migrator.model.events import Note, Step
from migrator.model.kinds import EVENTS, NODES, PODS
from migrator.model.manifest import Manifest, get
from migrator.model.one_side import Where
from migrator.model.volumes import Direction, Job, Place
from migrator.ports import Blue
from migrator.readiness.starting import why_waiting
from migrator.rules.field_owners import FENCE
from migrator.rules.holders import hint_of, holder_pod, holder_ref, is_holder, pause_image

_POLL_SECONDS = 0.2
# A network disk may be attached to another node first, which takes a minute.
_MOUNT_SECONDS = 180.0
# After that a person is told why it takes long.
_TELL_SECONDS = 10.0
_GONE_SECONDS = 60.0
# A kubelet counts what it repeats, so that one pod has few; a page of the API holds 500.
_EVENTS = 200
_ENDED = ("Failed", "Succeeded")


@dataclass(slots=True)
class Holders:
    """The pods of one verb that hold volumes mounted."""

    run: Run
    config: Migration
    cluster: Callable[[Where], Blue]
    nodes: Callable[[Where], Collection[str]]
    """The nodes of a side whose hosts are named."""
    _held: dict[tuple[Where, str], Place] = field(default_factory=dict)

    def placed(self, job: Job, seconds: float = _MOUNT_SECONDS) -> Job:
        """Return a pass whose volumes are all mounted on a host that is known, within `seconds` for each. Raises MigratorError.

        Of a source that is in use, any pod's mount will do; a last pass needs one that stays when the workload has stopped.
        """
        here, _ = sides_of(job)
        in_use = not job.source.of_driver or (bool(job.source.node) and not job.finish)
        source = job.source if in_use else self.held(here, job.claim, job.source, seconds)
        return self.placed_target(replace(job, source=source), seconds)

    def placed_target(self, job: Job, seconds: float = _MOUNT_SECONDS) -> Job:
        """Return a pass whose target is mounted, whatever its source is."""
        side, target = sides_of(job)[1], job.target
        known = self.run.state.data.get(job.claim, ClaimData())
        before = Place.of(known.on_green if side == "green" else known.on_blue)
        if before.key == target.key and before.node in self.nodes(side):
            # Its host has the lists of earlier passes, and what takes passes back.
            target = replace(target, node=before.node)
        return replace(job, target=self.held(side, job.claim, target, seconds))

    def held(self, side: Where, claim: str, place: Place, seconds: float = _MOUNT_SECONDS) -> Place:
        """Return where a volume is held mounted; a place that needs nobody for that is returned as it is. Raises MigratorError."""
        if not place.of_driver:
            return place
        if (side, claim) not in self._held:
            pod = self._running(side, claim, place, seconds)
            self._held[side, claim] = replace(place, node=str(pod["spec"]["nodeName"]), pod=str(pod["metadata"]["uid"]))
        return self._held[side, claim]

    def has(self, job: Job) -> bool:
        """Return whether both volumes of a pass need nobody to hold them, or are held already."""
        places = zip(sides_of(job), (job.source, job.target), strict=True)
        return all(not place.of_driver or (side, job.claim) in self._held for side, place in places)

    def let_go(self, claims: Collection[str]) -> None:
        """Ask for the end of what holds these claims, and wait for nothing; `remove` does. Raises nothing."""
        for claim, side, pod in self._open():
            if claim in claims:
                self._held.pop((side, claim), None)
                try:
                    self._delete(side, pod)
                except MigratorError as error:
                    self._warn(side, pod, error)

    def remove(self, claims: Collection[str] | None = None) -> None:
        """Remove what holds these claims, or all that the journal knows, and wait until they are gone.

        Raises nothing: what stays is told.
        """
        for claim, side, pod in self._open():
            if claims is not None and claim not in claims:
                continue
            self._held.pop((side, claim), None)
            try:
                self._await_gone(side, pod)
                self.run.write(HolderRemoved(claim=claim, side=side, pod=pod))
            except MigratorError as error:
                self._warn(side, pod, error)

    def _open(self) -> Iterator[tuple[str, Where, str]]:
        for claim, known in sorted(self.run.state.data.items()):
            for side, pod in sorted(known.holders):
                yield claim, side, pod

    def _running(self, side: Where, claim: str, place: Place, seconds: float) -> Manifest:
        namespace, _, name = claim.partition("/")
        there = f"{self.config.map.namespaces.get(namespace, namespace)}/{name}" if side == "green" else claim
        cluster, ref = self.cluster(side), holder_ref(there)
        pod = f"{ref.namespace}/{ref.name}"
        found = one(cluster, PODS, ref.namespace, ref.name)
        if found and not is_holder(found):
            raise BlockedError(f"{side} has a pod {pod} that is not of this tool", hint="delete it, or give it another name")
        self.run.write(HolderAnnounced(claim=claim, side=side, pod=pod))
        if found and (get(found, "metadata", "deletionTimestamp") or get(found, "status", "phase") in _ENDED):
            self._await_gone(side, pod)
            found = None
        if found is None:
            self.run.reporter.emit(Step(f"{claim}: pod {pod} of {side} will hold its volume mounted, until this is done"))
            image, nodes = self._image(cluster, side), self.nodes(side)
            self._make(cluster, side, holder_pod(there, image, node=place.node, nodes=nodes, block=place.block))
        return self._await_running(cluster, side, pod, seconds)

    def _image(self, cluster: Blue, side: Where) -> str:
        image = self.config.volumes.holder_image or pause_image(listed(cluster, NODES), self.nodes(side))
        if not image:
            raise BlockedError(
                f"no node of {side} tells of a pause image, which a pod that holds a volume mounted would run",
                hint="volumes.holderImage names one that runs until it is ended",
            )
        return image

    def _make(self, cluster: Blue, side: Where, pod: Manifest) -> None:
        try:
            cluster.create(PODS, pod["metadata"]["namespace"], json.dumps(pod).encode(), manager=FENCE)
        except ConflictError:
            pass  # a try before has made it, whose answer was lost
        except ForbiddenError as error:
            raise BlockedError(
                f"{side} refuses the pod that would hold a volume mounted: {error.message}",
                hint="deploy/rbac-blue.yaml has a line for it; or start the workload there, so that its own pod has it mounted",
            ) from error

    def _await_running(self, cluster: Blue, side: Where, pod: str, seconds: float) -> Manifest:
        began, (namespace, _, name), told = self.run.clock.monotonic(), pod.partition("/"), False
        while True:
            found = one(cluster, PODS, namespace, name)
            phase = get(found or {}, "status", "phase")
            if found and phase == "Running":
                return found
            waited = self.run.clock.monotonic() - began
            if found is None or phase in _ENDED or waited > seconds:
                why = "it was deleted" if found is None else why_waiting(found, warnings_about(cluster, found))
                raise BlockedError(
                    f"pod {pod} of {side}, which is to hold a volume mounted, does not run: {why}",
                    hint=hint_of(why) or f"`kubectl describe pod -n {namespace} {name}` tells more",
                )
            if waited > _TELL_SECONDS and not told:
                told = True
                why = why_waiting(found, warnings_about(cluster, found))
                self.run.reporter.emit(
                    Step(f"pod {pod} of {side} does not run yet: {why}; at most {seconds:g} s are waited for it")
                )
            self.run.clock.sleep(_POLL_SECONDS)

    def _delete(self, side: Where, pod: str) -> bool:
        """Ask for a pod's end; return whether it is gone."""
        cluster, (namespace, _, name) = self.cluster(side), pod.partition("/")
        found = one(cluster, PODS, namespace, name)
        if found is None or not is_holder(found):
            return True
        if not get(found, "metadata", "deletionTimestamp"):
            cluster.delete(PODS, namespace, name, uid=found["metadata"]["uid"])
        return False

    def _await_gone(self, side: Where, pod: str) -> None:
        ends = self.run.clock.monotonic() + _GONE_SECONDS
        while not self._delete(side, pod):
            if self.run.clock.monotonic() > ends:
                raise BlockedError(f"it is still there after {_GONE_SECONDS:g} s")
            self.run.clock.sleep(_POLL_SECONDS)

    def _warn(self, side: Where, pod: str, error: MigratorError) -> None:
        text = f"pod {pod} of {side}, which held a volume mounted, is not removed: {error.message}; the next run tries again"
        self.run.reporter.emit(Note(text, warning=True))


def warnings_about(cluster: Blue, pod: Manifest) -> list[Manifest]:
    """Return what is told about a pod, as far as it can be read: anyone who may write Events may write many."""
    of_pod = f"involvedObject.uid={get(pod, 'metadata', 'uid')},type=Warning"
    with suppress(MigratorError):
        events = cluster.list(EVENTS, pod["metadata"]["namespace"], field_selector=of_pod, unparsed=lambda _: None)
        return list(islice(events, _EVENTS))
    return []


def sides_of(job: Job) -> tuple[Where, Where]:
    """Return from which side to which a pass goes."""
    return ("blue", "green") if job.direction is Direction.TO_GREEN else ("green", "blue")
