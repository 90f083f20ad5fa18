"""One batch: whole, in parts where it is refused, and never more put aside than is known to be bad."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.deliver import GuardedSender, Observers
from nodepulse_core.deliver.delivery import Delivery
from nodepulse_core.model import Batch, Entry, Snapshot
from nodepulse_core.sender import Accepted, Answer, Later, Refused
from support.delivery import BODY, HOUR, NOW, PATIENCE, ScriptedSender, batch, entry

MANY = tuple(entry(slot) for slot in range(10))


class Case:
    """A delivery on a buffer that holds ten entries, and all that it told."""

    def __init__(self, buffer: Buffer, sender: ScriptedSender) -> None:
        self.buffer = buffer
        self.sender = sender
        self.sent: list[Entry] = []
        self.rejected: list[tuple[tuple[Entry, ...], str]] = []
        self.passed: list[Entry] = []
        self.too_large: list[int] = []
        self.place = 0
        self.delivery = Delivery(
            buffer=buffer,
            sender=GuardedSender(sender, PATIENCE),
            observers=Observers(
                sent=lambda batch: self.sent.extend(batch.entries),
                rejected=lambda batch, reason: self.rejected.append((batch.entries, reason)),
            ),
            passed=lambda batch: self.passed.extend(batch.entries),
            too_large=self.too_large.append,
            pick=lambda count: self.place % count,
        )

    async def deliver(self, *entries: Entry) -> Later | None:
        """Deliver a batch of those of the entries that are still there."""
        left = [each for each in entries if each in self.buffer.entries([each.window])]
        return await self.delivery.deliver(batch(*left))

    @property
    def sizes(self) -> list[int]:
        """How many entries each POST had."""
        return [len(asked.snapshots) for _, asked in self.sender.asked]

    @property
    def quarantined(self) -> list[Entry]:
        """What was put aside, in order."""
        return [each for entries, _ in self.rejected for each in entries]


@pytest.fixture
async def case(tmp_path: Path, sender: ScriptedSender) -> AsyncIterator[Case]:
    """Give a delivery on a buffer with ten entries."""
    buffer = Buffer(tmp_path / "buffer", Limits(48 * HOUR, 2**30, 0), "never", monotonic=sender.clock.monotonic)
    buffer.open()
    for each in MANY:
        await buffer.put(each, "node_exporter", BODY, now=NOW)
    yield Case(buffer, sender)
    await buffer.close()


def refusing(*bad: Entry, answer: Answer | None = None) -> Callable[[Batch], Answer]:
    """Return what refuses each batch that holds one of those entries."""

    def respond(batch: Batch) -> Answer:
        return (answer or Refused("422 no")) if set(bad) & set(batch.entries) else Accepted()

    return respond


async def test_an_accepted_batch_is_gone(case: Case) -> None:
    """Its files are removed and it is told once."""
    assert await case.deliver(*MANY) is None
    assert case.sent == case.passed == list(MANY)
    assert (case.buffer.count, case.buffer.books.delivered) == (0, 10)
    assert list(case.buffer.path.rglob("*.prom")) == []


async def test_a_batch_that_has_to_wait_stays(case: Case) -> None:
    """Nothing is removed or told, and the answer is handed back."""
    case.sender.answer = lambda _: Later("503", delay=7)
    assert await case.deliver(*MANY) == Later("503", delay=7)
    assert (case.buffer.count, case.sent, case.passed) == (10, [], [])


@pytest.mark.parametrize("bad", range(10))
async def test_one_bad_entry_is_found_and_all_others_arrive(case: Case, bad: int) -> None:
    """Wherever it stands, just that one is put aside, with the reason, in no more POSTs than halving takes."""
    case.sender.answer = refusing(MANY[bad])
    assert await case.deliver(*MANY) is None
    assert case.sent == [each for each in MANY if each != MANY[bad]]
    assert case.rejected == [((MANY[bad],), "422 no")]
    assert len(case.sizes) <= 9
    (reason,) = case.buffer.path.rglob("*.reason")
    assert reason.read_text() == "refused by scripted: 422 no\n"


async def test_entries_that_the_sender_names_are_put_aside_at_once(case: Case) -> None:
    """Where the answer says which are bad, the others are sent without them, and however many are bad, only then."""
    bad = MANY[2:8]
    case.sender.answer = refusing(*bad, answer=Refused("400 schema", bad))
    assert await case.deliver(*MANY) is None
    assert case.sizes == [10, 4]
    assert case.rejected == [(bad, "400 schema")]


async def test_named_entries_stay_while_the_others_cannot_be_sent(case: Case) -> None:
    """As long as nothing shows that the destination takes others, what it says of some puts none aside."""
    answers = [Refused("400", MANY[:1]), Later("503")]
    case.sender.answer = lambda _: answers.pop(0)
    assert await case.deliver(*MANY) == Later("503")
    assert (case.rejected, case.buffer.count) == ([], 10)


async def test_entries_that_are_not_in_the_batch_are_nothing_to_go_by(case: Case) -> None:
    """A sender that names strangers, or everything, has named nothing: the batch is halved."""
    case.sender.answer = refusing(MANY[0], answer=Refused("400", (entry(99), entry(98, "other"))))
    assert await case.deliver(*MANY) is None
    assert case.quarantined == [MANY[0]]
    assert case.sizes[1:3] == [5, 2]


async def test_what_follows_a_part_that_has_to_wait_is_not_sent(case: Case) -> None:
    """Once one half has to wait, the other is not sent behind it, though the batch was refused as a whole."""
    answers: list[Answer] = [Refused("400"), Later("503")]
    case.sender.answer = lambda _: answers.pop(0)
    assert await case.deliver(*MANY) == Later("503")
    assert case.sizes == [10, 5]


async def test_a_batch_that_is_too_large_is_cut_by_bytes(case: Case) -> None:
    """Halves are of about the same bytes, not entries; who makes batches is told that they are too large."""
    sizes = [1000, 10, 10, 10, 10, 10]
    snapshots = tuple(
        Snapshot(each, "node", ({},), b"x" * size, "") for each, size in zip(MANY[:6], sizes, strict=True)
    )
    case.sender.answer = lambda batch: (
        Accepted()
        if sum(len(each.json) for each in batch.snapshots) <= 1000
        else Refused("413 too large", fault="size")
    )
    assert await case.delivery.deliver(Batch("web-1", snapshots)) is None
    assert case.sizes == [6, 1, 5]
    assert case.too_large == [6]
    assert case.rejected == []


async def test_an_entry_that_is_too_large_by_itself_is_put_aside(case: Case) -> None:
    """What no cut makes small enough is put aside, and all others arrive."""
    case.sender.answer = refusing(MANY[4], answer=Refused("413 too large", fault="size"))
    assert await case.deliver(*MANY) is None
    assert case.quarantined == [MANY[4]]
    assert len(case.sent) == 9


async def test_a_destination_that_refuses_everything_costs_a_handful(case: Case) -> None:
    """However often it is tried, four entries are put aside and no more; then one POST asks each time."""
    case.sender.answer = lambda _: Refused("400 wrong tenant")
    first = await case.deliver(*MANY)
    assert first == Later(
        "400 wrong tenant; so many in a row are refused that none is quarantined any more", None, "slow"
    )
    before = len(case.sizes)
    for place in range(20):
        case.place = place
        assert await case.deliver(*MANY) == first
    assert case.sizes[before:] == [1] * 20
    assert case.quarantined == list(MANY[:4])
    assert case.buffer.books.quarantined == 4


async def test_everything_is_delivered_once_it_is_put_right(case: Case) -> None:
    """The entry that asks is delivered, then the rest of its batch in one, and bad ones are found as before."""
    case.sender.answer = lambda _: Refused("400 wrong tenant")
    await case.deliver(*MANY)
    before = len(case.sizes)
    case.sender.answer = refusing(MANY[9])
    case.place = 2
    assert await case.deliver(*MANY) is None
    assert case.sizes[before : before + 2] == [1, 5]
    assert case.quarantined == [*MANY[:4], MANY[9]]
    assert len(case.sent) == 5


async def test_it_asks_with_another_entry_each_time(case: Case) -> None:
    """Where the entry that asks is itself bad, another one is accepted sooner or later, and ends the standstill."""
    case.sender.answer = lambda _: Refused("400 wrong tenant")
    await case.deliver(*MANY)
    case.sender.answer = refusing(MANY[4])
    case.place = 0
    assert isinstance(await case.deliver(*MANY), Later)
    case.place = 1
    assert await case.deliver(*MANY) is None
    assert case.quarantined == [*MANY[:4], MANY[4]]


async def test_what_is_evicted_while_it_is_sent_is_counted_once(case: Case) -> None:
    """An entry that goes while its batch is under way is evicted, not delivered or quarantined as well."""

    async def send(batch: Batch) -> Answer:
        case.sender.clock.time = NOW + 48 * HOUR + 5
        await case.buffer.evict_old(case.sender.clock.now())
        return Accepted()

    case.sender.send = send  # type: ignore[method-assign]  # a script that waits
    assert await case.deliver(*MANY) is None
    books = case.buffer.books
    assert (books.evicted, books.delivered) == (5, 5)
    assert books.stored == 10
