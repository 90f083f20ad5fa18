"""Which windows are open, and which are complete, and that each is told once."""

from __future__ import annotations

from nodepulse_core.buffer.windows import OpenWindows
from nodepulse_core.model import Window
from support.entries import NOW


def window(second: int) -> Window:
    """Return the window of a second from now."""
    return Window(NOW + second, "web-1")


async def test_a_window_is_open_until_its_last_scrape_has_ended() -> None:
    """Two targets that share a slot share its window; it is complete with the second of them, and told once."""
    windows = OpenWindows()
    windows.open(window(0), "a")
    windows.open(window(0), "b")
    windows.close(window(0), "a")
    assert window(0) in windows
    assert windows.take_completed() == []
    assert not windows.changed.is_set()
    windows.close(window(0), "b")
    assert window(0) not in windows
    assert windows.changed.is_set()
    assert windows.take_completed() == [window(0)]
    assert windows.take_completed() == []
    assert not windows.changed.is_set()


async def test_completed_windows_come_oldest_first() -> None:
    """In whatever order they are completed, they are told by their slots."""
    windows = OpenWindows()
    for second in (2, 0, 1):
        windows.open(window(second), "a")
        windows.close(window(second), "a")
    assert windows.take_completed() == [window(0), window(1), window(2)]


async def test_what_was_not_announced_is_not_completed() -> None:
    """A close without an open, or a second one, changes nothing."""
    windows = OpenWindows()
    windows.close(window(0), "a")
    windows.open(window(1), "a")
    windows.close(window(1), "b")
    assert window(1) in windows
    assert windows.take_completed() == []


async def test_what_nobody_takes_is_bounded() -> None:
    """Where nobody asks for completed windows only the newest are kept; the others are backlog by then."""
    windows = OpenWindows()
    for second in range(3000):
        windows.open(window(second), "a")
        windows.close(window(second), "a")
    assert windows.take_completed() == [window(second) for second in range(3000 - 1024, 3000)]
