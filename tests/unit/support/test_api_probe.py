"""What was restarted while an API server was away is found among what its node tells."""

from __future__ import annotations

from tests.support.api_probe import Event, Gap, around, events_of_node, shown

SAID = """\
1796029201.250000 blue-1 crio[94]: time="2026-11-30T09:00:01Z" level=info msg="Started container" description=kube-system/etcd-blue-1/etcd
1796029202.500000 blue-1 systemd[1]: Stopped kubelet.service - kubelet.
/var/log/pods/kube-system_etcd-blue-1_0a/etcd/1.log:2026-11-30T10:00:02.750000001+01:00 stderr F {"msg":"ready to serve client requests"}
/var/log/pods/kube-system_etcd-blue-1_0a/etcd/0.log:2026-11-30T08:00:00Z stderr F {"msg":"received signal; shutting down"}
-- No entries --
"""


def test_each_gap_has_what_happened_a_little_before_and_in_it() -> None:
    """Journal and logs of pods have times of their own forms; what is neither is left out."""
    events = sorted(events_of_node(SAID.splitlines()))
    assert [round(event.at, 2) for event in events] == [1796025600.0, 1796029201.25, 1796029202.5, 1796029202.75]
    gap = Gap(1796029202.4, 0.5, kept=True, why="503")
    assert [event.text.partition(":")[0] for event in around(gap, events)] == ["crio", "systemd", "etcd"]
    assert around(Gap(1796029100.0, 0.5, kept=True, why="503"), events) == []
    assert shown(gap) == "09:00:02.400: API server was away for 0.50 s on a kept connection: 503"
    assert Event(1.0, "x") in around(Gap(1.0, 1.0, kept=False, why=""), [Event(1.0, "x")])
