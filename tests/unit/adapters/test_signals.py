"""A signal interrupts once; while something is taken back it is only noted, and none is lost in between."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from migrator.adapters.signals import Signals

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(autouse=True)
def as_on_a_terminal() -> Iterator[None]:
    """Let no signal be ignored: a test run that was started in the background ignores ^C."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ALL)
def test_each_signal_interrupts_with_its_name(number: signal.Signals) -> None:
    """And again, as long as nothing is to be taken back."""
    with Signals().handled():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt, match=number.name):
                signal.raise_signal(number)


@pytest.mark.parametrize("number", ALL)
def test_handlers_of_before_are_put_back(number: signal.Signals) -> None:
    """Also after an interruption."""
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Signals().handled():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored() -> None:
    """`nohup` means it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals().handled():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_first_signal_ends_the_work_and_no_later_one_the_undo(capfd: pytest.CaptureFixture[str]) -> None:
    """The later ones are answered with what happens."""
    done: list[str] = []
    signals = Signals()
    with pytest.raises(KeyboardInterrupt, match="SIGHUP"), signals.handled(), signals.held_back():  # noqa: PT012 - what is inside is the subject
        try:
            with signals.let_through():
                signal.raise_signal(signal.SIGHUP)
                done.append("work")
        except KeyboardInterrupt:
            for number in ALL:
                signal.raise_signal(number)
            done.append("undo")
            raise
    assert done == ["undo"]
    assert capfd.readouterr().err.count("is being taken back") == len(ALL)


def test_a_signal_in_an_undo_that_an_error_began_waits_for_its_end() -> None:
    """The error is what is raised."""
    signals, done = Signals(), list[str]()
    with pytest.raises(ZeroDivisionError), signals.handled(), signals.held_back():  # noqa: PT012 - what is inside is the subject
        try:
            with signals.let_through():
                raise ZeroDivisionError
        finally:
            signal.raise_signal(signal.SIGTERM)
            done.append("undo")
    assert done == ["undo"]


def test_a_signal_that_was_held_back_interrupts_at_the_end() -> None:
    """It is not forgotten when all went well; afterwards signals interrupt at once again."""
    signals, done = Signals(), list[str]()
    with signals.handled():
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"), signals.held_back():  # noqa: PT012 - what is inside is the subject
            signal.raise_signal(signal.SIGTERM)
            done.append("all")
        assert done == ["all"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_between_the_work_and_its_handler_is_handled() -> None:
    """It comes when the work has failed already and the undo has not begun."""
    signals, done = Signals(), list[str]()

    class Late:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), signals.handled(), signals.held_back():  # noqa: PT012 - what is inside is the subject
        try:
            with signals.let_through(), Late():
                raise ZeroDivisionError
        except BaseException:
            signal.raise_signal(signal.SIGTERM)
            done.append("undo")
            raise
    assert done == ["undo"]
