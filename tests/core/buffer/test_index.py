"""The index: windows in order, against a plain model."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from nodepulse_core.buffer.index import Index
from nodepulse_core.model import Entry, Window
from support.entries import NOW, entry

windows = st.builds(Window, st.integers(NOW, NOW + 8), st.sampled_from(["a", "b"]))
entries = st.builds(Entry, windows, st.sampled_from(["x", "y", "z"]), st.integers(0, 1000))


def plain_first(held: set[Entry], most: int, accept: set[Window]) -> list[Window]:
    """Return what Index.first has to, from all entries, without any cleverness."""
    taken: list[Window] = []
    room = most
    for window in sorted({each.window for each in held} & accept):
        count = sum(each.window == window for each in held)
        if taken and (count > room or window.server_id != taken[0].server_id):
            break
        taken.append(window)
        room -= count
        if room <= 0:
            break
    return taken


class IndexMachine(RuleBasedStateMachine):
    """An index and a set of entries, which have to agree after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.index = Index()
        self.held: dict[Entry, int] = {}

    @rule(each=entries)
    def add(self, each: Entry) -> None:
        """Add an entry that is not there."""
        if each not in self.held:
            self.index.add(each)
            self.held[each] = each.size

    @rule(each=entries)
    def remove(self, each: Entry) -> None:
        """Remove any entry, and be told whether it was there."""
        assert self.index.remove(each) == (self.held.pop(each, None) is not None)

    @rule(each=entries)
    def look(self, each: Entry) -> None:
        """Find an entry with its size, or not at all."""
        assert (each in self.index) == (each in self.held)
        assert self.index.size_of(each) == self.held.get(each)

    @rule(most=st.integers(1, 12), accepted=st.sets(windows))
    def first(self, most: int, accepted: set[Window]) -> None:
        """Take the oldest accepted windows, as the plain model does."""
        assert self.index.first(most, accepted.__contains__) == plain_first(set(self.held), most, accepted)

    @rule(window=windows)
    def window(self, window: Window) -> None:
        """Get a window's entries by name, with their sizes."""
        found = self.index.entries(window)
        assert list(found) == sorted(each for each in self.held if each.window == window)
        assert [each.size for each in found] == [self.held[each] for each in found]

    @invariant()
    def totals(self) -> None:
        """Agree on count, size and the oldest window."""
        assert (self.index.count, self.index.size) == (len(self.held), sum(self.held.values()))
        assert self.index.oldest() == min((each.window for each in self.held), default=None)


TestIndexMachine = IndexMachine.TestCase


def test_what_is_gone_costs_no_memory_for_ever() -> None:
    """Where newer windows come and go behind one that stays, the order does not grow with them."""
    index = Index()
    index.add(entry(NOW))
    for slot in range(NOW + 1, NOW + 5000):
        index.add(entry(slot))
        index.remove(entry(slot))
    assert index.oldest() == Window(NOW, "web-1")
    assert len(index._order) < 100


def test_targets_share_their_name() -> None:
    """A target's name is kept once, however its entries came by theirs."""
    index = Index()
    for slot in range(NOW, NOW + 2):
        index.add(entry(slot, "".join(["no", "de", str(1)])))
    first, second = (index.entries(Window(slot, "web-1"))[0].target for slot in (NOW, NOW + 1))
    assert first is second
