"""What is asked of a child, and what comes back: answers to whoever waits, and requests that are made for it.

    ask ─▶ number ─▶ child ─┬─▶ done, failed ─▶ whoever waits
                            └─▶ get ─▶ made with the target's own access ─▶ got
    given up ─▶ cancel ─▶ no answer in a second: it is stuck

Only what was asked for is taken, once, and no more bytes than it may have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import HTTP, HTTP_SCHEMES
from nodepulse_core.foreign import one_line
from nodepulse_core.isolation.frames import Frame, FrameError
from nodepulse_core.model import Target

GRACE_SECONDS = 1.0
"""How long a child may take to leave off, once it is told to."""
_MOST_GETS = 8


@attrs.define(eq=False)
class _Asked:
    """A request that has not been answered: who waits, how large the answer may be, and what `get` is made with."""

    answer: asyncio.Future[bytes]
    most: int
    target: Target | None
    http: HTTP | None
    gets: set[asyncio.Task[None]] = attrs.field(factory=set)
    given_up: bool = False


class Conversation:
    """The requests to one child that are under way."""

    def __init__(self, send: Callable[[Frame], Awaitable[None]], stuck: Callable[[], None]) -> None:
        """Take what sends a frame, and what to call where the child does not leave off when it is told to."""
        self._send = send
        self._stuck = stuck
        self._asked: dict[int, _Asked] = {}
        self._last = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Tell whether anything is under way."""
        return bool(self._asked)

    async def ask(
        self,
        says: Mapping[str, Any],
        body: bytes = b"",
        *,
        most: int,
        target: Target | None = None,
        http: HTTP | None = None,
    ) -> bytes:
        """Return the body of the answer, of at most so many bytes; raises ScrapeError where the child says it failed.

        With a target and HTTP the child may have requests made for it meanwhile. Also raises what `end` is given.
        """
        loop = asyncio.get_running_loop()
        self._last += 1
        number, asked = self._last, _Asked(loop.create_future(), most, target, http)
        self._asked[number] = asked
        try:
            await self._send(Frame({**says, "id": number}, body))
            return await asked.answer
        except asyncio.CancelledError:
            asked.given_up = True
            self._start(self._send(Frame({"cancel": number})), "cancel")
            loop.call_later(GRACE_SECONDS, self._check, number)
            raise
        finally:
            for get in asked.gets:
                get.cancel()
            if not asked.given_up:
                self._asked.pop(number, None)

    def most(self, says: Mapping[str, Any]) -> int:
        """Return how large the body of a frame with that header may be."""
        asked = self._find(says)
        return 0 if "failed" in says or "get" in says else asked.most

    def take(self, frame: Frame) -> None:
        """Take a frame of the child; raises FrameError where nothing has asked for it."""
        says, asked = frame.says, self._find(frame.says)
        if asked.given_up:
            if "get" not in says:
                del self._asked[says["of"]]
        elif "get" in says:
            self._get(asked, says)
        elif asked.answer.done():
            raise FrameError("two answers")
        elif "failed" in says:
            asked.answer.set_exception(ScrapeError(one_line(str(says["failed"]))))
        else:
            asked.answer.set_result(frame.body)

    def end(self, error: Exception) -> None:
        """Have all that is under way fail."""
        for asked in self._asked.values():
            if not asked.answer.done():
                asked.answer.set_exception(error)
                asked.answer.exception()  # it is no fault that nobody waits for it any more
        self._asked.clear()

    def _find(self, says: Mapping[str, Any]) -> _Asked:
        number = says.get("of")
        asked = self._asked.get(number) if isinstance(number, int) else None
        if asked is None:
            raise FrameError("an answer that nothing was asked for")
        return asked

    def _check(self, number: int) -> None:
        if number in self._asked:
            self._stuck()

    def _get(self, asked: _Asked, says: Mapping[str, Any]) -> None:
        """Make a request for it, with what the target's own are made with, and for no other scheme."""
        endpoint, key = says["get"], says.get("key")
        if asked.http is None or asked.target is None or not isinstance(endpoint, str) or not isinstance(key, int):
            raise FrameError("a request that it may not make")
        if endpoint.partition(":")[0].lower() not in HTTP_SCHEMES or len(asked.gets) >= _MOST_GETS:
            raise FrameError("a request to where there is no HTTP, or too many at once")
        task = self._start(self._answer(asked.http, attrs.evolve(asked.target, endpoint=endpoint), key), "get")
        asked.gets.add(task)
        task.add_done_callback(asked.gets.discard)

    async def _answer(self, http: HTTP, target: Target, key: int) -> None:
        try:
            frame = Frame({"got": key}, await http.get(target))
        except ScrapeError as error:
            frame = Frame({"got": key, "failed": str(error)})
        except Exception as error:  # noqa: BLE001 - such as an endpoint that is no URL
            frame = Frame({"got": key, "failed": f"{type(error).__name__}: {error}"})
        await self._send(frame)

    def _start(self, work: Any, name: str) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
