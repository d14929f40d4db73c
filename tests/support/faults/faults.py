"""The faults: each begins at a moment and ends once, either by itself or when the verb has ended."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from migrator.kube.lease import SECONDS as LEASE_SECONDS
from tests.support.faults.api_proxy import Illness
from tests.support.faults.disk import BROKEN
from tests.support.faults.other_holder import give_back, take_over
from tests.support.faults.plan import OF_BALANCER, Kind
from tests.support.faults.world import Stage
from tests.support.outages import outage

_SIGNALS = {Kind.KILL: signal.SIGKILL, Kind.TERM: signal.SIGTERM, Kind.HUP: signal.SIGHUP, Kind.INT_TWICE: signal.SIGINT}
_LONGEST_SECONDS = 4.0
"""How long a fault lasts at most that does not end with its verb."""
_PAUSE_SECONDS = 1.5
_AFTER_SECONDS = 1.0
"""How long after HAProxy's return a request may still fail: one that waited for it."""


class Fault:
    """One fault of one round, around one run of a verb."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.began_at: float | None = None
        """Seconds since 1970; None: the moment has not come."""
        self.ended_at: float | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._last = ExitStack()
        self._changing = threading.RLock()

    def arm(self) -> None:
        """Let it begin at the planned moment, or now."""
        if self.stage.plan.count:
            self.stage.moments.await_count(self.stage.plan.counted, self.stage.plan.count, self._begin)
        else:
            self._begin()

    def meets(self, child: subprocess.Popen[bytes]) -> None:
        """Tell which process it happens to."""
        self._child = child

    def end(self) -> None:
        """Undo it, if it has begun and not ended; returns when all is well again."""
        self.stage.moments.forget()
        with self._changing:
            if self.began_at is not None and self.ended_at is None:
                self._last.close()
                self.ended_at = time.time()

    def _begin(self) -> None:
        with self._changing:
            if self.began_at is None:
                self.began_at = time.time()
                self._last.enter_context(self._happening())

    def _happening(self) -> AbstractContextManager[None]:
        kind = self.stage.plan.kind
        if kind in _SIGNALS:
            return self._signalled()
        if kind in (Kind.STOP, Kind.STOP_BEYOND_LEASE):
            return self._stopped()
        if kind in (Kind.DISK_FULL, Kind.DISK_BROKEN):
            return self._disk()
        if kind in OF_BALANCER:
            return self._balancer()
        if kind is Kind.API_KILLED:
            return self._api_killed()
        return self._proxied()

    @contextmanager
    def _signalled(self) -> Iterator[None]:
        self._send(_SIGNALS[self.stage.plan.kind])
        if self.stage.plan.kind is Kind.INT_TWICE:
            self.stage.moments.await_count(None, 1 + int(self.stage.plan.amount * 6), lambda: self._send(signal.SIGINT))
        yield

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._send(signal.SIGSTOP)
        thread = threading.Thread(target=self._go_on, daemon=True)
        thread.start()
        yield
        thread.join()
        give_back(self.stage.world.pair.green)

    def _go_on(self) -> None:
        beyond = self.stage.plan.kind is Kind.STOP_BEYOND_LEASE
        time.sleep(LEASE_SECONDS + 5 if beyond else _PAUSE_SECONDS)
        if beyond and take_over(self.stage.world.pair.green):
            self.stage.taken_over_at = time.time()
        self._send(signal.SIGCONT)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        folder = self.stage.sandbox.folder / ".migrator"
        if self.stage.plan.kind is Kind.DISK_BROKEN:
            (folder / BROKEN).touch()
            yield
            (folder / BROKEN).unlink()
        else:
            filler = folder / "filler"
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(512))
            yield
            filler.unlink()

    @contextmanager
    def _balancer(self) -> Iterator[None]:
        stage, began = self.stage, time.monotonic()
        match stage.plan.kind:
            case Kind.BALANCER_KILLED:
                stage.balancer.kill()
                back = self._for_a_while(stage.balancer.start)
                yield
                back()
                stage.excused.append((began, time.monotonic() + _AFTER_SECONDS))
            case Kind.BALANCER_RELOADED:
                stage.balancer.reload()
                yield
                stage.excused.append((began, time.monotonic() + _AFTER_SECONDS))
            case kind:
                stage.relay.fall_ill(kind, 1 + int(stage.plan.amount * 3))
                yield
                stage.relay.heal()

    @contextmanager
    def _api_killed(self) -> Iterator[None]:
        plan, pair = self.stage.plan, self.stage.world.pair
        healthy = getattr(pair, plan.side).healthy
        with ExitStack() as stack:
            stack.enter_context(outage(pair, f"{plan.side}/kube-apiserver", healthy))
            back = self._for_a_while(stack.close)
            yield
            back()

    @contextmanager
    def _proxied(self) -> Iterator[None]:
        plan = self.stage.plan
        proxy = self.stage.world.proxies[plan.side]
        proxy.fall_ill(_illness(plan.kind, plan.amount))
        silent = plan.kind in (Kind.API_BLACK_HOLE, Kind.API_DRIPS)
        back = self._for_a_while(proxy.heal) if silent and plan.verb != "rollback" else proxy.heal
        yield
        back()

    def _for_a_while(self, undo: Callable[[], None]) -> Callable[[], None]:
        """Undo after the planned time; return what does it earlier, and returns when it is done."""
        now = threading.Event()

        def wait() -> None:
            now.wait(0.5 + self.stage.plan.amount * (_LONGEST_SECONDS - 0.5))
            undo()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()

        def back() -> None:
            now.set()
            thread.join()

        return back

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


def _illness(kind: Kind, amount: float) -> Illness:
    match kind:
        case Kind.API_BLACK_HOLE:
            return Illness(black_hole=True)
        case Kind.API_DRIPS:
            return Illness(drips=True)
        case Kind.API_SLOW:
            return Illness(delay_seconds=0.02 + 0.2 * amount)
        case Kind.API_429:
            return Illness(status=429, times=1 + int(amount * 20))
        case Kind.API_500:
            return Illness(status=500, times=1 + int(amount * 20))
        case Kind.API_500_AFTER:
            return Illness(status=500, lost=True, times=1 + int(amount * 10))
        case _:
            return Illness(lost=True, times=1 + int(amount * 10))
