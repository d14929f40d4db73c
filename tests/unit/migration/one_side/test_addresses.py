"""What publishes addresses is started on green once all that has an address on blue has one there, and after all else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.errors import GateFailedError
from migrator.journal.records.one_side import PartRecord
from migrator.migration.copy import CopyOptions
from migrator.migration.one_side.groups import groups_of
from migrator.migration.verbs.cutover import run_cutover
from migrator.model.kinds import SERVICES
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_cluster.faults import Fault, unavailable
from tests.support.one_side import PARTS, Stand, steps


def give(cluster: FakeCluster) -> None:
    """Give the Service an address, as a cloud does."""
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    cluster.patch(SERVICES, "shop", "dns", status, manager="cloud", subresource="status")


def test_external_dns_waits_for_the_addresses_of_green(stand: Stand) -> None:
    """With its policy `sync` it would delete the name of a Service that has none yet."""
    stand.ready()
    give(stand.blue)
    before = stand.clock.monotonic()
    stand.clock.after(90.0, lambda: give(stand.green))
    run_cutover(stand.session, CopyOptions())
    assert 85 <= stand.clock.monotonic() - before < 150
    assert stand.replicas == (0, 2)


def test_without_addresses_all_is_taken_back(stand: Stand) -> None:
    """The Service is named, and external-dns was never started on green."""
    stand.ready()
    give(stand.blue)
    with pytest.raises(GateFailedError, match=r"Service/shop/dns has no address on green after 300 s.*external-dns would take it"):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 0)
    assert steps(stand) == ["external-dns stop", "external-dns stopped"]


def test_a_list_that_fails_ends_the_hand_over(stand: Stand) -> None:
    """What cannot be read may have no address."""
    stand.ready()
    give(stand.blue)
    give(stand.green)
    stand.clock.after(0.5, lambda: stand.green.faults.append(Fault("list", unavailable, "Service")))
    with pytest.raises(GateFailedError, match="Service cannot be read on green"):
        run_cutover(stand.session, CopyOptions())
    assert stand.replicas == (2, 0)


def test_it_is_started_after_what_gives_addresses(stand: Stand) -> None:
    """A cloud controller gives them, a program of the person's own may."""
    plan, _ = stand.session.read_and_plan()
    (dns,) = plan.parts()
    assert [group.row for group in groups_of([dns, *PARTS])] == ["CronJob", "external-dns"]
    assert [group.row for group in groups_of([dns, replace(PARTS[0], row="zz")])] == ["zz", "external-dns"]
    assert PartRecord.of(dns).part.addresses
