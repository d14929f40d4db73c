"""ACME orders: green's cert-manager would order anew what is under way on blue, or what has no Secret yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from migrator.errors import ApiError, NotFoundError
from migrator.model.manifest import get, ref_of
from migrator.model.plan import Decision, Plan, PlanItem
from migrator.model.ref import ObjectRef, ResourceType
from migrator.model.verdict import Finding, Severity
from migrator.ports import Blue, Clock

_CHECK = "ACME orders"
_HINT = "wait until it has ended, or fix what keeps it; then validate again"
_ORDERS = ResourceType("acme.cert-manager.io", "v1", "orders", "Order", namespaced=True, verbs=frozenset())
_CERTIFICATE = "Certificate.cert-manager.io"
_DEFINITION = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "certificates.cert-manager.io")
# A cert-manager that runs on green watches Secrets and Certificates apart, and orders what has no Secret in its cache.
_SETTLE_SECONDS = 2.0
# It makes Certificates of these itself, where an annotation of its own asks for it (cert-manager.io/docs/usage/ingress, gateway).
_ASKED_FOR_BY = frozenset({"Ingress.networking.k8s.io", "Gateway.gateway.networking.k8s.io"})
# States of an order in which nothing is done for it any more. Source: cert-manager's API, acme.cert-manager.io/v1.
_ENDED = frozenset({"valid", "invalid", "expired", "errored"})


def settle(due: Iterable[PlanItem], plan: Plan, live: Collection[ObjectRef], clock: Clock) -> None:
    """Wait before new Certificates until a cert-manager on green has heard of their Secrets, which were written before.

    `live`: what green had before the copy. Where this copy brings the kind, none runs there.
    """
    brought = _DEFINITION not in live and any(item.green == _DEFINITION for item in plan.of(Decision.MOVE))
    if not brought and any(item.green not in live and _orders(item) for item in due):
        clock.sleep(_SETTLE_SECONDS)


def _orders(item: PlanItem) -> bool:
    kind = item.green.type_name
    return kind == _CERTIFICATE or (kind in _ASKED_FOR_BY and b'"cert-manager.io/' in item.body)


def findings(plan: Plan, blue: Blue, turned: Collection[ObjectRef]) -> Iterator[Finding]:
    """Yield a warning for each order that has not ended and whose certificate moves; `turned`: what was handed over already."""
    namespaces = {item.blue.namespace for item in plan.of(Decision.MOVE) if item.blue.type_name == _CERTIFICATE}
    if turned or not namespaces:
        return
    try:
        orders = list(blue.list(_ORDERS))
    except NotFoundError:
        return  # blue does not serve the kind
    except ApiError as error:
        yield Finding(_CHECK, _ORDERS.type_name, Severity.UNKNOWN, f"cannot be read on blue: {error.message}", "")
        return
    for manifest in orders:
        ref, names = ref_of(manifest), get(manifest, "spec", "dnsNames")
        if ref.namespace in namespaces and get(manifest, "status", "state") not in _ENDED:
            told = ", ".join(map(str, names)) if isinstance(names, list) else "its names"
            reason = f"is under way on blue: green's cert-manager would order a second certificate for {told}"
            yield Finding(_CHECK, str(ref), Severity.WARNING, reason, _HINT)
