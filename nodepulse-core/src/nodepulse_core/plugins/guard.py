"""The line between us and a plugin's code: what it raises, prints or turns over stays on its side.

A process shared with foreign code is no jail: a plugin may still call `os._exit`, or never return. What is kept off
here is what plugins do by accident.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

from nodepulse_core.errors import PluginError
from nodepulse_core.foreign import describe

T = TypeVar("T")
_CORE = "nodepulse_core"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STREAMS = ("stdout", "stderr", "excepthook")


def guarded(call: Callable[[], T]) -> T:
    """Return what a plugin's synchronous code returns; raises PluginError, "raised …", where it raises anything.

    What ends a process or a task does not get through: SystemExit, GeneratorExit and CancelledError of synchronous
    code are the plugin's own doing. A KeyboardInterrupt is the user's where the signal came, and then it is raised even
    if the plugin swallowed it; else it is the plugin's own doing too.
    """
    with _interrupts() as interrupts:
        try:
            returned = call()
            awaitable = inspect.isawaitable(returned)
            if awaitable:
                _discard(returned)
        except BaseException as error:
            if interrupts:
                raise KeyboardInterrupt from None
            if isinstance(error, PluginError):  # a check of ours, made within
                raise
            raise PluginError(f"raised {describe(error)}") from error
    if interrupts:
        raise KeyboardInterrupt
    if awaitable:
        raise PluginError("returned a coroutine, where something synchronous is due")
    return returned


@contextlib.contextmanager
def undisturbed() -> Iterator[list[str]]:
    """Put back what a plugin turns over while it is imported, and yield a list that names it afterwards.

    That is standard output and error, the excepthook, the working directory, and the logging of NodePulse. Standard
    output is standard error meanwhile: what a plugin prints is no part of what a command writes.
    """
    turned: list[str] = []
    stdout, sys.stdout = sys.stdout, sys.stderr
    streams = {name: getattr(sys, name) for name in _STREAMS}
    folder = _working_directory()
    logs = _log_state()
    try:
        yield turned
    finally:
        for name, stream in streams.items():
            if getattr(sys, name, None) is not stream:
                turned.append(f"sys.{name}")
                setattr(sys, name, stream)
        if folder is not None and _working_directory() != folder:
            turned.append("the working directory")
            os.chdir(folder)
        if _log_state() != logs:
            turned.append("the logging of NodePulse")
            _restore_logs(logs)
        sys.stdout = stdout


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Yield a list of the signals that a handler of ours turned into a KeyboardInterrupt; put the handlers back."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came  # signals are the main thread's
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, _recorded(handler, came))
    try:
        yield came
    finally:
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)


def _recorded(handler: Callable[[int, FrameType | None], Any], came: list[int]) -> Callable[..., Any]:
    def handle(number: int, frame: FrameType | None) -> Any:
        try:
            return handler(number, frame)
        except KeyboardInterrupt:
            came.append(number)
            raise

    return handle


def _discard(awaitable: Any) -> None:
    """Close a coroutine that is not awaited, so that nothing is said of it later."""
    close = getattr(awaitable, "close", None)
    if callable(close):
        close()


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - compared and restored, never joined
    except OSError:  # it was removed
        return None


_LoggerState = tuple[logging.Logger, bool, int, bool, list[logging.Handler]]


def _log_state() -> tuple[int, list[_LoggerState]]:
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == _CORE]
    loggers = [logging.root, *(logging.getLogger(name) for name in sorted(names))]
    states = [(each, each.disabled, each.level, each.propagate, list(each.handlers)) for each in loggers]
    return logging.root.manager.disable, states


def _restore_logs(state: tuple[int, list[_LoggerState]]) -> None:
    logging.disable(state[0])
    for logger, disabled, level, propagate, handlers in state[1]:
        logger.disabled = disabled
        logger.propagate = propagate
        logger.setLevel(level)
        logger.handlers[:] = handlers
