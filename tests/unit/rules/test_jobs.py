"""Jobs and CronJobs never run twice."""

from __future__ import annotations

from migrator.model.manifest import ref_of
from migrator.rules import jobs
from migrator.rules.context import RuleContext
from tests.support.contexts import PLAIN, configured
from tests.support.objects import cron_job, job


def test_job_identity() -> None:
    """Controller labels and selector carry blue's UID and go; a manual selector stays."""
    manifest = job("j")
    manifest["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    manifest["spec"]["template"]["metadata"]["labels"] |= {"controller-uid": "u", "job-name": "j"}
    done = jobs.drop_controller_identity(manifest, PLAIN)
    assert "selector" not in done["spec"]
    assert done["spec"]["template"]["metadata"]["labels"] == {"app": "j"}
    manual = {**manifest, "spec": {**manifest["spec"], "manualSelector": True}}
    assert jobs.drop_controller_identity(manual, PLAIN) is manual


def test_cronjobs_are_suspended() -> None:
    """A CronJob arrives suspended, whatever it is on blue; one that a cutover suspended on blue still counts as running."""
    manifest = {**cron_job("c", suspend=False), "metadata": {"name": "c", "namespace": "n"}}
    assert jobs.suspend_cronjob(manifest, PLAIN)["spec"]["suspend"] is True
    fenced = jobs.suspend_cronjob(manifest, PLAIN)
    assert not jobs.runs_on_blue(fenced, PLAIN)
    assert jobs.runs_on_blue(fenced, RuleContext(configured(), fenced_cronjobs=frozenset({ref_of(fenced)})))
