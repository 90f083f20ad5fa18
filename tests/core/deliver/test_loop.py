"""The drain as a whole: what happens to entries over hours, with time and answers of the test's own."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodepulse_core.buffer import Limits
from nodepulse_core.deliver import Unfit
from nodepulse_core.errors import StorageError
from nodepulse_core.model import Batch, Entry, Snapshot
from nodepulse_core.sender import Accepted, Answer, Later, Refused
from support.delivery import HOUR, NOW, Rig, ScriptedSender, Timeline, entry, snapshot

MakeRig = Callable[..., Rig]
INTERVAL = 15


def down(_: Batch) -> Answer:
    """Answer as a dashboard that is down."""
    return Later("503 Service Unavailable")


async def test_each_window_is_one_post_while_nothing_is_behind(
    make_rig: MakeRig, sender: ScriptedSender, clock: Timeline
) -> None:
    """A window goes as soon as its last scrape has ended and its delay has gone by, with the entries of all targets."""
    rig = make_rig(delay=2.0)
    for slot in range(0, 60, INTERVAL):
        clock.at(slot + 1, lambda slot=slot: rig.scrape(slot, "node", "redis"))
    await rig.run(lambda: rig.buffer.books.delivered == 8)
    assert sender.slots == [[0, 0], [15, 15], [30, 30], [45, 45]]
    assert sender.times == [3, 18, 33, 48]


async def test_what_was_found_at_the_start_is_delivered(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """Entries of an earlier run go in batches of whole windows, oldest first, without an announcement."""
    rig = make_rig(batch_size=4)
    await rig.put(*(entry(slot) for slot in range(10)))
    await rig.run(lambda: rig.empty)
    assert sender.slots == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert rig.buffer.books.delivered == 10


async def test_dead_for_an_hour(make_rig: MakeRig, sender: ScriptedSender, clock: Timeline) -> None:
    """Nothing is lost; tries are as many as the backoff allows; the newest comes within seconds, then all the rest."""
    rig = make_rig()
    back = HOUR
    sender.answer = lambda batch: down(batch) if clock.time < NOW + back else Accepted()
    slots = range(0, int(back) + 60, INTERVAL)
    for slot in slots:
        clock.at(slot, lambda slot=slot: rig.scrape(slot))
    await rig.run(lambda: len(sender.accepted) == len(slots))

    failed = [at for at in sender.times if at < back]
    assert len(failed) <= 7 + back / 60  # 1, 2, 4, 8, 16 and 32 s, then every 60 s
    assert all(later - earlier <= 60 + INTERVAL for earlier, later in pairwise(failed))

    delivered = [each.slot - NOW for each in sender.accepted]
    assert sorted(delivered) == list(slots)
    first = next(at for at in sender.times if at >= back)
    recent = [slot for slot in slots if slot <= first]
    assert delivered.index(recent[-1]) <= 3  # at once, or after the one batch whose turn it was
    arrived = {each.slot - NOW: at for at, batch in sender.asked if at >= back for each in batch.entries}
    assert arrived[0] - first < 5  # oldest first, but for the few batches that were tried in the outage
    backlog = [slot for slot in delivered if slot < back - 20 * INTERVAL]
    assert sum(later < earlier for earlier, later in pairwise(backlog)) <= 3
    last = max(at for (at, batch) in sender.asked if batch.entries[0].slot < NOW + back - 60)
    assert last - first < 60
    assert rig.balanced
    assert rig.buffer.books.quarantined == 0


async def test_a_batch_that_alone_keeps_failing_waits_behind_the_others(
    make_rig: MakeRig, sender: ScriptedSender, clock: Timeline
) -> None:
    """While one window is answered with 500 for ever, each other one arrives, and it is tried ever more rarely."""
    rig = make_rig()
    poison = entry(30)
    sender.answer = lambda batch: Later("500") if poison in batch.entries else Accepted()
    await rig.put(*(entry(slot) for slot in range(0, 300, INTERVAL)))
    for slot in range(300, int(2 * HOUR), INTERVAL):
        clock.at(slot, lambda slot=slot: rig.scrape(slot))
    await rig.run(lambda: clock.time >= NOW + 2 * HOUR)
    assert rig.buffer.entries([poison.window]) == (poison,)
    assert rig.buffer.count == 1
    tries = [at for at, batch in sender.asked if poison in batch.entries]
    assert 3 <= len(tries) <= 30  # twelve of them before there was anything else to send
    fresh = [at - (batch.entries[0].slot - NOW) for at, batch in sender.asked if batch.entries[0].slot >= NOW + 600]
    assert max(fresh) <= 1
    sender.answer = lambda _: Accepted()
    await rig.run(lambda: rig.empty)
    assert rig.balanced


async def test_a_slow_link_gets_smaller_batches(make_rig: MakeRig, sender: ScriptedSender, clock: Timeline) -> None:
    """Where batches of more than two always time out, the backlog arrives in smaller ones."""
    rig = make_rig()
    sender.answer = lambda batch: Later("no answer within 5s") if len(batch.snapshots) > 2 else Accepted()
    await rig.put(*(entry(slot) for slot in range(60)))
    await rig.run(lambda: rig.empty)
    assert Counter(each.slot for each in sender.accepted) == Counter(NOW + slot for slot in range(60))
    assert clock.time < NOW + 120


async def test_a_wrong_dashboard_for_an_hour_costs_a_handful(
    make_rig: MakeRig, sender: ScriptedSender, clock: Timeline
) -> None:
    """While it refuses everything with 400, four entries are put aside in all; put right, it gets every other one."""
    rig = make_rig()
    sender.answer = lambda _: Refused("400 wrong tenant") if clock.time < NOW + HOUR else Accepted()
    slots = range(0, int(HOUR) + 600, INTERVAL)
    for slot in slots:
        clock.at(slot, lambda slot=slot: rig.scrape(slot))
    await rig.run(lambda: rig.buffer.books.stored == len(slots) and rig.empty)
    assert rig.buffer.books.quarantined == 4
    assert len(sender.accepted) == len(slots) - 4
    assert len([at for at in sender.times if at < HOUR]) < 30
    assert clock.time < NOW + HOUR + 900
    assert rig.balanced


async def test_what_the_destination_asks_is_waited_for(
    make_rig: MakeRig, sender: ScriptedSender, clock: Timeline
) -> None:
    """After 429 with a delay nothing is sent before it has gone by, whatever becomes fresh meanwhile."""
    rig = make_rig()
    answers: list[Answer] = [Accepted(), Later("429", delay=100)]
    sender.answer = lambda _: answers.pop() if answers else Accepted()
    for slot in range(0, 60, INTERVAL):
        clock.at(slot, lambda slot=slot: rig.scrape(slot))
    await rig.run(lambda: rig.buffer.books.delivered == 4)
    assert sender.times[0] == 0
    assert sender.times[1] == 100


async def test_the_failure_is_said_once_with_what_happens_next(
    make_rig: MakeRig, sender: ScriptedSender, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is logged at its beginning, ever more rarely while it lasts, and at its end."""
    rig = make_rig()
    sender.answer = lambda _: down(_) if len(sender.asked) <= 40 else Accepted()
    await rig.put(entry())
    with caplog.at_level(logging.INFO, "nodepulse_core.health"):
        await rig.run(lambda: bool(rig.sent))
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == (
        "delivery: cannot send by scripted: 503 Service Unavailable; 1 entry waits on disk, next try in 1s"
    )
    assert "works again, after 40 failures" in said[-1]
    assert len(said) == 7  # the 1st, 2nd, 4th, … 32nd failure, and the end
    assert rig.health.destination.last_error is None


async def test_a_snapshot_that_hangs_holds_up_no_other(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """Its entry is put aside, all others arrive, and the health names the target for as long as it hangs."""
    release = threading.Event()
    stuck = entry(15)

    def make(of: Entry) -> Snapshot | Unfit:
        if of == stuck:
            release.wait()
        return snapshot(of)

    rig = make_rig(make=make, patience=0.2)
    await rig.put(entry(0), stuck, entry(30))
    try:
        await rig.run(lambda: rig.empty)
        assert rig.health.hanging == ("node",)
    finally:
        release.set()
    assert [each.slot - NOW for each in sender.accepted] == [0, 30]
    assert rig.buffer.books.quarantined == 1
    assert rig.balanced


async def test_a_sender_that_hangs_is_given_up(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """A send that never returns is a failure, and is tried again."""
    hanging = [True]

    async def send(batch: Batch) -> Answer:
        if hanging and hanging.pop():
            await asyncio.sleep(HOUR)
        return await ScriptedSender.send(sender, batch)

    sender.send = send  # type: ignore[method-assign]  # the first call hangs
    rig = make_rig(send_limit=0.05)
    await rig.put(entry())
    await rig.run(lambda: rig.empty)
    assert rig.health.destination.failures == 1
    assert rig.buffer.books.delivered == 1


async def test_a_machine_that_cannot_read_loses_nothing(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """While files cannot be opened everything stays, which is said without a traceback; then all is delivered."""
    lacking = [True] * 3

    def make(of: Entry) -> Snapshot | Unfit:
        if lacking:
            lacking.pop()
            raise StorageError("too many open files")
        return snapshot(of)

    rig = make_rig(make=make)
    await rig.put(entry(0), entry(1))
    await rig.run(lambda: rig.empty)
    assert rig.health.destination.failures == 3
    assert rig.buffer.books.delivered == 2


async def test_a_defect_with_one_window_holds_up_no_other(
    make_rig: MakeRig, sender: ScriptedSender, caplog: pytest.LogCaptureFixture
) -> None:
    """What raises where nothing should stays in the buffer, is logged with its traceback, and others are delivered."""

    def make(of: Entry) -> Snapshot | Unfit:
        if of == entry(0):
            raise ZeroDivisionError("a defect")
        return snapshot(of)

    rig = make_rig(make=make, batch_size=1)
    await rig.put(entry(0), entry(1), entry(2))
    await rig.run(lambda: rig.buffer.count == 1)
    assert [each.slot - NOW for each in sender.accepted] == [1, 2]
    assert any(record.exc_info for record in caplog.records)


async def test_a_disk_that_fails_at_housekeeping_stops_no_delivery(
    make_rig: MakeRig, sender: ScriptedSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where old entries cannot be removed, what is on disk is sent all the same."""
    rig = make_rig()
    await rig.put(*(entry(slot) for slot in range(3)))

    async def evict_old(_: float) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(rig.buffer, "evict_old", evict_old)
    await rig.run(lambda: rig.empty)
    assert len(sender.accepted) == 3


async def test_entries_that_grow_old_in_an_outage_are_evicted_and_counted(
    make_rig: MakeRig, sender: ScriptedSender, clock: Timeline
) -> None:
    """What the dashboard missed for longer than the retention is evicted, and in the books."""
    rig = make_rig(limits=Limits(HOUR, 2**30, 0))
    sender.answer = lambda _: down(_) if clock.time < NOW + 2 * HOUR else Accepted()
    await rig.put(entry(0))
    clock.at(1.5 * HOUR, lambda: rig.scrape(int(1.5 * HOUR)))
    await rig.run(lambda: rig.buffer.books.delivered == 1)
    assert (rig.buffer.books.evicted, rig.buffer.books.delivered) == (1, 1)
    assert rig.balanced


async def test_a_batch_is_bounded_in_bytes(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """Ten entries of 16 MiB are never in memory at once: a window of them goes in parts, in order."""
    in_memory: list[int] = []
    rig = make_rig()
    sender.answer = lambda batch: in_memory.append(sum(len(each.text) for each in batch.snapshots)) or Accepted()
    body = b"# " + b"x" * (16 * 1024**2 - 3) + b"\n"
    for number in range(3):
        await rig.put(entry(0, f"t{number}"), body=body)
    await rig.put(entry(15))
    await rig.run(lambda: rig.empty)
    assert max(in_memory) <= 32 * 1024**2
    assert [each.target for each in sender.accepted] == ["t0", "t1", "t2", "node"]


async def test_flush_sends_what_is_complete_newest_first(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """At the end what is complete goes without its delay, until nothing is left."""
    rig = make_rig(delay=HOUR)
    await rig.put(entry(0))
    await rig.scrape(15)
    await rig.drain.flush()
    assert sender.slots == [[15], [0]]
    assert rig.empty


async def test_flush_ends_where_the_destination_is_down(make_rig: MakeRig, sender: ScriptedSender) -> None:
    """One try that fails is enough, and one that is not yet due is not made: the end of the agent does not wait."""
    rig = make_rig()
    sender.answer = down
    await rig.put(*(entry(slot) for slot in range(30)))
    await rig.drain.flush()
    await rig.drain.flush()
    assert len(sender.asked) == 1
    assert rig.buffer.count == 30


async def test_stop_is_heard_while_a_step_goes_on(
    make_rig: MakeRig, sender: ScriptedSender, clock: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain that is stopped at any moment ends at once, and waits for nothing first."""
    rig = make_rig()
    evict_old = rig.buffer.evict_old

    async def stopped_meanwhile(now: float) -> None:
        rig.drain.stop()
        await evict_old(now)

    monkeypatch.setattr(rig.buffer, "evict_old", stopped_meanwhile)
    clock.time += HOUR
    async with asyncio.timeout(20):
        await rig.drain.run()
    assert clock.slept == []


def reset(_: Batch) -> Answer:
    """Fail as a connection does."""
    raise ConnectionResetError("by peer")


ANSWERS: dict[str, Callable[[Batch], Any]] = {
    "accepted": lambda _: Accepted(),
    "later": down,
    "asked": lambda _: Later("429", delay=20),
    "slow": lambda _: Later("401", pace="slow"),
    "refused": lambda _: Refused("400"),
    "one named": lambda batch: Refused("400 named", batch.entries[:1]),
    "all named": lambda batch: Refused("400 named", batch.entries),
    "too large": lambda _: Refused("413", fault="size"),
    "raised": reset,
    "junk": lambda _: "junk",
}


@settings(max_examples=60)
@given(
    script=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=25),
    found=st.lists(st.integers(-200, -1), unique=True, max_size=12),
    scraped=st.lists(st.integers(0, 100), unique=True, max_size=8),
    bad=st.sets(st.integers(-200, 100), max_size=3),
    ordered=st.booleans(),
    batch_size=st.integers(1, 6),
)
def test_every_entry_is_delivered_once_or_put_aside_for_a_reason(  # noqa: PLR0917 - hypothesis names them
    script: list[str], found: list[int], scraped: list[int], bad: set[int], ordered: bool, batch_size: int
) -> None:
    """Whatever it was answered before: once the dashboard accepts, all is delivered once or quarantined, and told."""

    async def run(path: Path) -> None:
        clock = Timeline()
        sender = ScriptedSender(clock, ordered=ordered)
        left = list(reversed(script))

        def respond(batch: Batch) -> Answer:
            if left:
                return cast("Answer", ANSWERS[left.pop()](batch))
            hit = [each for each in batch.entries if each.slot - NOW in bad]
            return Refused("422") if hit else Accepted()

        sender.answer = respond
        rig = Rig(path, sender, clock, batch_size=batch_size)
        try:
            await rig.put(*(entry(slot, target) for slot in found for target in ("node", "redis")))
            for slot in scraped:
                clock.at(slot, lambda slot=slot: rig.scrape(slot, "node"))
            total = 2 * len(found) + len(scraped)
            # Good entries keep coming, as from any agent: what is refused is only put aside while others are accepted.
            for late in range(4000, 40_000, 600):
                clock.at(late, lambda late=late: rig.scrape(late, "last"))
            await rig.run(lambda: clock.time > NOW + 4000 and not any(each.target != "last" for each in waiting(rig)))
            accepted = Counter(each for each in sender.accepted if each.target != "last")
            aside = Counter(each for batch, _ in rig.rejected for each in batch.entries if each.target != "last")
            assert set(accepted.values()) <= {1}
            assert accepted + aside == Counter(
                [entry(slot, target) for slot in found for target in ("node", "redis")] + [entry(s) for s in scraped]
            )
            assert accepted.total() + aside.total() == total
            assert all(reason for _, reason in rig.rejected)
            assert rig.balanced
            if not script and not bad:
                in_order = [each.slot for each in sender.accepted if each.target == "redis"]
                assert in_order == sorted(in_order)
            if ordered:
                assert [each.slot for each in sender.accepted] == sorted(each.slot for each in sender.accepted)
        finally:
            await rig.buffer.close()

    with tempfile.TemporaryDirectory() as path:
        asyncio.run(run(Path(path)))


def waiting(rig: Rig) -> tuple[Entry, ...]:
    """Return what waits in the buffer."""
    return rig.buffer.entries(rig.buffer.first(10_000, lambda _: True))
