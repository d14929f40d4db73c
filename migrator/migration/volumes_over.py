"""Volumes that are handed over at a cutover without a copy: each once its group is stopped on blue and blue no longer uses it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from migrator.errors import BlockedError
from migrator.journal.records.data import DataSwitched
from migrator.migration.claims import read_storage
from migrator.migration.data.state import ClaimData
from migrator.migration.detached import holder
from migrator.migration.handover import hand_over, rehearse
from migrator.migration.one_side.groups import Group, groups_of
from migrator.migration.session import Session
from migrator.migration.strangers import require_no_strangers
from migrator.model.events import Step
from migrator.model.one_side import Part
from migrator.model.plan import DataPlan, Plan
from migrator.model.verdict import Finding, Severity
from migrator.model.volumes import VolumePlan, Way
from migrator.rules.storage import is_handed_at_cutover
from migrator.rules.volumes import plan_volumes


def findings(session: Session, plan: Plan) -> Iterator[Finding]:
    """Yield a failure for each claim whose volume a cutover could not hand over."""
    claims = _to_hand_over(plan)
    if claims:
        for found in _plans(session, claims):
            if not found.handed:
                yield Finding("data", f"PersistentVolumeClaim/{found.claim}", Severity.FAILURE, found.reason, found.hint)


@dataclass(slots=True)
class VolumesOver:
    """The volumes of one cutover that are handed over without a copy."""

    session: Session

    def ready(self, due: Collection[Part], plan: Plan) -> None:
        """Prove that each volume could be handed over, and tell the longest wait; those that nobody uses are handed over here.

        Raises BlockedError or ForbiddenError before anything is stopped.
        """
        used = {claim for part in due for claim in self._of(part.claims) if not self._known(claim).green_writes}
        idle = _to_hand_over(plan) - {claim for part in due for claim in part.claims}
        if not used | idle:
            return
        plans = {item.claim: item for item in _plans(self.session, used | idle)}
        for item in plans.values():
            _require_handed(item)
            rehearse(self.session, item)
        require_no_strangers(self.session, plans.values(), due)
        self._hand_over([plans[claim] for claim in sorted(idle)])
        seconds = self.session.config.volumes.detach_timeout.total_seconds()
        for group in groups_of(due):
            names = [claim for claim in group.claims if claim in used]
            if names:
                text = f"{group.row}: {len(names)} volumes are handed over to green without a copy, once blue no longer uses them"
                self.session.run.reporter.emit(Step(f"{text}; {self._waited(names)}at most {seconds:g} s are waited for that"))

    def between(self, group: Group) -> None:
        """Hand over the volumes of a group that is stopped on blue; what is there already is proven again. Raises MigratorError."""
        claims = self._of(group.claims)
        if not claims:
            return
        plans = list(_plans(self.session, claims))
        for plan in plans:
            _require_handed(plan)
        self._hand_over(plans)
        for plan in plans:
            if held := holder(self.session.blue, plan.claim, plan):
                raise BlockedError(
                    f"{plan.claim}: {held} on blue again: somebody has started it there",
                    hint="find out who starts it (an autoscaler, an operator, a person), and cut over again",
                )
            self.session.run.write(DataSwitched(claim=plan.claim, direction="to-green", how="hand-over"))
        self.session.run.ledger.sync()

    def _hand_over(self, plans: list[VolumePlan]) -> None:
        for done in hand_over(self.session, plans):
            if done.error:
                raise done.error
            self.session.run.reporter.emit(Step(f"{done.claim}: green has the volume"))

    def _waited(self, claims: Iterable[str]) -> str:
        """Return how long that took the last time, in words; empty where one never went."""
        known = [self._known(claim) for claim in claims]
        whole = sum(item.seconds for item in known) * 1000
        return f"the last time that took {whole:.0f} ms, " if all(item.handed for item in known) else ""

    def _of(self, claims: Iterable[str]) -> list[str]:
        context = self.session.context()
        return [claim for claim in claims if is_handed_at_cutover(claim, context)]

    def _known(self, claim: str) -> ClaimData:
        return self.session.run.state.data.get(claim, ClaimData())


def _to_hand_over(plan: Plan) -> set[str]:
    return {f"{item.blue.namespace}/{item.blue.name}" for item in plan.items if item.data is DataPlan.TO_HAND_OVER}


def _plans(session: Session, claims: Collection[str]) -> Iterator[VolumePlan]:
    """Yield the plans of claims, sorted; raises BlockedError for one that is gone."""
    blue = read_storage(session.blue)
    found = {plan.claim: plan for plan in plan_volumes(blue, read_storage(session.green, blue.volumes.values()), session.context())}
    for claim in sorted(claims):
        if claim not in found:
            raise BlockedError(f"{claim}: the claim is gone on blue", hint="look at it there; nothing was stopped for it")
        yield found[claim]


def _require_handed(plan: VolumePlan) -> None:
    if not plan.handed:
        reason = plan.reason or f"its way is {plan.way.value}, not {Way.HAND_OVER.value}"
        raise BlockedError(f"{plan.claim}: {reason}", hint=plan.hint)
