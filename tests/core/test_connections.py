"""Kept connections: made once, asked often, closed when they are of no more use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest
from attrs import define
from nodepulse_core import Connections, Target

TARGET = Target("t", "x_exporter", "x://host", interval=10.0, timeout=1.0)


@define(eq=False)
class Line:
    """A connection of a test: a number, and whether it is still open."""

    number: int
    open: bool = True


class Exchange:
    """Makes lines, and remembers them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.connections = Connections(connect=self._connect, close=self._close, is_open=lambda line: line.open)

    async def _connect(self, _: Target) -> Line:
        self.lines.append(Line(len(self.lines)))
        return self.lines[-1]

    async def _close(self, line: Line) -> None:
        line.open = False

    async def ask(self, question: Callable[[Line], Awaitable[int]] | None = None, target: Target = TARGET) -> int:
        """Put a question."""
        return await self.connections.ask(target, question or number)


async def number(line: Line) -> int:
    """Answer with the line's number."""
    return line.number


async def test_one_connection_is_asked_again_and_again() -> None:
    """A target's questions are put to the same connection; another target has its own."""
    exchange = Exchange()
    assert [await exchange.ask() for _ in range(3)] == [0, 0, 0]
    assert await exchange.ask(target=attrs.evolve(TARGET, name="other")) == 1
    assert await exchange.ask() == 0


async def test_one_that_was_closed_meanwhile_is_replaced() -> None:
    """A connection that is seen to be closed is not asked."""
    exchange = Exchange()
    await exchange.ask()
    exchange.lines[0].open = False
    assert await exchange.ask() == 1


async def test_one_that_breaks_when_asked_is_replaced_within_the_question() -> None:
    """A server that was restarted costs no scrape: the question goes to a new connection, once."""
    exchange = Exchange()
    await exchange.ask()

    async def break_first(line: Line) -> int:
        if line.number == 0:
            line.open = False
            raise ConnectionResetError
        return line.number

    assert await exchange.ask(break_first) == 1
    assert len(exchange.lines) == 2


async def test_a_new_one_that_breaks_is_not_replaced() -> None:
    """A server that closes every connection fails the question, and is not asked for ever."""
    exchange = Exchange()

    async def break_all(line: Line) -> int:
        line.open = False
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await exchange.ask(break_all)
    assert len(exchange.lines) == 1


async def test_an_error_that_is_the_servers_answer_keeps_the_connection() -> None:
    """Where the connection is still good, the error is raised at once, and the next question uses it."""
    exchange = Exchange()

    async def refuse(_: Line) -> int:
        raise PermissionError

    for _ in range(2):
        with pytest.raises(PermissionError):
            await exchange.ask(refuse)
    assert await exchange.ask() == 0
    assert exchange.lines[0].open


async def test_one_that_was_cancelled_in_an_answer_is_closed() -> None:
    """Half an answer stands on a cancelled connection: it is closed, and the next question gets a new one."""
    exchange = Exchange()
    asked = asyncio.Event()

    async def hang(_: Line) -> int:
        asked.set()
        await asyncio.Event().wait()
        return 0

    task = asyncio.ensure_future(exchange.ask(hang))
    await asked.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert not exchange.lines[0].open
    assert await exchange.ask() == 1


async def test_a_changed_target_gets_a_new_connection() -> None:
    """A target that was configured anew under its name does not use what was made for the old one."""
    exchange = Exchange()
    await exchange.ask()
    assert await exchange.ask(target=attrs.evolve(TARGET, endpoint="x://elsewhere")) == 1
    assert not exchange.lines[0].open


async def test_one_that_is_idle_is_closed() -> None:
    """The connection of a target that is asked no more, such as one that was removed, does not stay open."""
    exchange = Exchange()
    await exchange.ask(target=attrs.evolve(TARGET, interval=0.005, timeout=0.0))
    for _ in range(500):
        if not exchange.lines[0].open:
            break
        await asyncio.sleep(0.01)
    assert not exchange.lines[0].open


async def test_two_questions_at_once_leave_one_connection() -> None:
    """Questions of one target that overlap are answered each on its own; one connection is kept, one closed."""
    exchange = Exchange()
    meet = asyncio.Barrier(2)

    async def wait(line: Line) -> int:
        await meet.wait()
        return line.number

    assert sorted(await asyncio.gather(exchange.ask(wait), exchange.ask(wait))) == [0, 1]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(line.open for line in exchange.lines) == [False, True]


async def test_closing_closes_all() -> None:
    """After `close` no connection is open."""
    exchange = Exchange()
    for name in ("a", "b"):
        await exchange.ask(target=attrs.evolve(TARGET, name=name))
    await exchange.connections.close()
    assert [line.open for line in exchange.lines] == [False, False]


def test_one_of_another_event_loop_is_not_asked() -> None:
    """A connection belongs to the loop that made it; where that is gone, a new one is made."""
    exchange = Exchange()
    assert asyncio.run(exchange.ask()) == 0
    assert asyncio.run(exchange.ask()) == 1
