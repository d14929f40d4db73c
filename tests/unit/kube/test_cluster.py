"""What the client of an API server does between its port and the requests: pages, and the lock before each write."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest

from migrator.errors import ApiError, ConflictError, LockLostError, UnavailableError
from migrator.kube.cluster import KubeCluster
from migrator.kube.lease import NAME, NAMESPACE
from migrator.model.kinds import LEASES
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from tests.support.clock import FakeClock
from tests.support.fake_cluster import FakeCluster, Fault
from tests.support.fake_cluster.faults import gone, throttled, unavailable, uncalled
from tests.support.objects import config_map
from tests.support.recorder import Recorder
from tests.support.served import Query, over_http, served

CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True, frozenset())


class Paged:
    """A list of many objects in pages, whose snapshots are compacted away when a test says so."""

    def __init__(self, count: int, *compacted: int) -> None:
        self.names = [f"item-{number:04}" for number in range(count)]
        self.compacted = list(compacted)
        """Numbers of the requests that are answered with 410."""
        self.queries: list[Query] = []

    def __call__(self, _method: str, _path: str, query: Query, _body: bytes) -> Manifest:
        """Answer one request."""
        self.queries.append(query)
        if len(self.queries) in self.compacted:
            raise gone()
        start, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        names = self.names[start : start + limit]
        more = {"continue": str(start + limit)} if start + limit < len(self.names) else {}
        return {"metadata": more, "items": [{"metadata": {"namespace": "shop", "name": name}} for name in names]}


def listed(paged: Paged, *, change: Any = None) -> list[str]:
    """Return the names that a list yields; `change` is called after the first of them."""
    found = []
    with served(paged, clock=FakeClock()) as cluster:
        for item in cluster.list(CONFIG_MAPS):
            found.append(item["metadata"]["name"])
            if change and len(found) == 1:
                change()
    return found


@pytest.mark.parametrize("compacted", [(), (2,), (3,), (3, 7), (2, 5, 9)])
def test_a_list_whose_snapshot_is_gone_begins_anew_and_yields_nothing_twice(compacted: tuple[int, ...]) -> None:
    """As often as it got further in between; each page has its limit."""
    paged = Paged(900, *compacted)
    assert listed(paged) == paged.names
    assert {tuple(query["limit"]) for query in paged.queries} == {("250",)}


def test_what_was_made_before_the_list_began_anew_is_yielded() -> None:
    """The second snapshot is newer; what has gone since the first was yielded already."""
    paged = Paged(600, 2)

    def change() -> None:
        paged.names = ["item-0000-new", *paged.names[1:]]

    assert sorted(listed(paged, change=change)) == sorted(["item-0000", "item-0000-new", *Paged(600).names[1:]])


@pytest.mark.parametrize("compacted", [(1,), (2, 4), (3, 6)])
def test_a_list_that_gets_no_further_is_an_error(compacted: tuple[int, ...]) -> None:
    """A server that answers 410 to a first page, or again before anything new, would be asked for ever."""
    paged = Paged(900, *compacted)
    with pytest.raises(ApiError) as caught:
        listed(paged)
    assert caught.value.status == 410


class Locked:
    """A run that holds the lock on a cluster behind HTTP."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.fake = FakeCluster(clock=self.clock)

    def lose(self) -> ApiError:
        """Let the lock run out, and another run take it; returns an error that is tried again."""
        self.clock.suspend(3600)
        lease = self.fake.get(LEASES, NAMESPACE, NAME)
        lease["spec"]["holderIdentity"] = "ben@b/2"
        self.fake.replace(LEASES, NAMESPACE, NAME, orjson.dumps(lease), manager="migrator")
        return unavailable()

    def writes(self) -> list[str]:
        """Return the requests that would change ConfigMaps."""
        return [item for item in self.fake.requests if "ConfigMap" in item and not item.startswith("get")]


BODY = orjson.dumps(config_map("a"))
WRITES = {
    "create": lambda cluster: cluster.create(CONFIG_MAPS, "default", orjson.dumps(config_map("b")), manager="m"),
    "replace": lambda cluster: cluster.replace(CONFIG_MAPS, "default", "a", BODY, manager="m"),
    "patch": lambda cluster: cluster.patch(CONFIG_MAPS, "default", "a", {"data": {"x": "y"}}, manager="m"),
    "delete": lambda cluster: cluster.delete(CONFIG_MAPS, "default", "a", uid="u"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_no_write_is_sent_once_the_lock_is_lost(write: Any) -> None:
    """Whatever the verb; reading goes on, and a dry run writes nothing."""
    stand = Locked()
    with served(over_http(stand.fake), clock=stand.clock) as cluster, cluster.lock("anna@a/1", Recorder()):
        cluster.create(CONFIG_MAPS, "default", BODY, manager="m")
        stand.lose()
        before = stand.writes()
        with pytest.raises(LockLostError, match="taken over by ben@b/2"):
            write(cluster)
        assert stand.writes() == before
        assert cluster.get(CONFIG_MAPS, "default", "a")["data"] == {"key": "value"}
        cluster.create(CONFIG_MAPS, "default", orjson.dumps(config_map("b")), manager="m", dry_run=True)
    assert stand.fake.get(LEASES, NAMESPACE, NAME)["spec"]["holderIdentity"] == "ben@b/2"


def test_a_write_that_is_tried_again_asks_again() -> None:
    """The lock was lost while the client waited for a server that came back."""
    stand = Locked()
    with served(over_http(stand.fake), clock=stand.clock) as cluster, cluster.lock("anna@a/1", Recorder()):
        stand.fake.faults.append(Fault("create", stand.lose, kind="ConfigMap", times=1))
        with pytest.raises(LockLostError):
            cluster.create(CONFIG_MAPS, "default", BODY, manager="m")
    assert len(stand.writes()) == 1
    assert not list(stand.fake.list(CONFIG_MAPS))


def test_a_write_whose_lock_nobody_can_confirm_is_not_sent() -> None:
    """It is tried as long as any other request to a server that is away."""
    stand = Locked()
    with served(over_http(stand.fake), clock=stand.clock) as cluster, cluster.lock("anna@a/1", Recorder()):
        stand.fake.faults.append(Fault("replace", unavailable, kind="Lease"))
        stand.clock.suspend(3600)
        with pytest.raises(UnavailableError, match="lock on green cannot be renewed: green answered 503"):
            cluster.create(CONFIG_MAPS, "default", BODY, manager="m")
        assert stand.writes() == []
        stand.fake.faults.clear()
        stand.clock.pass_time(1)
        cluster.create(CONFIG_MAPS, "default", BODY, manager="m")
    assert len(stand.writes()) == 1


@pytest.mark.parametrize(
    ("error", "lost", "repeated"),
    [(None, False, False), (unavailable, True, True), (unavailable, False, True), (throttled, False, False)],
    ids=["at-once", "carried-out", "not-carried-out", "throttled"],
)
def test_a_conflict_after_an_attempt_without_an_answer_says_so(error: Any, *, lost: bool, repeated: bool) -> None:
    """The object may be the one that the first attempt created; after a 429 it is not."""
    stand = Locked()
    with served(over_http(stand.fake), clock=stand.clock) as cluster:
        if not lost:
            stand.fake.hold(config_map("a", namespace="default"))
        if error:
            stand.fake.faults.append(Fault("create", error, kind="ConfigMap", times=1, lost_answer=lost))
        with pytest.raises(ConflictError) as caught:
            cluster.create(CONFIG_MAPS, "default", BODY, manager="m")
    assert caught.value.repeated is repeated


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 10:00:00 GMT"])
def test_a_server_that_does_not_tell_its_time_is_named(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy before it takes the Date header away, or writes another."""
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: date)
    with served(lambda *_: {}, clock=FakeClock()) as cluster, pytest.raises(ApiError, match="green does not tell its time"):
        cluster.server_time()


class Webhooks:
    """A server whose webhook for ConfigMaps does not answer, after the time that it or the request allows."""

    def __init__(self, clock: FakeClock, *, after: float, alive: bool = False) -> None:
        self.clock = clock
        self.after = after
        self.alive = alive
        self.asked = 0

    def __call__(self, method: str, path: str, query: Query, _body: bytes) -> Manifest:
        """Answer one request."""
        if method != "POST" or "configmaps" not in path or self.alive:
            return {"metadata": {}}
        self.asked += 1
        allowed = float(query.get("timeout", ["30s"])[0].removesuffix("s"))
        self.clock.pass_time(min(self.after, allowed))
        if allowed < self.after:
            raise UnavailableError("the server was unable to return a response in the time allotted", status=504, reason="Timeout")
        failed = uncalled("check.example.com")
        raise failed()


def tried(cluster: KubeCluster, *, dry_run: bool = True) -> str:
    """Create a ConfigMap that the webhook is asked about; return which webhook failed it."""
    with pytest.raises(UnavailableError) as caught:
        cluster.create(CONFIG_MAPS, "shop", orjson.dumps(config_map("a")), manager="migrator", dry_run=dry_run)
    assert "check.example.com" in caught.value.message
    return caught.value.webhook


@pytest.mark.parametrize(("after", "seconds"), [(0.0, 5), (10.0, 10 + 19 * 2)])
def test_a_webhook_that_has_failed_dry_runs_is_not_waited_for_again(after: float, seconds: float) -> None:
    """63 objects behind one took four minutes: each was tried again for 20 s, since others of its group had been answered."""
    clock = FakeClock()
    answers = Webhooks(clock, after=after)
    with served(answers, clock=clock, patience=120) as cluster:
        for _ in range(20):
            assert tried(cluster) == "check.example.com"
            cluster.get(CONFIG_MAPS, "shop", "other")
    assert clock.monotonic() == seconds


def test_a_write_is_tried_again_while_a_webhook_may_come_back() -> None:
    """Its pod may just be replaced: 20 s in all; a write has all the time that the webhook takes."""
    clock = FakeClock()
    answers = Webhooks(clock, after=10)
    with served(answers, clock=clock, patience=120) as cluster:
        tried(cluster, dry_run=False)
        assert (round(clock.monotonic()), answers.asked) == (20, 2)
        tried(cluster, dry_run=False)
        assert (round(clock.monotonic()), answers.asked) == (30, 3)


def test_a_webhook_that_answers_again_is_waited_for_the_next_time() -> None:
    """An object that it failed is what shows that it is back."""
    clock = FakeClock()
    answers = Webhooks(clock, after=0)
    with served(answers, clock=clock, patience=120) as cluster:
        clock.after(3, lambda: setattr(answers, "alive", True))
        cluster.create(CONFIG_MAPS, "shop", b"{}", manager="migrator")
        assert 3 <= clock.monotonic() < 10
        answers.alive = False
        began = clock.monotonic()
        tried(cluster)
        assert clock.monotonic() - began == 5


def test_a_pod_is_asked_once_and_read_no_further_than_a_limit() -> None:
    """It is nobody's server: it may say anything, and for ever; and one that is away costs no patience."""
    asked: list[str] = []

    def answers(_method: str, path: str, _query: Query, _body: bytes) -> Manifest:
        asked.append(path)
        if "silent" in path:
            raise unavailable()
        return {"text": "x" * (3 << 20)}

    with served(answers, clock=FakeClock()) as cluster:
        assert len(cluster.from_pod("shop", "dns-1", 7979, "metrics")) == 1 << 20
        with pytest.raises(UnavailableError):
            cluster.from_pod("shop", "silent", 7979, "metrics")
    assert asked == [f"/api/v1/namespaces/shop/pods/{name}:7979/proxy/metrics" for name in ("dns-1", "silent")]


@pytest.mark.parametrize(
    "answer", [[], {"items": [7]}, {"items": [{"metadata": {"name": "apps"}, "versions": [{"resources": []}, 7]}]}]
)
def test_a_list_of_types_that_is_none_is_the_server_s_error(answer: Any) -> None:
    """A proxy, or a hostile server, answers 200 with anything."""
    with (
        served(lambda *_: answer, clock=FakeClock()) as cluster,
        pytest.raises(ApiError, match="does not tell which types it serves"),
    ):
        cluster.resources()
