"""External-dns is not handed over while that would delete names of what stays on blue."""

from __future__ import annotations

from migrator.config.load import parse_migration
from migrator.migration.copy import CopyOptions
from migrator.migration.verbs.copy import run_copy
from migrator.migration.verbs.validate import run_validate
from migrator.model.kinds import DEPLOYMENTS
from migrator.model.verdict import Finding
from tests.support.fake_cluster.faults import Fault, forbidden
from tests.support.objects import made, service
from tests.support.one_side import CONFIG, Stand

ANNOTATION = {"external-dns.alpha.kubernetes.io/hostname": "old.example.test"}


def look(stand: Stand, *flags: str) -> list[Finding]:
    """Give external-dns these flags, and a Service with a name in a namespace that stays; copy, and return what validate says."""
    container = {"name": "main", "image": "registry.k8s.io/external-dns/external-dns:v0.21.0", "args": ["--source=service", *flags]}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    stand.blue.patch(DEPLOYMENTS, "shop", "dns", patch, manager="p")
    left = service("old")
    left["metadata"] |= {"namespace": "left", "annotations": ANNOTATION}
    stand.blue.hold(made("v1", "Namespace", "left"), left)
    stand.session.config = parse_migration(CONFIG + "move: {namespaces: {include: [shop]}}\n", "m.yaml")
    run_copy(stand.session, CopyOptions())
    return [item for item in run_validate(stand.session).findings if item.check == "names in DNS"]


def test_a_name_of_what_stays_is_a_failure(stand: Stand) -> None:
    """Its policy `sync` deletes what it does not see on green."""
    (found,) = look(stand, "--policy=sync", "--txt-owner-id=shop")
    assert (found.subject, found.severity) == ("Service/left/old", "failure")
    assert "Deployment.apps/shop/dns would delete its names" in found.reason
    assert "upsert-only" in found.hint


def test_a_policy_that_keeps_names_is_none(stand: Stand) -> None:
    """Nothing is deleted; a person cleans up once blue is retired."""
    assert look(stand, "--policy=upsert-only") == []


def test_one_that_looks_at_its_own_namespace_is_none(stand: Stand) -> None:
    """It has never seen the other one."""
    assert look(stand, "--namespace=shop") == []


def test_what_cannot_be_read_is_a_failure(stand: Stand) -> None:
    """Nobody knows which names would go."""
    assert look(stand, "--policy=sync", "--txt-owner-id=shop")
    stand.blue.faults.append(Fault("list", forbidden, "Service"))
    texts = [item.reason for item in run_validate(stand.session).findings if item.check == "names in DNS"]
    assert any("cannot be read on blue" in text for text in texts)
