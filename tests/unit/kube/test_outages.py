"""An outage of the API server and one behind it are told apart; `test_patience` shows both against a real server."""

from __future__ import annotations

import pytest

from migrator.errors import ApiError, NotFoundError, UnavailableError
from migrator.kube.outages import Outages, group_in, kind_in
from tests.support.clock import FakeClock


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/apis/cert-manager.io/v1/certificates?limit=250", "cert-manager.io"),
        ("/api/v1/namespaces/shop/secrets/a", ""),
        ("/version", ""),
        ("/apis", ""),
    ],
)
def test_the_group_stands_in_the_path(path: str, group: str) -> None:
    """Whatever is asked of the core group concerns the API server itself."""
    assert group_in(path) == group


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/apis/cert-manager.io/v1/certificates?limit=250", ("cert-manager.io", "certificates")),
        ("/apis/apps/v1/namespaces/shop/deployments?dryRun=All", ("apps", "deployments")),
        ("/api/v1/namespaces/shop/secrets/a", ("", "secrets")),
        ("/api/v1/namespaces/shop", ("", "namespaces")),
        ("/version", ("", "")),
    ],
)
def test_the_kind_stands_in_the_path(path: str, kind: tuple[str, str]) -> None:
    """Whether it is that of a collection or of an object."""
    assert kind_in(path) == kind


def after(outages: Outages, *errors: ApiError, group: str = "example.com") -> Outages:
    """Return the outages after requests that failed so."""
    for error in errors:

        def fail(error: ApiError = error) -> None:
            raise error

        with pytest.raises(ApiError):
            outages.noticed(fail, group)
    return outages


@pytest.mark.parametrize(
    ("error", "ready", "left"),
    [
        (UnavailableError("500", status=500), True, 20),
        (UnavailableError("500", status=500), False, 120),
        (UnavailableError("hangs", reason="TimeoutError"), True, 20),
        (UnavailableError("refused", reason="ConnectionRefusedError"), True, 120),
        (NotFoundError("404", status=404), True, 120),
    ],
)
def test_who_is_waited_for(error: ApiError, *, ready: bool, left: float) -> None:
    """Only a server behind an API server that is ready has the short patience, and other groups do not feel it."""
    outages = Outages(FakeClock(), lambda: ready, patience=120, first_patience=2)
    outages.noticed(lambda: None, "")
    assert after(outages, error).left("example.com") == left
    assert outages.left("other.example.com") == 120


def test_a_hanging_cluster_is_asked_for_its_health_once() -> None:
    """Each question may hang as long as the request did."""
    asked: list[bool] = []

    def healthy() -> bool:
        asked.append(False)
        return False

    outages = Outages(FakeClock(), healthy, patience=120, first_patience=2)
    outages.noticed(lambda: None, "")
    after(outages, *[UnavailableError("hangs", reason="TimeoutError")] * 3)
    assert len(asked) == 1
