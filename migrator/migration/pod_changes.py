"""Hold workloads back until what changes their pods is there and answers: a pod that was made before keeps its form."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from migrator.cluster.endpoints import await_backends
from migrator.model.events import Step
from migrator.model.plan import Plan, PlanItem
from migrator.model.ref import ObjectRef
from migrator.ports import Clock, ClusterReader, Reporter
from migrator.rules.order import MUTATING_POLICIES

# How long a new mutating policy may take to act: each second the API server looks for one (k8s.io/apiserver, policy/generic).
_POLICY_SECONDS = 3.0
AGAIN = "see why its pods are not ready, then run copy again"


class PodChanges:
    """What is known of webhooks and policies during one copy; used by the thread that runs it."""

    def __init__(self, plan: Plan, green: ClusterReader, clock: Clock, reporter: Reporter, *, backend_timeout: float) -> None:
        self._plan = plan
        self._green = green
        self._clock = clock
        self._reporter = reporter
        self._backend_timeout = backend_timeout
        # Services that were waited for, each with what is missing of it; empty where it answers.
        self._missing: dict[ObjectRef, str] = {}
        # When the policies that were written act, by the monotonic clock.
        self._act_at = 0.0

    def written(self, refs: Iterable[ObjectRef]) -> None:
        """Note what a wave has written."""
        if any(ref.type_name in MUTATING_POLICIES for ref in refs):
            self._act_at = self._clock.monotonic() + _POLICY_SECONDS

    def await_policies(self, due: Iterable[PlanItem]) -> None:
        """Wait until new policies act, before anything else is written: once for a policy and its binding."""
        left = self._act_at - self._clock.monotonic()
        if left > 0 and any(item.green.type_name not in MUTATING_POLICIES for item in due):
            self._clock.sleep(left)

    def hindrance(self, ref: ObjectRef, missing: Collection[ObjectRef]) -> str:
        """Return why the pods of a workload would start without what a webhook changes in them; empty when they would not.

        `missing`: objects that should be on green and are not.
        """
        for configuration, service in self._plan.waits.get(ref, ()):
            without = f"its pods would start without what {configuration} changes in them"
            if configuration in missing:
                return f"{without}, which is not on green"
            if service and (silent := self._missing_of(service)):
                return f"{without}: {silent}; {AGAIN}"
        return ""

    def _missing_of(self, service: ObjectRef) -> str:
        if service not in self._missing:
            self._reporter.emit(Step(f"waiting for {service}, whose webhook changes pods"))
            self._missing[service] = await_backends(self._green, [service], self._backend_timeout, self._clock)
        return self._missing[service]
