"""Green does blue's work, or it is said what is missing; a timeout is a failure, and what cannot be known is not guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from migrator.config.fields import Selector
from migrator.config.schema import Probe
from migrator.errors import ApiError
from migrator.migration.claims import with_data
from migrator.migration.validate import Checks, by_severity, validate
from migrator.model.manifest import Manifest
from migrator.model.ref import ObjectRef
from migrator.model.verdict import Finding, Severity, Verdict
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, forbidden, not_found, unavailable
from tests.support.objects import config_map, crd, deployment, made, service
from tests.support.pairs import Pair, in_green, in_shop, pair
from tests.support.programs import workload
from tests.support.traffic import FakeProber, FakeRegistry

A = ObjectRef("", "ConfigMap", "shop", "a")
FRONT = ObjectRef("apps", "Deployment", "shop", "front")
FRONT_SERVICE = ObjectRef("", "Service", "shop", "front")
AVAILABLE = {"observedGeneration": 1, "availableReplicas": 1}
PROBE = Probe.model_validate({"name": "front", "tcp": {"host": "green.example", "port": 80}, "timeout": "1s"})


class LateProber:
    """Answers well once a time has come."""

    def __init__(self, clock: FakeClock, good_at: float) -> None:
        self._clock, self._good_at = clock, good_at
        self.asked = 0

    def probe(self, probe: Probe) -> Finding:
        """Judge the time."""
        self.asked += 1
        good = self._clock.monotonic() >= self._good_at
        return Finding("probe", probe.name, Severity.OK if good else Severity.FAILURE, "" if good else "answered 503")


def judged(both: Pair, *probes: Probe, seconds: float = 10.0, registry: FakeRegistry | None = None, **reasons: str) -> Verdict:
    """Return the verdict of a later run."""
    again = both.next_run()
    plan, green = again.read()
    checks = Checks(FakeProber(**reasons), registry or FakeRegistry(), probes, seconds)
    both.clock = again.clock
    return validate(plan, again.blue, again.green, green.live, checks=checks, run=again.run)


def findings(both: Pair, check: str, **more: Any) -> list[tuple[str, Severity, str]]:
    """Return what one check has found."""
    return [(item.subject, item.severity, item.reason) for item in judged(both, **more).findings if item.check == check]


def set_status(cluster: FakeCluster, ref: ObjectRef, status: dict[str, Any]) -> None:
    """Give an object a status, as its controller does."""
    found = in_green(cluster, ref)
    body = orjson.dumps({**found, "status": status})
    cluster.replace(cluster.type_of(found), ref.namespace, ref.name, body, manager="controller", subresource="status")


def with_endpoints(cluster: FakeCluster, name: str, count: int) -> None:
    """Put ready addresses behind a Service."""
    cluster.hold(
        made(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            f"{name}-1",
            namespace="shop",
            labels={"kubernetes.io/service-name": name},
            endpoints=[{"addresses": [f"10.0.0.{number}"]} for number in range(count)],
        )
    )


def copied(*objects: Manifest, config: str = "") -> Pair:
    """Return a pair after a copy, as the next run finds it."""
    both = pair(*objects, config=config)
    both.copy()
    return both.next_run()


def test_a_whole_copy_is_good() -> None:
    """Nothing is found, and the time that it took is told."""
    verdict = judged(copied(config_map("a", namespace="shop")))
    assert (verdict.good, verdict.findings, verdict.seconds) == (True, (), 0.0)


def test_what_was_not_copied_is_a_failure() -> None:
    """Before a copy, and after a person has deleted it on green."""
    missing = (str(A), Severity.FAILURE, "is not on green")
    both = pair(config_map("a", namespace="shop"))
    assert missing in findings(both, "parity")
    both.copy()
    found = in_green(both.green, A)
    both.green.delete(both.green.type_of(found), "shop", "a", uid=found["metadata"]["uid"])
    assert findings(both, "parity") == [missing]


def test_what_is_being_deleted_on_green_is_a_failure() -> None:
    """It looks as on blue until its finalizers are done."""
    both = copied(config_map("a", namespace="shop"))
    found = in_green(both.green, A)
    both.green.patch(both.green.type_of(found), "shop", "a", {"metadata": {"finalizers": ["example.com/slow"]}}, manager="them")
    both.green.delete(both.green.type_of(found), "shop", "a", uid=found["metadata"]["uid"])
    assert findings(both, "parity") == [(str(A), Severity.FAILURE, "is being deleted on green")]


def test_what_differs_is_a_failure_with_three_of_its_fields() -> None:
    """And how many more there are; values may be secrets, and findings are recorded."""
    data = {str(number): "blue" for number in range(5)}
    both = copied(config_map("a", data, namespace="shop"))
    other = dict.fromkeys(data, "g" * 100)
    both.green.patch(both.green.type_of(config_map("a")), "shop", "a", {"data": other}, manager="kubectl")
    ((subject, severity, reason),) = findings(both, "parity")
    assert (subject, severity) == (str(A), Severity.FAILURE)
    assert reason == "differs from blue in data.0, data.1, data.2 and 2 more"
    assert reason.endswith(" and 2 more")


def test_values_of_secrets_are_not_shown() -> None:
    """The field is."""
    both = copied(made("v1", "Secret", "a", namespace="shop", data={"key": "Ymx1ZQ=="}))
    both.green.patch(both.green.type_of(made("v1", "Secret", "a")), "shop", "a", {"data": {"key": "Z3JlZW4="}}, manager="kubectl")
    ((_, _, reason),) = findings(both, "parity")
    assert "data.key" in reason
    assert not any(value in reason for value in ("Ymx1ZQ==", "Z3JlZW4="))


def test_what_the_plan_blocks_or_cannot_read_is_a_failure() -> None:
    """Such an object is missing on green."""
    both = pair(config_map("a", namespace="shop"))
    both.blue.faults.append(Fault("list", forbidden, kind="Secret"))
    found = findings(both, "moved")
    assert [(subject, severity) for subject, severity, _ in found] == [("Secret", Severity.FAILURE)]


@pytest.mark.parametrize(("error", "part"), [(forbidden, "grant it"), (unavailable, "nothing can decode")])
def test_what_cannot_be_read_says_what_to_do(error: Callable[[], ApiError], part: str) -> None:
    """No grant helps where a server fails, as for a Secret whose key is lost (kubernetes#66844)."""
    both = copied(config_map("a", namespace="shop"))
    both.blue.faults.append(Fault("list", error, kind="Secret"))
    (found,) = [item for item in judged(both).findings if item.check == "moved"]
    assert (found.subject, part in found.hint) == ("Secret", True)


@pytest.mark.parametrize(("config", "bad"), [("", True), ('volumes: {dataMoved: ["shop/data"]}', False)])
def test_data_that_was_not_moved_is_a_failure(config: str, *, bad: bool) -> None:
    """Until the person says that it was."""
    claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"volumeName": "v"}, status={"phase": "Bound"})
    both = copied(claim, config=config)
    assert [severity for _, severity, _ in findings(both, "data")] == ([Severity.FAILURE] if bad else [])


def test_a_claim_that_waits_for_the_folder_of_blue_says_so() -> None:
    """It is not empty on green: nobody has made a volume for it there."""
    spec = {"storageClassName": "nfs", "volumeName": "v"}
    claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec=spec, status={"phase": "Bound"})
    by_claim = made(
        "storage.k8s.io/v1", "StorageClass", "nfs", provisioner="nfs.csi.k8s.io", parameters={"subDir": "${pvc.metadata.name}"}
    )
    ((_, _, reason),) = findings(copied(claim, by_claim), "data")
    assert reason.startswith("data is NOT there: its StorageClass names folders by claims")


def with_front(**status: Any) -> Pair:
    """Return a pair with a Deployment that is available on blue, and on green as its status says."""
    both = pair({**in_shop(deployment("front")), "status": AVAILABLE})
    both.copy()
    if status:
        set_status(both.green, FRONT, status)
    return both


def test_what_is_not_ready_in_time_is_a_failure() -> None:
    """Not before, with the state that it is in and how to look at it."""
    both = with_front(observedGeneration=1, availableReplicas=0)
    verdict = judged(both, seconds=10.0)
    (found,) = (item for item in verdict.findings if item.check == "readiness")
    assert (found.severity, found.reason) == (Severity.FAILURE, "0 of 1 replicas available, still after 10 s")
    assert found.hint == "kubectl --context GREEN describe deployment front -n shop"
    assert 10 <= verdict.seconds < 12


def test_what_gets_ready_is_waited_for() -> None:
    """And only as long as it takes."""
    both = with_front(observedGeneration=1, availableReplicas=0)
    again = both.next_run()
    plan, green = again.read()
    again.clock.after(4, lambda: set_status(again.green, FRONT, AVAILABLE))
    checks = Checks(FakeProber(), FakeRegistry(), (), 60.0)
    verdict = validate(plan, again.blue, again.green, green.live, checks=checks, run=again.run)
    assert verdict.good
    assert 4 <= verdict.seconds < 6


def test_what_has_failed_for_good_is_not_waited_for() -> None:
    """Its own words are told."""
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}]
    verdict = judged(with_front(observedGeneration=1, conditions=late), seconds=60.0)
    assert [(item.severity, item.reason) for item in verdict.findings] == [(Severity.FAILURE, "too late")]
    assert verdict.seconds == 0.0


@pytest.mark.parametrize(
    ("blue", "green", "severity", "waits"),
    [
        (3, 0, Severity.FAILURE, True),
        (3, 2, Severity.FAILURE, True),
        (3, 3, Severity.WARNING, False),
        (0, 0, Severity.WARNING, False),
    ],
)
def test_as_many_pods_must_work_as_on_blue(blue: int, green: int, severity: Severity, *, waits: bool) -> None:
    """A rollout that is stuck on blue works there; on green nothing does, and no word of blue's excuses that."""
    both = pair(in_shop(deployment("front", 5)))
    set_status(both.blue, FRONT, {"observedGeneration": 1, "availableReplicas": blue})
    both.copy()
    set_status(both.green, FRONT, {"observedGeneration": 1, "availableReplicas": green})
    verdict = judged(both)
    (found,) = [item for item in verdict.findings if item.check == "readiness"]
    assert (found.severity, verdict.seconds > 0) == (severity, waits)
    assert f"{green} of 5 replicas available" in found.reason
    assert not waits or f"blue has {blue} that work" in found.reason


def test_what_is_not_ready_on_blue_either_is_a_warning_that_nothing_waits_for() -> None:
    """Green cannot be better than blue."""
    both = copied({**in_shop(deployment("front")), "status": {"observedGeneration": 1, "availableReplicas": 0}})
    verdict = judged(both, seconds=60.0)
    (found,) = (item for item in verdict.findings if item.check == "readiness")
    assert found.severity is Severity.WARNING
    assert "not ready on blue either" in found.reason
    assert (verdict.good, verdict.seconds) == (True, 0.0)


@pytest.mark.parametrize(("image", "severities"), [("x/external-dns:1", []), ("x/web:1", [Severity.FAILURE])])
def test_a_budget_of_pods_that_are_held_is_not_waited_for(image: str, severities: list[Severity]) -> None:
    """It demands one healthy pod also where its workload is to have none; after the cutover, and for others, it counts."""
    dns = workload(image, name="dns")
    dns["metadata"]["namespace"] = "shop"
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "dns"}}}
    healthy = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1}
    budget = made("policy/v1", "PodDisruptionBudget", "dns", namespace="shop", spec=spec, status=healthy)
    both = copied({**dns, "status": {"observedGeneration": 1, "availableReplicas": 2}}, budget)
    set_status(both.green, ObjectRef("apps", "Deployment", "shop", "dns"), {"observedGeneration": 1, "availableReplicas": 2})
    set_status(both.green, ObjectRef("policy", "PodDisruptionBudget", "shop", "dns"), {**healthy, "currentHealthy": 0})
    found = [item for item in judged(both).findings if item.check == "readiness"]
    assert [item.severity for item in found] == severities


@pytest.mark.parametrize(("expected", "severity"), [(0, Severity.WARNING), (1, Severity.FAILURE)])
def test_a_budget_that_counts_no_pod_is_no_failure(expected: int, severity: Severity) -> None:
    """Pods of a runner or of a workload that is scaled to 0 exist on blue at times."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "runner"}}}
    healthy = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    both = copied(made("policy/v1", "PodDisruptionBudget", "runner", namespace="shop", spec=spec, status=healthy))
    now = {**healthy, "currentHealthy": 0, "expectedPods": expected}
    set_status(both.green, ObjectRef("policy", "PodDisruptionBudget", "shop", "runner"), now)
    assert [found for _, found, _ in findings(both, "readiness")] == [severity]


@pytest.mark.parametrize(
    ("mode", "node", "severity"),
    [
        ("WaitForFirstConsumer", "", Severity.WARNING),
        ("WaitForFirstConsumer", "green-1", Severity.FAILURE),
        ("Immediate", "", Severity.FAILURE),
    ],
)
def test_a_claim_that_no_pod_uses_yet_need_not_be_bound(mode: str, node: str, severity: Severity) -> None:
    """Its CronJob, or its Deployment of 0 replicas, makes the first pod after the cutover."""
    spec = {"storageClassName": "local", "volumeName": "v"}
    claim = made("v1", "PersistentVolumeClaim", "cache", namespace="shop", spec=spec, status={"phase": "Bound"})
    both = pair(claim, config='volumes: {dataMoved: ["shop/cache"]}')
    both.green.hold(made("storage.k8s.io/v1", "StorageClass", "local", provisioner="x", volumeBindingMode=mode))
    both.copy()
    ref = ObjectRef("", "PersistentVolumeClaim", "shop", "cache")
    if node:
        patch = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": node}}}
        both.green.patch(both.green.type_of(claim), "shop", "cache", patch, manager="kube-scheduler")
    set_status(both.green, ref, {"phase": "Pending"})
    (found,) = (item for item in judged(both).findings if item.check == "readiness")
    assert found.severity is severity


HANDED_OVER = "volumes: {claims: [{claims: ['shop/*'], way: handOver}]}"


def with_database(more: str = "") -> Pair:
    """Return a pair with a Deployment that needs a database, whose volume is handed over at the cutover."""
    volume = {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}
    database = in_shop(deployment("db"))
    database["spec"]["template"]["spec"]["volumes"] = [volume]
    spec = {"nfs": {"server": "s", "path": "/"}, "claimRef": {"namespace": "shop", "name": "data"}}
    both = pair(
        {**database, "status": AVAILABLE},
        {**in_shop(deployment("front")), "status": AVAILABLE},
        made("v1", "PersistentVolumeClaim", "data", namespace="shop", spec={"volumeName": "v"}, status={"phase": "Bound"}),
        made("v1", "PersistentVolume", "v", spec=spec, status={"phase": "Bound"}),
        config=f"{HANDED_OVER}\n{more}",
    )
    both.context = with_data(both.context, both.blue)
    both.copy()
    for ref in (FRONT, FRONT._replace(name="db")):
        set_status(both.green, ref, {"observedGeneration": 1, "availableReplicas": 0})
    return both


def test_what_may_need_what_is_held_can_be_handed_over_with_it() -> None:
    """The hint says how: without its database it is never ready before the cutover."""
    (found,) = (item for item in judged(with_database()).findings if item.check == "readiness")
    assert found.severity is Severity.FAILURE
    entry = '{name: data of shop, target: {kind: Deployment.apps, namespace: shop, name: "front"}, hold: auto}'
    assert found.hint.endswith(f"cutover.oneSide: [{entry}]")
    group = {part.blue.name: part.row for part in with_database(f"cutover: {{oneSide: [{entry}]}}").read()[0].parts()}
    assert group == {"db": "data of shop", "front": "data of shop"}
    assert "oneSide" not in judged(with_front(observedGeneration=1, availableReplicas=0)).findings[0].hint


def test_a_person_may_accept_what_is_not_ready_yet() -> None:
    """It is a warning, and nothing waits for it; nor for endpoints of a Service that is named."""
    both = with_front(observedGeneration=1, availableReplicas=0)
    again = both.next_run()
    plan, green = again.read()
    accepted = (Selector.model_validate({"kind": "Deployment", "name": "fr*"}),)
    checks = Checks(FakeProber(), FakeRegistry(), (), 60.0, unready=accepted)
    verdict = validate(plan, again.blue, again.green, green.live, checks=checks, run=again.run)
    assert [(item.check, item.severity) for item in verdict.findings] == [("readiness", Severity.WARNING)]
    assert (verdict.good, verdict.seconds) == (True, 0.0)


def test_a_server_that_does_not_answer_makes_nothing_ready() -> None:
    """What cannot be looked at is not done."""
    both = with_front(observedGeneration=1, availableReplicas=0)
    again = both.next_run()
    plan, green = again.read()
    again.green.faults.append(Fault("get", unavailable))
    checks = Checks(FakeProber(), FakeRegistry(), (), 5.0)
    assert not validate(plan, again.blue, again.green, green.live, checks=checks, run=again.run).good


WIDGET = ObjectRef("example.com", "Widget", "shop", "w")


def with_widget(status: dict[str, Any]) -> Pair:
    """Return a pair with a custom resource whose status is a subresource, after a copy."""
    both = pair(crd("widgets", "Widget", "example.com", status=True))
    both.blue.hold(made("example.com/v1", "Widget", "w", namespace="shop", status=status))
    both.copy()
    return both.next_run()


@pytest.mark.parametrize(
    ("blue", "green", "severity", "seconds"),
    [
        ("True", "", Severity.WARNING, 10),
        ("True", "True", None, 0),
        ("True", "False", Severity.FAILURE, 60),
        ("False", "", None, 0),
    ],
)
def test_a_custom_resource_that_nobody_tells_of_is_waited_for_and_told(
    blue: str, green: str, severity: Severity | None, seconds: int
) -> None:
    """Its controller may not run on green; or what blue's says is of one that has gone there, too, so that it is no failure."""
    both = with_widget({"conditions": [{"type": "Ready", "status": blue}]})
    if green:
        set_status(both.green, WIDGET, {"conditions": [{"type": "Ready", "status": green}]})
    verdict = judged(both, seconds=60)
    found = [item for item in verdict.findings if item.check == "readiness"]
    assert [item.severity for item in found] == ([severity] if severity else [])
    assert seconds <= verdict.seconds < seconds + 2
    assert severity is not Severity.WARNING or "no controller on green has said" in found[0].reason


def test_a_custom_resource_that_is_accepted_and_not_ready_on_blue_is_not_waited_for() -> None:
    """One good word of two does not make it well."""
    both = with_widget({"conditions": [{"type": "Ready", "status": "False"}, {"type": "Accepted", "status": "True"}]})
    assert [item for item in judged(both, seconds=60).findings if item.check == "readiness"] == []


@pytest.mark.parametrize("error", [unavailable, not_found])
def test_what_cannot_be_looked_at_again_stays_as_unready_as_it_was(error: Callable[[], ApiError]) -> None:
    """What blue's object says is no word of green: it has no status there, and a custom resource without one is ready."""
    both = with_widget({})
    set_status(both.green, WIDGET, {"conditions": [{"type": "Ready", "status": "False"}]})
    again = both.next_run()
    plan, green = again.read()
    again.green.faults.append(Fault("get", error))
    verdict = validate(
        plan, again.blue, again.green, green.live, checks=Checks(FakeProber(), FakeRegistry(), (), 5.0), run=again.run
    )
    (found,) = (item for item in verdict.findings if item.check == "readiness")
    assert (found.severity, found.hint.endswith("name it in gates.acceptedUnready")) == (Severity.FAILURE, True)


def test_what_still_runs_its_earlier_template_is_not_ready() -> None:
    """After a second copy green serves as before, whatever becomes of the new pods (kubernetes#100192)."""
    both = with_front(observedGeneration=1, availableReplicas=1, replicas=2, updatedReplicas=1)
    ((_, severity, reason),) = findings(both, "readiness")
    assert (severity, reason) == (Severity.FAILURE, "1 of 2 pods are of an earlier template, still after 10 s")


@pytest.mark.parametrize(
    ("blue", "green", "image", "severities"),
    [(2, 0, "x/web:1", [Severity.FAILURE]), (2, 1, "x/web:1", []), (0, 0, "x/web:1", []), (2, 0, "x/external-dns:1", [])],
    ids=["no node", "fewer nodes", "none on blue either", "held"],
)
def test_a_daemon_set_for_no_node_of_green_is_not_ready(blue: int, green: int, image: str, severities: list[Severity]) -> None:
    """Labels of nodes do not move, and its controller is content with no pod."""
    daemon = workload(image, kind="DaemonSet", name="edge")
    daemon["metadata"]["namespace"] = "shop"

    def status(nodes: int) -> dict[str, int]:
        return {"observedGeneration": 1, "desiredNumberScheduled": nodes, "numberAvailable": nodes}

    both = copied({**daemon, "status": status(blue)})
    set_status(both.green, ObjectRef("apps", "DaemonSet", "shop", "edge"), status(green))
    verdict = judged(both)
    assert [item.severity for item in verdict.findings if item.check == "readiness"] == severities
    # A program that moves as well may label nodes until then.
    assert verdict.seconds == (10 if severities else 0)


@pytest.mark.parametrize(
    ("blue", "green", "found"),
    [
        (2, 0, [(str(FRONT_SERVICE), Severity.FAILURE, "no ready endpoint; blue has 2")]),
        (2, 1, [(str(FRONT_SERVICE), Severity.WARNING, "1 ready endpoints; blue has 2")]),
        (2, 2, []),
        (0, 0, []),
    ],
)
def test_a_service_must_have_what_blue_s_has(blue: int, green: int, found: list[tuple[str, Severity, str]]) -> None:
    """None at all is a failure, fewer a warning."""
    both = copied(in_shop(service("front")))
    with_endpoints(both.blue, "front", blue)
    with_endpoints(both.green, "front", green)
    assert findings(both, "endpoints") == found


def test_a_service_that_is_not_on_green_is_not_waited_for() -> None:
    """That it is not there is told once, and a validate before the first copy answers at once."""
    both = pair(in_shop(service("front")))
    with_endpoints(both.blue, "front", 1)
    assert findings(both, "endpoints") == []
    assert (str(FRONT_SERVICE), Severity.FAILURE, "is not on green") in findings(both, "parity")


def test_a_service_that_cannot_be_judged_is_unknown() -> None:
    """That is not good, and not bad either."""
    both = copied(in_shop(service("front")))
    both.green.faults.append(Fault("list", forbidden, kind="EndpointSlice"))
    assert findings(both, "endpoints") == [(str(FRONT_SERVICE), Severity.UNKNOWN, "green answered 403")]


def test_a_service_that_names_another_host_has_no_endpoints() -> None:
    """ExternalName is not looked at."""
    both = copied(in_shop(made("v1", "Service", "front", spec={"type": "ExternalName", "externalName": "example.com"})))
    with_endpoints(both.blue, "front", 1)
    assert findings(both, "endpoints") == []


def test_a_webhook_must_be_answered() -> None:
    """It would refuse every write that it matches (test_asking.py)."""
    hooks = [{"name": "a.example.com", "clientConfig": {"service": {"namespace": "shop", "name": "hook"}}}]
    configuration = made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hooks", webhooks=hooks)
    both = pair(in_shop(service("hook")), configuration)
    both.green.hold(configuration)
    found = findings(both, "webhooks")
    assert [(severity, reason) for _, severity, reason in found] == [
        (Severity.FAILURE, "a.example.com: its Service shop/hook has no ready endpoint")
    ]


def test_a_probe_that_fails_makes_the_verdict_bad() -> None:
    """Its words are the finding."""
    both = copied()
    assert judged(both, PROBE).good
    verdict = judged(both, PROBE, front="answered 503")
    assert not verdict.good
    assert any("answered 503" in item.reason for item in verdict.failures)


@pytest.mark.parametrize(
    ("good_at", "asked", "reasons"), [(5.0, 6, []), (31.0, 31, ["answered 503, still after 30 s"])], ids=["late", "too late"]
)
def test_a_probe_is_asked_until_it_is_good_or_time_is_up(good_at: float, asked: int, reasons: list[str]) -> None:
    """A load balancer may answer 503 for a moment after green has become ready."""
    both = copied().next_run()
    plan, green = both.read()
    prober = LateProber(both.clock, good_at)
    checks = Checks(prober, FakeRegistry(), (PROBE,), 30.0)
    verdict = validate(plan, both.blue, both.green, green.live, checks=checks, run=both.run)
    assert (prober.asked, [item.reason for item in verdict.failures]) == (asked, reasons)


def test_findings_are_grouped_with_the_worst_first() -> None:
    """Groups without a finding are left out."""
    items = [Finding("c", str(number), severity) for number, severity in enumerate((Severity.OK, Severity.FAILURE, Severity.OK))]
    groups = by_severity(items)
    assert list(groups) == [Severity.FAILURE, Severity.OK]
    assert [item.subject for item in groups[Severity.OK]] == ["0", "2"]
