"""Whether what was started does its work, as its own metrics tell: a program may be ready and reach nothing outside."""

from __future__ import annotations

from migrator.errors import ApiError
from migrator.migration.bounded import reason
from migrator.migration.one_side.act import read
from migrator.migration.one_side.progress import not_working, selector_of
from migrator.model.kinds import DEPLOYMENTS, PODS
from migrator.model.manifest import Manifest, get
from migrator.model.one_side import Part, Where
from migrator.model.ref import ObjectRef
from migrator.ports import Blue, Clock
from migrator.rules.one_side.borrowed import lender, with_template
from migrator.rules.one_side.proof import Proof, port_of, value_of
from migrator.rules.one_side.recognise import row_of

_SILENT_SECONDS = 10.0
"""How long a pod that is ready may give no metrics: programs open that port as they start."""


class Proving:
    """Asks again and again whether what was started on one side works; safe to use from several threads, one for each object."""

    def __init__(self, cluster: Blue, where: Where, clock: Clock) -> None:
        self.unproven: dict[ObjectRef, str] = {}
        """Why nobody can tell whether what is ready does its work, by name on blue."""
        self._cluster = cluster
        self._where = where
        self._clock = clock
        self._silent: dict[ObjectRef, float] = {}

    def look(self, part: Part) -> str:
        """Return why an object does not work yet, or an empty string; what tells nothing counts as working once it is ready."""
        self.unproven.pop(part.blue, None)
        why = not_working(self._cluster, part, self._where)
        manifest = None if why or not part.ready else read(self._cluster, part, self._where)
        manifest = self._with_template(manifest) if manifest is not None else None
        row = row_of(manifest) if manifest is not None else None
        if manifest is None or row is None or row.proof is None or part.is_held(manifest):
            self._silent.pop(part.blue, None)
            return why
        port = port_of(manifest, row.proof)
        if not port:
            self.unproven[part.blue] = f"--{row.proof.flag} gives its metrics to nobody else"
            return ""
        try:
            why = self._idle(part.ref(self._where).namespace, manifest, port, row.proof)
        except ApiError as error:
            return self._silence(part, reason(error))
        self._silent.pop(part.blue, None)
        return why

    def _with_template(self, manifest: Manifest) -> Manifest:
        """Return a workload with the template of its pods, also where it takes that from a Deployment."""
        lent = lender(manifest)
        if lent is None or lent.type_name != DEPLOYMENTS.type_name:
            return manifest
        found = next(iter(self._cluster.list(DEPLOYMENTS, lent.namespace, field_selector=f"metadata.name={lent.name}")), None)
        return manifest if found is None else with_template(manifest, found)

    def _idle(self, namespace: str, manifest: Manifest, port: int, proof: Proof) -> str:
        """Return which of its pods has not done its work yet; raises ApiError where one cannot be asked."""
        for pod in self._cluster.list(PODS, namespace, selector_of(manifest)):
            name = pod["metadata"]["name"]
            if "deletionTimestamp" in pod["metadata"] or get(pod, "status", "phase") in ("Succeeded", "Failed"):
                continue
            metrics = self._cluster.from_pod(namespace, name, port, "metrics")
            last = value_of(metrics, proof.metric)
            if last is None:
                raise ApiError(f"pod {name} gives no {proof.metric} at port {port}")
            if last <= 0:
                failures = value_of(metrics, proof.failures) or 0.0
                return f"pod {name} is ready and has synced nothing yet ({proof.failures} is {failures:.0f})"
        return ""

    def _silence(self, part: Part, why: str) -> str:
        since = self._silent.setdefault(part.blue, self._clock.monotonic())
        if self._clock.monotonic() - since < _SILENT_SECONDS:
            return f"its metrics cannot be read: {why}"
        self.unproven[part.blue] = why
        return ""
