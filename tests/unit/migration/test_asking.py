"""A webhook that fails closed, and an API of another server, must answer: an endpoint alone is not a proof."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from migrator.errors import ApiError, InvalidError
from migrator.migration.asking import ask
from migrator.model.manifest import Manifest
from migrator.model.verdict import Severity
from tests.support.fake_cluster.faults import Fault, denied, forbidden, not_found, silent, unavailable, uncalled
from tests.support.objects import config_map, deployment, made, service
from tests.support.pairs import Pair, contents, in_shop, pair

ADMISSION = "admissionregistration.k8s.io/v1"
NAME = "a.example.com"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
CLIENT = {"service": {"namespace": "shop", "name": "hook"}}
CERTIFICATE = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
Error = Callable[[], ApiError]


def hooks(kind: str = "Validating", **more: Any) -> Manifest:
    """Return a configuration with one webhook on ConfigMaps."""
    hook = {"name": NAME, "clientConfig": CLIENT, "rules": [RULE], **more}
    return made(ADMISSION, f"{kind}WebhookConfiguration", "hooks", webhooks=[hook])


def on_both(*manifests: Manifest, endpoints: int = 1) -> Pair:
    """Return a pair with the same objects on both sides, and an endpoint behind the Service `hook`."""
    both = pair(in_shop(service("hook")), *manifests)
    both.green.hold(made("v1", "Namespace", "shop"), in_shop(service("hook")), *manifests)
    labels = {"kubernetes.io/service-name": "hook"}
    ends = [{"addresses": ["10.0.0.1"]}] * endpoints
    both.green.hold(made("discovery.k8s.io/v1", "EndpointSlice", "hook-1", namespace="shop", labels=labels, endpoints=ends))
    both.green.requests.clear()
    return both


def findings(both: Pair) -> list[tuple[Severity, str]]:
    """Return what was found, and prove that nothing was stored."""
    before = contents(both.green)
    plan, green = both.read()
    found = ask(plan, both.blue, both.green, green.live, both.clock)
    assert contents(both.green) == before
    return [(item.severity, item.reason) for item in found]


def asked(both: Pair) -> list[str]:
    """Return the dry runs that were sent."""
    return [request for request in both.green.requests if request.startswith(("create", "patch"))]


def test_a_webhook_that_answers_is_good() -> None:
    """It was asked by a dry run of an object that moves, under another name."""
    both = on_both(hooks(), config_map("a", namespace="shop"))
    assert findings(both) == []
    assert asked(both) == ["create ConfigMap shop/"]


def test_a_certificate_that_is_not_trusted_is_a_failure() -> None:
    """Its pod is ready and its endpoint is there; the words of the API server tell why. What only starts gets ten seconds."""
    both = on_both(hooks(), config_map("a", namespace="shop"))
    both.green.faults.append(Fault("create", uncalled(NAME)))
    ((severity, reason),) = findings(both)
    assert severity is Severity.FAILURE
    assert reason.startswith(f"{NAME}: does not answer: green answered 500")
    assert "tls: unknown authority" in reason
    assert 10 <= both.clock.monotonic() < 12


def test_a_webhook_that_begins_to_answer_is_good() -> None:
    """A node may need a moment to lead to a new endpoint."""
    both = on_both(hooks(), config_map("a", namespace="shop"))
    both.green.faults.append(Fault("create", uncalled(NAME), times=3))
    assert findings(both) == []


def invalid() -> ApiError:
    """Return the error of a validation that comes before validating webhooks."""
    return InvalidError("green answered 422: spec: Required value", status=422, reason="Invalid")


@pytest.mark.parametrize(
    ("kind", "error", "severity"),
    [
        ("Validating", denied(NAME), None),
        ("Mutating", denied(NAME), None),
        ("Mutating", invalid, None),
        ("Validating", invalid, Severity.UNKNOWN),
        ("Validating", denied("another.example.com"), Severity.UNKNOWN),
        ("Validating", uncalled("another.example.com"), Severity.UNKNOWN),
        ("Validating", forbidden, Severity.UNKNOWN),
        ("Validating", silent, Severity.UNKNOWN),
    ],
    ids=["no", "no to a change", "invalid after", "invalid before", "another's no", "another is silent", "forbidden", "no server"],
)
def test_what_an_error_tells_of_a_webhook(kind: str, error: Error, severity: Severity | None) -> None:
    """A no is an answer. What another stage has said tells nothing, and is not guessed."""
    both = on_both(hooks(kind), config_map("a", namespace="shop"))
    both.green.faults.append(Fault("create", error))
    assert [found for found, _ in findings(both)] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("endpoints", "more", "expected"),
    [
        (0, {}, (Severity.FAILURE, "its Service shop/hook has no ready endpoint")),
        (0, {"failurePolicy": "Ignore"}, (Severity.WARNING, "its Service shop/hook has no ready endpoint")),
        (1, {"failurePolicy": "Ignore"}, None),
        (1, {"clientConfig": {**CLIENT, "caBundle": CERTIFICATE}}, None),
        (1, {"clientConfig": {**CLIENT, "caBundle": "bm8="}}, (Severity.FAILURE, "its caBundle holds no certificate")),
        (
            1,
            {"clientConfig": {**CLIENT, "caBundle": "Cg=="}, "failurePolicy": "Ignore"},
            (Severity.WARNING, "its caBundle holds no certificate"),
        ),
    ],
    ids=["strict", "lenient", "lenient and there", "certificate", "no certificate", "lenient without one"],
)
def test_what_needs_no_question(endpoints: int, more: Manifest, expected: tuple[Severity, str] | None) -> None:
    """Without an endpoint nobody answers; one that may fail is a warning."""
    both = on_both(hooks(**more), config_map("a", namespace="shop"), endpoints=endpoints)
    assert findings(both) == ([(expected[0], f"{NAME}: {expected[1]}")] if expected else [])


def test_a_condition_leaves_open_whether_it_was_asked() -> None:
    """The API server does not tell."""
    conditions = [{"name": "some", "expression": "object.metadata.name != 'a'"}]
    both = on_both(hooks(matchConditions=conditions), config_map("a", namespace="shop"))
    assert findings(both) == [(Severity.UNKNOWN, f"{NAME}: was perhaps not asked: it has matchConditions")]


def test_a_webhook_of_green_is_asked_where_something_passes_through_it() -> None:
    """Others are no matter of this migration."""
    elsewhere = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
    both = on_both(config_map("a", namespace="shop"))
    both.green.faults.append(Fault("create", uncalled(NAME)))
    found: list[list[Severity]] = []
    choices: tuple[Manifest, ...] = ({}, elsewhere)
    for more in choices:
        again = on_both(config_map("a", namespace="shop"))
        again.green.hold(hooks(**more))
        again.green.faults.append(Fault("create", uncalled(NAME)))
        found.append([severity for severity, _ in findings(again)])
    assert found == [[Severity.FAILURE], []]


def test_an_object_is_made_up_for_a_webhook_that_moves() -> None:
    """With the labels that it asks for, in a namespace that moves."""
    both = on_both(hooks(objectSelector={"matchLabels": {"guarded": "yes"}}))
    assert findings(both) == []
    assert asked(both) == ["create ConfigMap shop/"]


def test_a_webhook_that_nothing_passes_through_is_unknown() -> None:
    """It is for a subresource, for example."""
    both = on_both(hooks(rules=[{**RULE, "resources": ["pods/exec"], "operations": ["CONNECT"]}]))
    assert findings(both) == [(Severity.UNKNOWN, f"{NAME}: was not asked: no object of this migration passes through it")]


def test_a_strange_webhook_is_a_failure_of_its_own() -> None:
    """All others are judged."""
    both = on_both(hooks(rules=[{"operations": 3}]), deployment("web") | {"metadata": {"name": "web", "namespace": "shop"}})
    ((severity, reason),) = findings(both)
    assert (severity, "cannot be judged" in reason) == (Severity.FAILURE, True)


def api_service(name: str = "v1.example.com", *, available: bool = True) -> Manifest:
    """Return an API that another server answers."""
    status = {"conditions": [{"type": "Available", "status": str(available), "message": "gone"}]}
    spec = {"group": "example.com", "version": "v1", "service": {"namespace": "shop", "name": "hook"}}
    return made("apiregistration.k8s.io/v1", "APIService", name, spec=spec, status=status)


@pytest.mark.parametrize(
    ("error", "severity"),
    [(None, None), (unavailable, Severity.FAILURE), (not_found, Severity.FAILURE), (forbidden, Severity.UNKNOWN)],
)
def test_an_api_of_another_server_is_called(error: Error | None, severity: Severity | None) -> None:
    """Its condition does not tell: the API server does not look at the certificate for it."""
    both = on_both(api_service())
    if error:
        both.green.faults.append(Fault("ask", error))
    assert [found for found, _ in findings(both)] == ([severity] if severity else [])


def test_an_api_that_does_not_work_on_blue_either_is_a_warning() -> None:
    """Green cannot be better than blue."""
    both = on_both(api_service(available=False))
    both.green.faults.append(Fault("ask", unavailable))
    ((severity, reason),) = findings(both)
    assert (severity, "not ready on blue either" in reason) == (Severity.WARNING, True)


@pytest.mark.parametrize(("on_blue", "found"), [(True, [Severity.FAILURE]), (False, [])])
def test_an_api_of_green_s_own_must_do_what_blue_s_does(found: list[Severity], *, on_blue: bool) -> None:
    """One that blue does not have is no matter of this migration."""
    both = pair(*([api_service()] if on_blue else []), config="move: {kinds: {exclude: [APIService]}}")
    both.green.hold(made("v1", "Namespace", "shop"), api_service())
    both.green.faults.append(Fault("ask", unavailable))
    assert [severity for severity, _ in findings(both)] == found


@pytest.mark.parametrize(
    ("local", "available", "found"),
    [
        ("v1.other.example.com", True, [Severity.WARNING]),
        ("v1.example.com", True, []),
        ("v1.other.example.com", False, []),
        ("", True, []),
    ],
    ids=["missing", "served by another", "not on blue either", "not readable"],
)
def test_an_api_that_green_does_not_have_is_told(local: str, found: list[Severity], *, available: bool) -> None:
    """An autoscaler that asks it for metrics would not scale there."""
    both = pair(api_service(available=available), config="move: {kinds: {exclude: [APIService]}}")
    if local:
        both.green.hold(
            made("apiregistration.k8s.io/v1", "APIService", local, spec={"group": "other.example.com", "version": "v1"})
        )
    assert [severity for severity, _ in findings(both)] == found
