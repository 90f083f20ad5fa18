"""What the buffer holds, and its books, which balance after every step."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from nodepulse_core.buffer.listing import Listing
from nodepulse_core.buffer.stock import Stock
from nodepulse_core.model import Entry, Window
from support.entries import NOW

entries = st.builds(
    Entry,
    st.builds(Window, st.integers(NOW, NOW + 5), st.just("web-1")),
    st.sampled_from(["a", "b", "c"]),
    st.integers(1, 100),
)


class StockMachine(RuleBasedStateMachine):
    """A stock, and the entries that have to be in it, in two plain dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.stock = Stock()
        self.waiting: dict[Entry, int] = {}
        self.aside: dict[Entry, int] = {}

    @initialize(found=st.sets(entries), aside=st.sets(entries))
    def find(self, found: set[Entry], aside: set[Entry]) -> None:
        """Begin with what lies on disk, an entry perhaps in both places."""
        self.stock.find(Listing(tuple(found), tuple(aside), ()))
        self.waiting = {each: each.size for each in found}
        self.aside = {each: each.size for each in aside}

    @rule(each=entries)
    def store(self, each: Entry) -> None:
        """Store what is nowhere yet, as the buffer does."""
        if each not in self.stock:
            self.stock.store(each)
            self.waiting[each] = each.size

    @rule(batch=st.sets(entries))
    def deliver(self, batch: set[Entry]) -> None:
        """Deliver any batch; only what waits goes."""
        assert set(self.stock.deliver(batch)) == batch & self.waiting.keys()
        for each in batch:
            self.waiting.pop(each, None)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def put_aside(self, data: st.DataObject) -> None:
        """Quarantine an entry that waits and is not in quarantine under the same name."""
        each = data.draw(st.sampled_from(sorted(self.waiting)))
        if each not in self.aside:
            assert self.stock.put_aside(Entry(each.window, each.target))
            self.aside[each] = self.waiting.pop(each)

    @rule(each=entries)
    def leave(self, each: Entry) -> None:
        """Forget an entry, wherever it is."""
        there = self.aside.pop(each, None) or self.waiting.pop(each, None)
        assert self.stock.leave(each) == (there is not None)

    @rule(limit=st.integers(0, 500))
    def evict(self, limit: int) -> None:
        """Evict until the bytes are no more than a limit: quarantined ones first, then the oldest."""
        before = (dict(self.aside), dict(self.waiting))
        evicted = self.stock.evict(lambda _: self.stock.size > limit)
        assert set(evicted.quarantined) <= before[0].keys()
        assert set(evicted.waiting) <= before[1].keys()
        assert not evicted.waiting or len(evicted.quarantined) == len(before[0])
        for each in evicted.quarantined:
            del self.aside[each]
        for each in evicted.waiting:
            del self.waiting[each]
        newest = max(evicted.waiting, default=None)
        assert newest is None or all(each.window >= newest.window for each in self.waiting)
        assert self.stock.size <= limit

    @invariant()
    def balance(self) -> None:
        """Account for every entry there ever was."""
        books = self.stock.books
        assert books.quarantined == len(self.aside) == self.stock.quarantined.count
        assert self.stock.waiting.count == len(self.waiting)
        assert self.stock.size == sum(self.waiting.values()) + sum(self.aside.values())
        gone = books.delivered + books.quarantined + books.evicted + books.left
        assert books.found + books.stored == gone + len(self.waiting)


TestStockMachine = StockMachine.TestCase
