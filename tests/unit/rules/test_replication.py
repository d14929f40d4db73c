"""Claims of databases whose operator brings the data itself."""

from __future__ import annotations

import pytest

from migrator.rules.replication import replicated_by
from tests.support.objects import made


@pytest.mark.parametrize(
    ("labels", "operator"),
    [
        ({"cnpg.io/cluster": "pg"}, "CloudNativePG"),
        ({"strimzi.io/cluster": "k"}, "Strimzi"),
        ({"application": "spilo", "cluster-name": "c"}, "Zalando's operator for PostgreSQL"),
        ({"app.kubernetes.io/managed-by": "percona-xtradb-cluster-operator"}, "Percona's operator"),
    ],
)
def test_an_operator_is_known_by_labels_of_its_claims_or_of_their_pods(labels: dict[str, str], operator: str) -> None:
    """Some label the claim, and some only the pod."""
    plain = made("v1", "PersistentVolumeClaim", "data", namespace="shop")
    for claim, pods in (
        (made("v1", "PersistentVolumeClaim", "data", namespace="shop", labels=labels), []),
        (plain, [made("v1", "Pod", "p", namespace="shop", labels=labels)]),
    ):
        means = replicated_by(claim, pods)
        assert means is not None
        assert means.operator == operator
        assert means.hint


@pytest.mark.parametrize("labels", [{}, {"application": "shop"}, {"app.kubernetes.io/managed-by": "Helm"}])
def test_a_claim_of_nobody_is_copied(labels: dict[str, str]) -> None:
    """Whoever wrote its manifest."""
    claim = made("v1", "PersistentVolumeClaim", "data", namespace="shop", labels=labels)
    assert replicated_by(claim, [made("v1", "Pod", "p", namespace="shop")]) is None
