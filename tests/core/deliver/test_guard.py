"""A sender, whatever it does, gives an answer, in bounded time, and one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from nodepulse_core.deliver import GuardedSender
from nodepulse_core.model import Batch
from nodepulse_core.sender import Accepted, Answer, Later, Refused
from support.delivery import batch, entry

BATCH = batch(entry())
SHORT = 0.05


class Plugin:
    """A sender of which only `send` is of interest."""

    name = "plugin"
    ordered = False

    def __init__(self, send: Callable[[Batch], Any]) -> None:
        self._send = send

    async def send(self, batch: Batch) -> Answer:
        """Do what the test says."""
        answer = self._send(batch)
        return cast("Answer", await answer if isinstance(answer, Awaitable) else answer)

    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("answer", [Accepted(), Later("busy", delay=3), Refused("bad", (entry(),))])
async def test_an_answer_is_handed_on(answer: Answer) -> None:
    """What the sender answers arrives as it is."""
    assert await GuardedSender(Plugin(lambda _: answer), 5).send(BATCH) == answer


@pytest.mark.parametrize(
    "error", [RuntimeError("no route"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), TimeoutError()]
)
async def test_what_it_raises_is_later(error: BaseException) -> None:
    """An error, an exit or a stray cancellation keeps the batch for later, and ends nothing."""

    def send(_: Batch) -> Answer:
        raise error

    answer = await GuardedSender(Plugin(send), 5).send(BATCH)
    assert isinstance(answer, Later)
    assert type(error).__name__ in answer.reason


@pytest.mark.parametrize("junk", [None, True, 200, "ok", Accepted, {"status": "ok"}])
async def test_junk_is_no_acceptance(junk: object) -> None:
    """What is none of the three answers keeps the batch, is named, and is tried slowly."""
    answer = await GuardedSender(Plugin(lambda _: junk), 5).send(BATCH)
    assert isinstance(answer, Later)
    assert answer.pace == "slow"
    assert "which is no answer" in answer.reason


async def test_an_answer_that_is_made_wrongly_is_later() -> None:
    """A delay that is no number, or a reason that is none, fails where the sender makes it."""
    answer = await GuardedSender(Plugin(lambda _: Later("busy", delay=cast("float", "soon"))), 5).send(BATCH)
    assert isinstance(answer, Later)
    assert "raised TypeError" in answer.reason


async def test_a_sender_that_hangs_is_ended() -> None:
    """A send that takes too long is cancelled, and the next batch is sent as usual."""
    cancelled = []

    async def hang() -> Answer:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return Accepted()

    answers: list[Any] = [Accepted(), hang()]
    guarded = GuardedSender(Plugin(lambda _: answers.pop()), SHORT)
    assert await guarded.send(BATCH) == Later("no answer within 50ms; the call was ended")
    assert await guarded.send(BATCH) == Accepted()
    assert cancelled == [True]


async def test_a_sender_that_does_not_let_itself_be_ended_is_not_called_twice() -> None:
    """While a send that ignores its cancellation goes on no other is begun; once it has returned, sending goes on."""
    release = asyncio.Event()
    calls = []

    async def stubborn() -> Answer:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return Accepted()

    def send(_: Batch) -> object:
        calls.append(True)
        return stubborn()

    guarded = GuardedSender(Plugin(send), SHORT)
    await guarded.send(BATCH)
    answer = await guarded.send(BATCH)
    assert isinstance(answer, Later)
    assert "not returned from an earlier batch" in answer.reason
    assert len(calls) == 1
    release.set()
    assert await guarded.send(BATCH) == Accepted()
    assert len(calls) == 2


async def test_who_waits_can_be_cancelled() -> None:
    """Cancelling the drain cancels the send, and is no answer."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> Answer:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return Accepted()

    sending = asyncio.create_task(GuardedSender(Plugin(lambda _: hang()), 60).send(BATCH))
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with asyncio.timeout(20):
        await ended.wait()
