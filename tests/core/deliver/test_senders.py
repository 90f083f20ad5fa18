"""One suite over every sender: the built-in one over real HTTP, and a plugin's, in memory, that wants an order."""

from __future__ import annotations

import contextlib
import json
from calendar import timegm
from collections import Counter
from collections.abc import AsyncIterator, Callable
from time import strptime
from typing import ClassVar, Literal, Protocol

import pytest
from aiohttp import web
from nodepulse_core.deliver import HTTPSender
from nodepulse_core.model import Batch, Destination
from nodepulse_core.sender import Accepted, Answer, Later, Refused, Sender
from support.dashboard import Post, dashboard
from support.delivery import NOW, Rig, Timeline, entry

MakeRig = Callable[..., Rig]
Kind = Literal["accept", "busy", "refuse", "too large", "forbidden", "break"]
Decide = Callable[[list[int]], Kind]
SLOTS = range(0, 300, 15)


class Destined(Protocol):
    """A sender, and the destination behind it."""

    sender: Sender
    decide: Decide
    batches: list[list[int]]
    """The slots of each batch that was accepted, in seconds after the tests' now."""


class OverHTTP:
    """The built-in sender, and a dashboard."""

    STATUS: ClassVar[dict[Kind, int]] = {"accept": 200, "busy": 503, "refuse": 422, "too large": 413, "forbidden": 403}

    def __init__(self, endpoint: str, clock: Timeline) -> None:
        self.sender = HTTPSender(Destination(endpoint, 20.0), "nodepulse-agent/test", clock)
        self.decide: Decide = lambda _: "accept"
        self.batches: list[list[int]] = []

    async def respond(self, request: web.Request, post: Post) -> web.StreamResponse:
        """Answer a POST as the test decides."""
        objects = [each for values in json.loads(post.body).values() for each in values]
        slots = [timegm(strptime(each["timestamp"], "%Y-%m-%dT%H:%M:%SZ")) - NOW for each in objects]
        kind = self.decide(slots)
        if kind == "break":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if kind == "accept":
            self.batches.append(slots)
        return web.Response(status=self.STATUS[kind])


class InMemory:
    """A plugin's sender, which wants batches oldest first, and is its own destination."""

    name = "memory"
    ordered = True
    ANSWERS: ClassVar[dict[Kind, Answer]] = {
        "accept": Accepted(),
        "busy": Later("busy"),
        "refuse": Refused("it does not fit"),
        "too large": Refused("too much", fault="size"),
        "forbidden": Later("forbidden", pace="slow"),
    }

    def __init__(self) -> None:
        self.sender: Sender = self
        self.decide: Decide = lambda _: "accept"
        self.batches: list[list[int]] = []

    async def send(self, batch: Batch) -> Answer:
        """Answer as the test decides."""
        slots = [each.slot - NOW for each in batch.entries]
        kind = self.decide(slots)
        if kind == "break":
            raise ConnectionResetError("by peer")
        if kind == "accept":
            self.batches.append(slots)
        return self.ANSWERS[kind]

    async def close(self) -> None:
        """Do nothing."""


@pytest.fixture(params=["dashboard", "memory"])
async def destined(request: pytest.FixtureRequest, clock: Timeline) -> AsyncIterator[Destined]:
    """Give a sender with its destination."""
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "memory":
            yield InMemory()
            return
        server = await stack.enter_async_context(dashboard())
        over_http = OverHTTP(server.endpoint, clock)
        server.respond = over_http.respond
        stack.push_async_callback(over_http.sender.close)
        yield over_http


@pytest.fixture
async def rig(make_rig: MakeRig, destined: Destined) -> Rig:
    """Give a rig with twenty entries found at the start."""
    rig = make_rig(destined.sender, batch_size=4)
    await rig.put(*(entry(slot) for slot in SLOTS))
    return rig


def arrived(destined: Destined) -> list[int]:
    """Return the slots of all that was accepted, in order."""
    return [slot for batch in destined.batches for slot in batch]


async def test_a_backlog_arrives_in_whole_batches_oldest_first(rig: Rig, destined: Destined) -> None:
    """Twenty entries are five batches of four, in the order of their slots, each once."""
    await rig.run(lambda: rig.empty)
    assert [len(batch) for batch in destined.batches] == [4] * 5
    assert arrived(destined) == list(SLOTS)
    assert rig.buffer.books.delivered == 20


@pytest.mark.parametrize("kind", ["busy", "forbidden", "break"])
async def test_an_outage_loses_nothing(rig: Rig, destined: Destined, clock: Timeline, kind: Kind) -> None:
    """Whatever the outage looks like, all of it arrives afterwards, each once, together with what came meanwhile."""
    destined.decide = lambda _: kind if clock.time < NOW + 900 else "accept"
    for slot in range(300, 1200, 15):
        clock.at(slot, lambda slot=slot: rig.scrape(slot))
    await rig.run(lambda: rig.buffer.books.stored == 80 and rig.empty)
    assert Counter(arrived(destined)) == Counter(range(0, 1200, 15))
    assert rig.balanced
    if destined.sender.ordered:
        assert arrived(destined) == list(range(0, 1200, 15))


@pytest.mark.parametrize("kind", ["refuse", "too large"])
async def test_a_bad_entry_is_put_aside_and_the_others_arrive(rig: Rig, destined: Destined, kind: Kind) -> None:
    """Just the bad one is quarantined, with the reason, and told; all others arrive in their order."""
    destined.decide = lambda slots: kind if 60 in slots else "accept"
    await rig.run(lambda: rig.empty)
    assert arrived(destined) == [slot for slot in SLOTS if slot != 60]
    ((rejected, reason),) = rig.rejected
    assert rejected.entries == (entry(60),)
    assert reason
    assert rig.buffer.books.quarantined == 1
    assert rig.balanced


async def test_batches_that_are_too_large_are_cut(rig: Rig, destined: Destined) -> None:
    """A destination that takes two entries at a time gets all of them, and nothing is put aside."""
    destined.decide = lambda slots: "too large" if len(slots) > 2 else "accept"
    await rig.run(lambda: rig.empty)
    assert arrived(destined) == list(SLOTS)
    assert rig.rejected == []


async def test_a_destination_that_refuses_all_costs_a_handful(rig: Rig, destined: Destined, clock: Timeline) -> None:
    """An hour of refusals puts four aside; the rest arrives once it is over."""
    destined.decide = lambda _: "refuse" if clock.time < NOW + 3600 else "accept"
    await rig.run(lambda: rig.empty)
    assert rig.buffer.books.quarantined == 4
    assert len(arrived(destined)) == 16
    assert rig.balanced
