"""The order of `migrator validate`: read both sides, compare, wait until green is ready, record the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.cluster.policy_probe import PolicyProbe
from migrator.journal.records.migration import VerdictGiven
from migrator.journal.records.traffic import ClocksCompared
from migrator.migration.cluster_domains import other_domain
from migrator.migration.network import enforcement, shared_ranges
from migrator.migration.one_side import names, orders
from migrator.migration.session import Session
from migrator.migration.validate import Checks, validate
from migrator.migration.volumes_over import findings as hand_over_findings
from migrator.model.events import Step
from migrator.model.plan import Plan
from migrator.model.verdict import Finding, Severity, Verdict


def run_validate(session: Session) -> Verdict:
    """Compare green with blue, check that its workloads are ready, and record the verdict."""
    session.preflight()
    plan, green = session.read_and_plan()
    gates = session.config.gates
    seconds = gates.ready_timeout.total_seconds()
    checks = Checks(
        session.prober, session.registry, session.config.probes, seconds, gates.accepted_additions, gates.accepted_unready
    )
    began = session.run.clock.monotonic()
    verdict = validate(plan, session.blue, session.green, green.live, checks=checks, run=session.run)
    handed = [found for check in (names, orders) for found in check.findings(plan, session.blue, session.run.state.turned)]
    findings = (*verdict.findings, *handed, *hand_over_findings(session, plan), *_of_the_network(session, plan))
    verdict = Verdict(findings, session.run.clock.monotonic() - began)
    session.run.reporter.emit(Step("the verdict is good" if verdict.good else f"{len(verdict.failures)} checks failed"))
    notable = tuple(finding for finding in verdict.findings if finding.severity is not Severity.OK)
    session.run.write(ClocksCompared(session.green.server_time()))
    session.run.write(VerdictGiven.of(Verdict(notable, verdict.seconds)))
    return verdict


def _of_the_network(session: Session, plan: Plan) -> Iterator[Finding]:
    image, gates = session.config.network_policies.probe_image, session.config.gates
    probe = PolicyProbe(session.green, image, gates.ready_timeout.total_seconds(), session.run.clock, session.run.reporter)
    yield from enforcement(plan, probe.enforced if image else None)
    yield from shared_ranges(session.blue, session.green)
    yield from other_domain(session.blue, session.green)
