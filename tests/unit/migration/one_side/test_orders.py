"""An ACME order that is under way on blue is told before it would be made a second time."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.migration.copy import CopyOptions
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.cutover import run_cutover
from migrator.migration.verbs.validate import run_validate
from migrator.model.verdict import Finding
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import crd, made
from tests.support.one_side import Stand


def look(stand: Stand, state: str | None, *, namespace: str = "shop", names: Any = ("web.example.test",)) -> list[Finding]:
    """Have a certificate and an order on blue, copy, and return what validate says of it."""
    stand.blue.hold(crd("certificates", "Certificate", "cert-manager.io"), crd("orders", "Order", "acme.cert-manager.io"))
    if namespace != "shop":
        stand.blue.hold(made("v1", "Namespace", namespace))
    stand.blue.hold(made("cert-manager.io/v1", "Certificate", "web", namespace="shop", spec={"secretName": "tls"}))
    status = {} if state is None else {"status": {"state": state}}
    spec = {"dnsNames": list(names) if isinstance(names, tuple) else names}
    stand.blue.hold(made("acme.cert-manager.io/v1", "Order", "web-1", namespace=namespace, spec=spec, **status))
    run_copy(stand.session, CopyOptions())
    return told(stand)


def told(stand: Stand) -> list[Finding]:
    """Return what validate says of orders."""
    return [item for item in run_validate(stand.session).findings if item.check == "ACME orders"]


@pytest.mark.parametrize("state", [None, "", "pending", "ready", "processing"])
def test_an_order_under_way_is_a_warning(stand: Stand, state: str | None) -> None:
    """Cert-manager on green knows nothing of it."""
    (found,) = look(stand, state)
    assert (found.subject, found.severity) == ("Order.acme.cert-manager.io/shop/web-1", "warning")
    assert "order a second certificate for web.example.test" in found.reason


@pytest.mark.parametrize("state", ["valid", "invalid", "expired", "errored"])
def test_an_order_that_has_ended_is_none(stand: Stand, state: str) -> None:
    """Its certificate is in a Secret, or would be ordered anew on blue as well."""
    assert look(stand, state) == []


def test_an_order_of_a_namespace_without_a_certificate_that_moves_is_none(stand: Stand) -> None:
    """Green orders nothing for it."""
    assert look(stand, "pending", namespace="left") == []


def test_strange_names_end_nothing(stand: Stand) -> None:
    """A kind of another make may hold anything there."""
    (found,) = look(stand, "pending", names=7)
    assert "for its names" in found.reason


def test_after_the_hand_over_blue_s_order_is_nobody_s_business(stand: Stand) -> None:
    """It stands there as its controller was stopped."""
    assert look(stand, "pending")
    stand.ready()
    run_cutover(stand.session, CopyOptions())
    assert told(stand) == []


def test_orders_that_cannot_be_read_are_told(stand: Stand) -> None:
    """Nobody knows whether one is under way."""
    assert look(stand, "valid") == []
    stand.blue.faults.append(Fault("list", forbidden, "Order"))
    (found,) = told(stand)
    assert (found.severity, "cannot be read on blue" in found.reason) == ("unknown", True)


def test_certificates_come_a_while_after_their_secrets(stand: Stand) -> None:
    """A cert-manager that runs on green hears of both apart; where the copy brings the kind, none runs yet, and no second copy waits."""
    definition = crd("certificates", "Certificate", "cert-manager.io")
    stand.blue.hold(definition)
    seconds = []
    for names in (["first"], ["second"], []):
        stand.blue.hold(*(made("cert-manager.io/v1", "Certificate", name, namespace="shop", spec={}) for name in names))
        before = stand.clock.monotonic()
        run_copy(stand.session, CopyOptions())
        seconds.append(stand.clock.monotonic() - before)
    assert [spent >= 2.0 for spent in seconds] == [False, True, False]


@pytest.mark.parametrize(("annotation", "waits"), [("cert-manager.io/cluster-issuer", True), ("example.com/issuer", False)])
def test_so_does_an_ingress_that_asks_for_a_certificate(stand: Stand, annotation: str, *, waits: bool) -> None:
    """Cert-manager makes the Certificate of it at once."""
    ingress = made("networking.k8s.io/v1", "Ingress", "web", namespace="shop", spec={})
    ingress["metadata"]["annotations"] = {annotation: "acme"}
    stand.blue.hold(ingress)
    before = stand.clock.monotonic()
    run_copy(stand.session, CopyOptions())
    assert (stand.clock.monotonic() - before >= 2.0) is waits
