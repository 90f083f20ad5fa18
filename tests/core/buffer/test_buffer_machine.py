"""The buffer against a plain model: whatever happens to it, every entry is somewhere, once, and on disk."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from nodepulse_core.buffer import Buffer, Limits, Store
from nodepulse_core.buffer.entry_file import encode, name_file
from nodepulse_core.errors import StorageError
from nodepulse_core.model import Entry
from nodepulse_core.testing.clock import FakeClock
from support.entries import BODY, NOW, balance, entry

SIZE = len(encode(entry(), "node_exporter", BODY))
names = st.sampled_from(["node", "disk", "load"])  # names of one length, so all entries have one size


class BufferMachine(RuleBasedStateMachine):
    """A buffer with room for eight entries and twenty seconds, and what the model says is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="nodepulse-buffer-"))
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock(NOW)
        self.waiting: set[Entry] = set()
        self.aside: set[Entry] = set()
        self.left: set[Entry] = set()
        self.buffer = self.open()

    def open(self) -> Buffer:
        """Open the buffer, as the start of an agent does."""
        buffer = Buffer(self.home, Limits(20.0, 8 * SIZE, 0), "never", monotonic=self.clock.monotonic)
        buffer.open()
        return buffer

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run to its end what the event loop would."""
        return self.loop.run_until_complete(work)

    def see_evictions(self, stored: Entry | None = None) -> None:
        """Take over what the buffer evicted, having checked that it was the oldest before the last one was stored."""
        held = set(self.buffer.entries(sorted({each.window for each in self.waiting})))
        gone = self.waiting - held
        newest = max((each.window for each in gone), default=None)
        assert newest is None or all(each.window >= newest for each in held - {stored})
        self.waiting = held
        self.aside = {each for each in self.aside if each in self.buffer}

    @rule(name=names, back=st.integers(0, 3))
    def put(self, name: str, back: int) -> None:
        """Store a scrape of a slot of late; one that is there already is not taken."""
        each = entry(int(self.clock.time) - back, name)
        known = each in self.waiting | self.aside | self.left
        stored = self.run(self.buffer.put(each, "node_exporter", BODY, now=self.clock.now()))
        assert stored == (not known)
        if stored:
            self.waiting.add(each)
        self.see_evictions(each)

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds: int) -> None:
        """Let time go by, and have the buffer look for what is too old."""
        self.clock.time += seconds
        self.run(self.buffer.evict_old(self.clock.now()))
        assert all(each.slot >= self.clock.time - 20 for each in self.waiting if each in self.buffer)
        self.see_evictions()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        """Deliver some of what waits."""
        batch = data.draw(st.sets(st.sampled_from(sorted(self.waiting)), min_size=1))
        self.run(self.buffer.ack(batch))
        self.waiting -= batch

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def quarantine(self, data: st.DataObject) -> None:
        """Put one aside."""
        each = data.draw(st.sampled_from(sorted(self.waiting)))
        self.run(self.buffer.quarantine(each, "by chance"))
        self.waiting.remove(each)
        self.aside.add(each)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Leave one where it is."""
        each = data.draw(st.sampled_from(sorted(self.waiting)))
        self.buffer.leave(each, "by chance")
        self.waiting.remove(each)
        self.left.add(each)

    @rule(name=names)
    def write_in_vain(self, name: str) -> None:
        """Store a scrape in whose place something else lies: it is refused, and nothing else happens."""
        each = entry(int(self.clock.time) + 1000, name)
        thing = self.home / name / name_file(each.window)
        thing.mkdir(parents=True, exist_ok=True)
        refused = self.buffer.books.refused
        try:
            self.run(self.buffer.put(each, "node_exporter", BODY, now=self.clock.now()))
        except StorageError:
            assert self.buffer.books.refused == refused + 1
        else:
            raise AssertionError("a directory was taken for an entry")
        thing.rmdir()
        self.see_evictions()

    @rule(kindly=st.booleans(), half=st.booleans())
    def restart(self, kindly: bool, half: bool) -> None:
        """End the agent, kindly or by force, perhaps in the middle of a write, and start it again."""
        if kindly:
            self.run(self.buffer.close())
        else:
            self.buffer._lock.release()  # as the kernel does for a killed process
            self.buffer._threads.stop()
        if half:
            (self.home / "node").mkdir(exist_ok=True)
            (self.home / "node" / f".writing-{name_file(entry().window)}").write_bytes(b"half")
        self.buffer = self.open()
        self.waiting |= self.left
        self.left.clear()

    @invariant()
    def every_entry_is_accounted_for(self) -> None:
        """Balance the books, and compare model, memory and disk."""
        assert balance(self.buffer)
        assert (self.buffer.count, self.buffer.books.quarantined) == (len(self.waiting), len(self.aside))
        listing = Store(self.home).scan()
        assert set(listing.entries) == self.waiting | self.left
        assert set(listing.quarantined) == self.aside
        assert self.buffer.size == SIZE * (len(self.waiting) + len(self.aside))

    def teardown(self) -> None:
        """Give everything back."""
        self.run(self.buffer.close())
        self.loop.close()
        shutil.rmtree(self.home)


TestBufferMachine = BufferMachine.TestCase
TestBufferMachine.settings = settings(max_examples=15, stateful_step_count=30)
