"""Answers of an API server as errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrator.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from migrator.kube.errors import error_from, is_denied


def answer(status: int, body: Any = None, **headers: str) -> ApiError:
    """Return the error of an answer."""
    return error_from("green", "GET", "/api/v1/pods?watch=1", status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError),
        (401, ForbiddenError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (418, ApiError),
        (422, InvalidError),
        (429, ThrottledError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[ApiError]) -> None:
    """The message names cluster, status, method and path, without the query."""
    error = answer(status)
    assert type(error) is kind
    assert error.message == f"green answered {status} to GET /api/v1/pods"


def test_a_server_that_names_a_time_is_waited_for() -> None:
    """A date in the header is not a number of seconds: then it is one second."""
    for status, header, seconds in ((503, "7", 7.0), (429, "Wed, 21 Oct 2026 07:28:00 GMT", 1.0), (429, "\xb2", 1.0)):
        error = error_from("green", "GET", "/x", status, {"retry-after": header}, b"")
        assert isinstance(error, ThrottledError)
        assert error.retry_after == seconds


def test_only_the_words_of_a_status_are_told() -> None:
    """Any other body may hold data; a long message is cut."""
    assert "too many" in answer(403, {"kind": "Status", "message": "too many"}).message
    assert "secret" not in answer(403, {"kind": "Secret", "data": {"secret": "x"}, "message": "secret"}).message
    assert len(answer(403, {"kind": "Status", "message": "x" * 5000}).message) < 700


@pytest.mark.parametrize("details", ["x", ["x"], {"causes": "x"}, {"causes": [1]}, {"causes": {"a": 1}}])
def test_a_status_may_be_of_any_form(details: Any) -> None:
    """Aggregated API servers write it themselves; a deep one cannot be parsed."""
    assert answer(503, {"kind": "Status", "message": "m", "details": details}).status == 503
    deep = error_from("green", "GET", "/x", 500, {}, b"[" * 2000)
    assert deep.message == "green answered 500 to GET /x"


def test_a_refused_eviction_names_the_budget() -> None:
    """Only the causes do."""
    causes = [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 2"}]
    error = answer(429, {"kind": "Status", "message": "Cannot evict", "details": {"causes": causes}})
    assert "The disruption budget web needs 2" in error.message
    assert "Cannot evict" not in error.message


def test_a_pod_of_two_budgets_is_an_answer() -> None:
    """It comes as 500, and is not tried again as one (kubernetes#75957)."""
    words = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    error = answer(500, {"kind": "Status", "message": words})
    assert (type(error), error.status, words in error.message) == (ApiError, 500, True)


@pytest.mark.parametrize(
    ("status", "message", "denied"),
    [
        (400, 'admission webhook "drain.strimzi.io" denied the request: The pod will be rolled by the operator', True),
        (429, 'admission webhook "virt.example" denied the request: Eviction triggered evacuation of VMI', True),
        (422, "pods \"web\" is forbidden: ValidatingAdmissionPolicy 'keep' with binding 'keep' denied request: no", True),
        (403, 'pods "web" is forbidden: unable to create new content in namespace old because it is being terminated', True),
        (403, 'pods "web" is forbidden: User "x" cannot create resource "pods/eviction"', False),
        (500, 'failed calling webhook "a.example": connection refused', False),
    ],
)
def test_what_admission_refuses_is_told_from_other_refusals(status: int, message: str, *, denied: bool) -> None:
    """A webhook chooses its status; that it is away is no answer of it."""
    assert is_denied(answer(status, {"kind": "Status", "message": message})) is denied


def test_expired_credentials_have_a_hint() -> None:
    """401 is not 403."""
    assert "may have expired" in answer(401).hint
    assert answer(403).hint == ""
