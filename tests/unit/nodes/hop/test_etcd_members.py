"""Members of a stacked etcd: asked, and removed when their host is gone."""

from __future__ import annotations

import json

import pytest

from migrator.errors import BlockedError
from migrator.nodes.hop.etcd_members import external_members, has_local_etcd, members, remove_member
from tests.support.crictl import Crictl
from tests.support.hosts import FakeHost


def test_etcd_is_local_where_its_manifest_is() -> None:
    """An external etcd has none on the control planes."""
    host = FakeHost("cp")
    host.fails("test -e /etc/kubernetes/manifests/etcd.yaml")
    assert not has_local_etcd(host)
    assert has_local_etcd(Crictl().on(FakeHost("cp")))


def test_members_tell_how_they_are() -> None:
    """One answers, one is a learner that does not."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["member list"] = (
        '{"members": [{"ID": 1, "name": "a", "clientURLs": ["https://10.0.0.1:2379"]},'
        ' {"ID": 2, "isLearner": true, "clientURLs": ["https://10.0.0.2:2379"]}]}'
    )
    host.answers["endpoint status"] = '[{"Endpoint": "https://10.0.0.1:2379", "Status": {"version": "3.6.5", "dbSize": 4096}}]'
    assert [(item.name, item.version, item.learner, item.healthy) for item in members(host)] == [
        ("a", "3.6.5", False, True),
        ("2", "", True, False),
    ]


def test_members_that_do_not_answer_at_all_are_not_well() -> None:
    """Etcdctl writes a list of nobody as null, as where the address that members advertise is gone."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["member list"] = '{"members": [{"ID": 1, "name": "a", "clientURLs": ["https://10.0.0.1:2379"]}]}'
    host.answers["endpoint status"] = "null\n"
    assert [item.healthy for item in members(host)] == [False]


def test_a_member_tells_its_alarms_and_its_size() -> None:
    """As etcd 3.6 does; an earlier one tells no quota."""
    host = Crictl().on(FakeHost("cp"))
    host.answers["member list"] = '{"members": [{"ID": 1, "name": "a", "clientURLs": ["https://10.0.0.1:2379"]}]}'
    host.answers["endpoint status"] = json.dumps(
        [
            {
                "Endpoint": "https://10.0.0.1:2379",
                "Status": {"version": "3.6.5", "dbSize": 7, "dbSizeQuota": 9, "errors": ["memberID:1 alarm:NOSPACE "]},
            }
        ]
    )
    (found,) = members(host)
    assert (found.healthy, found.problem, found.size, found.quota) == (False, "memberID:1 alarm:NOSPACE", 7, 9)


def etcd(*well: bool, learner: str = "") -> FakeHost:
    """Return a control plane of an etcd with the members a, b, c and so on, of which these are well."""
    host = Crictl().on(FakeHost("cp", accepts=["member remove"]))
    names = "abcde"[: len(well)]
    urls = {name: f"https://10.0.0.{number}:2379" for number, name in enumerate(names, start=10)}
    listed = [{"ID": ord(name), "name": name, "clientURLs": [url], "isLearner": name == learner} for name, url in urls.items()]
    host.answers["member list"] = json.dumps({"members": listed})
    host.answers["endpoint status"] = json.dumps(
        [{"Endpoint": urls[name], "Status": {"version": "3.6.5"}} for name, fine in zip(names, well, strict=True) if fine]
    )
    return host


@pytest.mark.parametrize(
    "host", [etcd(True, False, True), etcd(True, False, False, True, True), etcd(True, True), etcd(True, True, False, learner="c")]
)
def test_the_member_of_a_control_plane_that_is_gone_is_removed(host: FakeHost) -> None:
    """By its id, in hex; the others go on with a smaller majority."""
    assert remove_member(host, "b")
    assert host.commands[-1].endswith("member remove 62")


@pytest.mark.parametrize("host", [etcd(True, False), etcd(True, False, False), etcd(False, True), etcd(True, True, False, False)])
def test_no_member_is_removed_without_a_majority(host: FakeHost) -> None:
    """Etcd could not agree on it, or would stand still afterwards; what to do is said."""
    with pytest.raises(BlockedError, match=r"stays: \d of \d members are healthy, and a majority") as caught:
        remove_member(host, "b")
    assert "etcdctl member remove 62" in caught.value.hint
    assert not any(command.endswith("member remove 62") for command in host.commands)


def test_a_member_that_is_not_there_is_not_removed() -> None:
    """`kubeadm reset` on the host itself was there first."""
    host = etcd(True, True)
    assert not remove_member(host, "z")
    assert not any("member remove" in command for command in host.commands)


def test_a_removal_that_etcd_refuses_is_told_in_its_words() -> None:
    """It looks again itself whether it would lose its majority."""
    host = etcd(True, True, False)
    host.fails("member remove", "etcdserver: re-configuration failed due to not enough started members")
    with pytest.raises(BlockedError, match="not enough started members"):
        remove_member(host, "c")


def test_an_etcd_of_one_s_own_tells_its_version_where_it_is_asked_as_the_api_server_does() -> None:
    """With the client certificate of its configuration; an endpoint that is silent, or no etcd, is left out."""
    host = FakeHost()
    host.answers = {
        "https://a:2379/version": '{"etcdserver":"3.5.9","etcdcluster":"3.5.0"}',
        "https://b:2379/version": "",
        "$(reboot)": "[]",
    }
    external = {
        "endpoints": ["https://a:2379", "https://b:2379", "$(reboot)"],
        "caFile": "/ca.crt",
        "certFile": "/c.crt",
        "keyFile": "/c.key",
    }
    found = external_members(host, {"etcd": {"external": external}})
    assert [(item.name, item.version) for item in found] == [("https://a:2379", "3.5.9")]
    assert "--cacert /ca.crt --cert /c.crt --key /c.key" in host.commands[0]
    assert "'$(reboot)/version'" in host.commands[2]
    assert external_members(host, {}) == []
