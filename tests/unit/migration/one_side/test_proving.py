"""A pod that is ready proves nothing of what it writes to; its own metrics do, where somebody can read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.errors import GateFailedError
from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.groups import as_documents
from migrator.migration.state import Stage
from migrator.migration.verbs.cutover import run_cutover
from migrator.model.kinds import DEPLOYMENTS
from tests.support.fake_cluster.faults import Fault, forbidden, unavailable
from tests.support.one_side import Stand
from tests.support.recorder import Recorder

SYNCED, FAILED = "external_dns_controller_last_sync_timestamp_seconds", "external_dns_registry_errors_total"
UNPROVEN = "is ready on green, and nothing proves that it reaches what it writes to"


def said(stand: Stand) -> str:
    """Return all that was shown."""
    assert isinstance(stand.session.run.reporter, Recorder)
    return "\n".join(stand.session.run.reporter.notes)


def test_what_has_synced_nothing_is_taken_back(stand: Stand) -> None:
    """Its DNS server does not answer, or refuses its key: the line says so, and blue's serves again."""
    stand.ready()
    stand.green.pods_tell = lambda _: f"{SYNCED} 0\n{FAILED} 7\n"
    why = "is not working on green after 300 s: pod dns-0 is ready and has synced nothing yet (external_dns_registry_errors_total is 7)"
    with pytest.raises(GateFailedError) as caught:
        run_cutover(stand.session, CopyOptions())
    assert why in caught.value.message
    assert "kubectl logs" in caught.value.hint
    assert stand.replicas == (2, 0)
    assert (stand.session.run.state.stage, stand.session.run.state.handed) == (Stage.ROLLED_BACK, {})


def test_each_pod_is_waited_for(stand: Stand) -> None:
    """The first sync takes its time, and one pod is later than another."""
    stand.ready()
    began = stand.clock.monotonic()

    def metrics(name: str) -> str:
        late = name == "dns-1" and stand.clock.monotonic() < began + 60
        return f"{SYNCED} {0 if late else 1.7e9}\n"

    stand.green.pods_tell = metrics
    run_cutover(stand.session, CopyOptions())
    assert stand.clock.monotonic() >= began + 60
    assert stand.replicas == (0, 2)
    assert UNPROVEN not in said(stand)


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda green: green.faults.append(Fault("proxy", forbidden)), "403"),
        (lambda green: green.faults.append(Fault("proxy", unavailable)), "503"),
        (lambda green: setattr(green, "pods_tell", lambda _: "<html>"), f"gives no {SYNCED} at port 7979"),
    ],
)
def test_what_tells_nothing_works_once_it_is_ready_and_a_person_is_told(
    stand: Stand, prepare: Callable[..., None], why: str
) -> None:
    """An API server that reaches no pods, or a build without metrics, keeps nobody from going to green for longer than seconds."""
    stand.ready()
    prepare(stand.green)
    before = stand.clock.monotonic()
    run_cutover(stand.session, CopyOptions())
    assert 10 <= stand.clock.monotonic() - before < 60
    assert stand.replicas == (0, 2)
    assert f"Deployment.apps/shop/dns {UNPROVEN}: " in said(stand)
    assert why in said(stand)


def test_metrics_for_itself_alone_are_not_waited_for(stand: Stand) -> None:
    """The plan says before that nothing will be proven."""
    container = stand.blue.get(DEPLOYMENTS, "shop", "dns")["spec"]["template"]["spec"]["containers"][0]
    patch = {"spec": {"template": {"spec": {"containers": [container | {"args": ["--metrics-address=127.0.0.1:7979"]}]}}}}
    stand.blue.patch(DEPLOYMENTS, "shop", "dns", patch, manager="kubectl")
    plan, _ = stand.session.read_and_plan()
    assert "--metrics-address gives its metrics to nobody else" in as_documents(plan)[0]["cutover"]
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    assert UNPROVEN in said(stand)
    assert not [line for line in stand.green.requests if line.startswith("proxy")]


def test_the_plan_says_what_will_be_proven(stand: Stand) -> None:
    """Before anything is done."""
    plan, _ = stand.session.read_and_plan()
    assert (
        f"waited for until its metrics tell of its first sync ({SYNCED}, port 7979 of its pods)" in as_documents(plan)[0]["cutover"]
    )
