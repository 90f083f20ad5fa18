"""What a plugin's code may do without taking anything else with it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from nodepulse_core.errors import PluginError
from nodepulse_core.plugins.guard import guarded, undisturbed


def raiser(error: BaseException) -> Callable[[], NoReturn]:
    """Return what raises."""

    def call() -> NoReturn:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("boom"), "raised ValueError: boom"),
        (SystemExit(3), "raised SystemExit: 3"),
        (KeyboardInterrupt(), "raised KeyboardInterrupt"),
        (GeneratorExit(), "raised GeneratorExit"),
        (asyncio.CancelledError("no"), "raised CancelledError: no"),
        (BaseExceptionGroup("two", [SystemExit(1)]), "raised BaseExceptionGroup: two (1 sub-exception)"),
    ],
)
@pytest.mark.parametrize("in_thread", [False, True])
def test_whatever_is_raised_is_an_error_of_the_plugin(error: BaseException, said: str, in_thread: bool) -> None:
    """Errors, exits, cancellations and interrupts of its own making all become a PluginError that says them."""
    caught: list[BaseException] = []

    def call() -> None:
        try:
            guarded(raiser(error))
        except BaseException as raised:  # noqa: BLE001 - what is looked at
            caught.append(raised)

    if in_thread:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    else:
        call()
    assert [(type(each), str(each)) for each in caught] == [(PluginError, said)]


def test_what_is_returned_comes_through() -> None:
    """A call that succeeds gives what it returns."""
    assert guarded(lambda: {"a": 1}) == {"a": 1}


def test_a_coroutine_is_refused_and_closed() -> None:
    """A coroutine function gives an error at once, and no warning later that it was never awaited."""

    async def call() -> None:
        """Do nothing."""

    with pytest.raises(PluginError, match="returned a coroutine, where something synchronous is due"):
        guarded(call)


@pytest.mark.parametrize("swallows", [None, SystemExit, ValueError])
def test_the_interrupt_of_the_user_comes_through(swallows: type[BaseException] | None) -> None:
    """Where the signal came, KeyboardInterrupt is raised, also where the plugin swallows it or makes an exit of it."""

    def call() -> str:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if swallows is not None:
                raise swallows from None
        return "swallowed"

    with pytest.raises(KeyboardInterrupt):
        guarded(call)


def test_a_signal_that_interrupts_nothing_is_no_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a handler takes the signal, as an event loop's does, the call goes on, and the handler was called."""
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        assert guarded(lambda: signal.raise_signal(signal.SIGTERM)) is None
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]


def test_signal_handlers_are_put_back() -> None:
    """A plugin that takes a signal has taken it for as long as it is called."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def call() -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    guarded(call)
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.parametrize(
    ("turn", "named"),
    [
        (lambda: setattr(sys, "stdout", None), "sys.stdout"),
        (lambda: setattr(sys, "stderr", None), "sys.stderr"),
        (lambda: setattr(sys, "excepthook", print), "sys.excepthook"),
        (lambda: os.chdir("/"), "the working directory"),
        (logging.disable, "the logging of NodePulse"),
        (lambda: logging.getLogger("nodepulse_core.agent").setLevel("CRITICAL"), "the logging of NodePulse"),
        (lambda: setattr(logging.getLogger("nodepulse_core"), "disabled", True), "the logging of NodePulse"),
        (lambda: setattr(logging.getLogger("nodepulse_core"), "propagate", False), "the logging of NodePulse"),
        (lambda: logging.basicConfig(force=True), "the logging of NodePulse"),
    ],
)
def test_what_is_turned_over_is_put_back_and_named(
    turn: Callable[[], Any], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams, the working directory and our logging are as they were, and what was turned over is named."""
    monkeypatch.chdir(tmp_path)
    logging.getLogger("nodepulse_core.agent")
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    before = sys.stdout, sys.stderr, sys.excepthook, Path.cwd(), list(logging.getLogger().handlers)
    try:
        with undisturbed() as turned:
            turn()
        assert turned == [named]
        assert (sys.stdout, sys.stderr, sys.excepthook, Path.cwd(), logging.getLogger().handlers) == before
        assert logging.root.manager.disable == logging.NOTSET
        for name in ("nodepulse_core", "nodepulse_core.agent"):
            logger = logging.getLogger(name)
            assert (logger.disabled, logger.propagate) == (False, True)
            assert logger.getEffectiveLevel() < logging.CRITICAL
    finally:
        logging.getLogger().removeHandler(handler)


def test_what_is_printed_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is a command's own: what a plugin prints goes to standard error, and nothing is named for it."""
    with undisturbed() as turned:
        print("from a plugin")  # noqa: T201 - as plugins do
    print("from us")  # noqa: T201 - as a command does
    assert capsys.readouterr() == ("from us\n", "from a plugin\n")
    assert turned == []


def test_state_is_put_back_after_an_error_too() -> None:
    """An import that turns something over and then fails leaves nothing turned over."""
    stdout = sys.stdout

    def call() -> NoReturn:
        sys.stdout = sys.__stdout__
        raise ValueError

    with pytest.raises(ValueError), undisturbed():  # noqa: PT011 - its own
        call()
    assert sys.stdout is stdout
