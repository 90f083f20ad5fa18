"""The buffer: durable, balanced, bounded, and careful with what it did not write."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.buffer import Buffer, Limits, Store, lock_holder
from nodepulse_core.buffer.entry_file import encode, name_file
from nodepulse_core.buffer.threads import DiskThreads
from nodepulse_core.errors import EntryError, StorageError
from nodepulse_core.model import Entry, Window
from nodepulse_core.testing.clock import FakeClock
from support.entries import BODY, HOUR, NOW, balance, entry, limits


@pytest.fixture
async def open_buffer(tmp_path: Path) -> AsyncIterator[Callable[..., Buffer]]:
    """Give what opens the same buffer, with any limits; the last one is closed."""
    opened: list[Buffer] = []

    def make(bounds: Limits | None = None, **options: Any) -> Buffer:
        buffer = Buffer(tmp_path / "buffer", bounds or limits(), **options)
        buffer.open()
        opened.append(buffer)
        return buffer

    yield make
    for buffer in opened:
        with contextlib.suppress(RuntimeError):  # the test has closed it
            await buffer.close()


async def test_an_entry_is_on_disk_when_it_is_stored(open_buffer: Callable[..., Buffer]) -> None:
    """A stored entry is a file of its own, readable by its owner only, with a comment that says what it is."""
    buffer = open_buffer()
    assert await buffer.put(entry(), "node_exporter", BODY, now=NOW)
    (path,) = (buffer.path / "node").iterdir()
    assert path.name == "20270115-080000-web-1.prom"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    first, rest = path.read_bytes().split(b"\n", 1)
    assert first.startswith(b"# nodepulse entry 1 type=node_exporter target=node slot=1800000000 ")
    assert rest == BODY
    assert buffer.read(entry()).text == BODY.decode()


async def test_a_slot_is_taken_once(open_buffer: Callable[..., Buffer]) -> None:
    """A second scrape in a slot that is stored is not taken, also where both come at once."""
    buffer = open_buffer()
    taken = await asyncio.gather(*(buffer.put(entry(), "node_exporter", BODY, now=NOW) for _ in range(5)))
    assert sorted(taken) == [False, False, False, False, True]
    assert buffer.count == 1


async def test_an_entry_that_is_gone_is_not_counted_as_left(open_buffer: Callable[..., Buffer]) -> None:
    """Leaving an entry that was evicted meanwhile changes nothing: it is in the books once."""
    clock = FakeClock(NOW)
    buffer = open_buffer(limits(retention=HOUR), monotonic=clock.monotonic)
    await buffer.put(entry(), "node_exporter", BODY, now=NOW)
    clock.time += 2 * HOUR
    await buffer.evict_old(clock.now())
    buffer.leave(entry(), "it is of no target")
    assert (buffer.books.evicted, buffer.books.left) == (1, 0)
    assert balance(buffer)


async def test_what_waits_is_found_after_a_restart(open_buffer: Callable[..., Buffer]) -> None:
    """Entries that wait are there again, oldest first, over all targets; what was delivered is not."""
    buffer = open_buffer()
    for slot in (NOW + 2, NOW, NOW + 1):
        for target in ("b", "a"):
            await buffer.put(entry(slot, target), "node_exporter", BODY, now=NOW)
    await buffer.ack([entry(NOW + 1, "a")])
    await buffer.close()
    again = open_buffer()
    windows = again.first(10, lambda _: True)
    assert [(each.slot - NOW, each.target) for each in again.entries(windows)] == [
        (0, "a"),
        (0, "b"),
        (1, "b"),
        (2, "a"),
        (2, "b"),
    ]
    assert again.books.found == 5


async def test_batches_are_whole_windows(open_buffer: Callable[..., Buffer]) -> None:
    """As many whole windows as fit are taken; a larger one comes alone; another server's is never among them."""
    buffer = open_buffer()
    for slot, targets in ((NOW, 2), (NOW + 1, 1), (NOW + 2, 5)):
        for index in range(targets):
            await buffer.put(entry(slot, f"t{index}"), "node_exporter", BODY, now=NOW)
    await buffer.put(entry(NOW + 3, "t0", "web-2"), "node_exporter", BODY, now=NOW)
    assert [window.slot - NOW for window in buffer.first(3, lambda _: True)] == [0, 1]
    assert [window.slot - NOW for window in buffer.first(2, lambda window: window.slot > NOW + 1)] == [2]
    assert [window.slot - NOW for window in buffer.first(100, lambda window: window.slot > NOW)] == [1, 2]


async def test_an_open_window_is_not_taken(open_buffer: Callable[..., Buffer]) -> None:
    """A window waits until each of its targets has ended; then it is told as completed, once."""
    buffer = open_buffer()
    window = Window(NOW, "web-1")
    buffer.windows.open(window, "a")
    buffer.windows.open(window, "b")
    await buffer.put(entry(NOW, "a"), "node_exporter", BODY, now=NOW)
    buffer.windows.close(window, "a")
    assert buffer.first(10, lambda _: True) == []
    buffer.windows.close(window, "b")
    assert buffer.first(10, lambda _: True) == [window]
    assert buffer.windows.take_completed() == [window]
    assert buffer.windows.take_completed() == []


async def test_a_second_agent_is_refused(open_buffer: Callable[..., Buffer]) -> None:
    """A buffer that is in use is refused to another, with the process that has it; afterwards it is free."""
    buffer = open_buffer()
    with pytest.raises(StorageError, match=f"in use by process {os.getpid()}"):
        Buffer(buffer.path, limits()).open()
    assert lock_holder(buffer.path) == os.getpid()
    await buffer.close()
    assert lock_holder(buffer.path) is None


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:-5], "bytes where"),
        (lambda content: content.replace(b"up 1", b"up 2"), "checksum"),
        (lambda content: content.replace(b"type=node", b"type=mode"), "checksum"),
        (lambda _: b"", "empty"),
        (lambda content: content[:30], "torn"),
        (lambda content: content + b"more 1\n", "bytes where"),
        (lambda _: b"\xff\xfe\n", "UTF-8"),
    ],
)
async def test_damage_is_found(damage: Callable[[bytes], bytes], said: str, open_buffer: Callable[..., Buffer]) -> None:
    """A torn, altered or empty file is told as such; quarantined, it is kept with the reason."""
    buffer = open_buffer()
    await buffer.put(entry(), "node_exporter", BODY, now=NOW)
    path = buffer.path / "node" / name_file(entry().window)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(EntryError, match=said) as caught:
        buffer.read(entry())
    await buffer.quarantine(entry(), str(caught.value))
    aside = buffer.path / ".quarantine" / "node" / path.name
    assert aside.exists()
    assert not path.exists()
    assert said in Store(buffer.path).reason(entry())
    assert balance(buffer)


async def test_a_file_placed_by_hand_is_accepted(open_buffer: Callable[..., Buffer]) -> None:
    """A file without the agent's comment is an entry as any other; only its type is not known."""
    path = open_buffer().path / "old" / "20270115-080000-web-1.prom"
    path.parent.mkdir()
    path.write_bytes(BODY)
    listing = Store(path.parent.parent).scan()
    assert listing.entries == (entry(target="old"),)
    stored = Store(path.parent.parent).read(entry(target="old"))
    assert (stored.type, stored.text) == (None, BODY.decode())


async def test_what_is_foreign_is_left_alone(
    open_buffer: Callable[..., Buffer], caplog: pytest.LogCaptureFixture
) -> None:
    """Foreign files, wrong names and symbolic links are said and left; what an interrupted write left is removed."""
    buffer = open_buffer()
    await buffer.close()
    home = buffer.path / "node"
    home.mkdir()
    secret = buffer.path.parent / "secret"
    secret.write_text("not ours")
    foreign = [
        buffer.path / "Not A Target",
        home / "notes.txt",
        home / "20270230-080000-web-1.prom",
        buffer.path / "file",
    ]
    for path in foreign:
        path.write_text("foreign")
    links = [home / "20270115-080000-link.prom", buffer.path / "linked"]
    for link in links:
        link.symlink_to(secret)
    (home / ".writing-20270115-080000-web-1.prom").write_bytes(b"half")
    again = open_buffer()
    assert again.count == 0
    assert all(path.exists() for path in [*foreign, *links, secret])
    assert not (home / ".writing-20270115-080000-web-1.prom").exists()
    assert "left alone in the buffer" in caplog.text


async def test_a_link_in_place_of_an_entry_is_not_followed(open_buffer: Callable[..., Buffer]) -> None:
    """An entry's file that became a symbolic link is not read."""
    buffer = open_buffer()
    await buffer.put(entry(), "node_exporter", BODY, now=NOW)
    path = buffer.path / "node" / name_file(entry().window)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(EntryError, match="cannot be read"):
        buffer.read(entry())


async def test_what_is_too_old_is_evicted(open_buffer: Callable[..., Buffer]) -> None:
    """Entries beyond the retention go, oldest first, and are counted."""
    clock = FakeClock(NOW)
    buffer = open_buffer(limits(retention=HOUR), monotonic=clock.monotonic)
    for slot in (NOW, NOW + 10, NOW + HOUR):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    clock.time += HOUR + 5
    await buffer.evict_old(clock.now())
    assert [window.slot for window in buffer.first(10, lambda _: True)] == [NOW + 10, NOW + HOUR]
    assert buffer.books.evicted == 1
    assert balance(buffer)


async def test_the_buffer_never_grows_beyond_its_bytes(open_buffer: Callable[..., Buffer]) -> None:
    """Where a new entry finds no room the oldest go; quarantined ones go first; one too large is not stored."""
    size = len(encode(entry(), "node_exporter", BODY))
    buffer = open_buffer(limits(max_bytes=3 * size))
    for slot in range(NOW, NOW + 3):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    await buffer.quarantine(entry(NOW + 2), "for the test")
    for slot in (NOW + 3, NOW + 4):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    assert buffer.size <= 3 * size
    assert [window.slot - NOW for window in buffer.first(10, lambda _: True)] == [1, 3, 4]
    assert (buffer.books.evicted, buffer.books.quarantined) == (2, 0)
    with pytest.raises(StorageError, match="is larger than"):
        await buffer.put(entry(NOW + 9), "node_exporter", BODY * 100, now=NOW)
    assert buffer.books.refused == 1
    assert balance(buffer)


async def test_scrapes_that_come_together_share_the_room(open_buffer: Callable[..., Buffer]) -> None:
    """Where a full buffer stores several entries at the same time, it holds no more bytes than one at a time."""
    size = len(encode(entry(), "node_exporter", BODY))
    buffer = open_buffer(limits(max_bytes=6 * size))
    for slot in range(NOW, NOW + 6):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    together = [entry(NOW + 10, target) for target in ("node", "disk", "load")]
    await asyncio.gather(*(buffer.put(each, "node_exporter", BODY, now=NOW) for each in together))
    assert buffer.size <= 6 * size
    assert buffer.books.evicted == 3
    assert balance(buffer)


async def test_a_disk_that_is_nearly_full_stops_the_growth(open_buffer: Callable[..., Buffer]) -> None:
    """Below min_free_bytes a new entry takes an old one's place; where there is none it is refused and counted."""
    first = open_buffer()
    await first.put(entry(NOW), "node_exporter", BODY, now=NOW)
    await first.close()
    buffer = open_buffer(limits(min_free=2**60))
    await buffer.put(entry(NOW + 1), "node_exporter", BODY, now=NOW)
    assert [window.slot - NOW for window in buffer.first(10, lambda _: True)] == [1]
    await buffer.ack([entry(NOW + 1)])
    with pytest.raises(StorageError, match="min_free_bytes"):
        await buffer.put(entry(NOW + 2), "node_exporter", BODY, now=NOW)
    assert buffer.books.refused == 1
    assert balance(buffer)


async def test_a_failing_disk_loses_only_what_it_refuses(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails, at whatever call, leaves nothing behind; a short write is gone on with."""
    buffer = open_buffer()
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real_write(file, bytes(data)[:7]))
    await buffer.put(entry(NOW), "node_exporter", BODY, now=NOW)
    assert buffer.read(entry(NOW)).text == BODY.decode()
    for call in ("write", "fsync", "rename"):

        def fail(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(os, call, fail)
            with pytest.raises(StorageError, match="Input/output error"):
                await buffer.put(entry(NOW + 1), "node_exporter", BODY, now=NOW)
        assert len(list((buffer.path / "node").iterdir())) == 1
    assert buffer.books.refused == 3
    assert await buffer.put(entry(NOW + 1), "node_exporter", BODY, now=NOW)
    assert balance(buffer)


async def test_a_full_disk_gives_the_oldest_place_to_the_newest(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a quota or the inodes are at an end an entry takes an old one's place, as where the bytes are."""
    buffer = open_buffer()
    for slot in (NOW, NOW + 1):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    real = Store.write

    def full(store: Store, each: Entry, content: bytes, *, keep_free: int = 0) -> bool:
        if len(list((store.path / "node").iterdir())) >= 2:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return real(store, each, content, keep_free=keep_free)

    monkeypatch.setattr(Store, "write", full)
    assert await buffer.put(entry(NOW + 2), "node_exporter", BODY, now=NOW)
    assert [window.slot - NOW for window in buffer.first(10, lambda _: True)] == [1, 2]
    assert (buffer.books.evicted, buffer.books.refused) == (1, 0)
    assert balance(buffer)


async def test_the_backlog_is_not_given_to_who_fills_the_disk(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process takes the room that evicting makes, one entry is lost to it, not one with each scrape."""
    buffer = open_buffer()
    for slot in range(NOW, NOW + 5):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)

    def full(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "write", full)
        for slot in range(NOW + 5, NOW + 15):
            with pytest.raises(StorageError, match="No space left on device; this scrape is lost"):
                await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    assert (buffer.count, buffer.books.evicted, buffer.books.refused) == (4, 1, 10)
    assert await buffer.put(entry(NOW + 15), "node_exporter", BODY, now=NOW)
    assert balance(buffer)


async def test_a_disk_that_hangs_holds_up_nothing_else(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scrape is said to wait, the next ones are refused at once, and when the disk is back the first is stored."""
    buffer = open_buffer(patience=0.05)
    back = threading.Event()
    real = Store.write
    with monkeypatch.context() as broken:
        broken.setattr(Store, "write", lambda *args, **options: back.wait(20) and real(*args, **options))
        with pytest.raises(StorageError, match="no answer from the disk in 50ms"):
            await buffer.put(entry(NOW), "node_exporter", BODY, now=NOW)
        for slot in range(NOW + 1, NOW + 100):
            with pytest.raises(StorageError, match="does not answer"):
                await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
        assert not await buffer.put(entry(NOW), "node_exporter", BODY, now=NOW)
        back.set()
        await asyncio.wait_for(buffer.settle(), 20)
    assert await buffer.put(entry(NOW + 100), "node_exporter", BODY, now=NOW)
    assert (buffer.books.stored, buffer.books.refused) == (2, 99)
    assert balance(buffer)


async def test_the_end_does_not_wait_for_a_disk_that_hangs(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Close returns and says what it gave up; the lock is kept, since a thread may write yet."""
    buffer = open_buffer(patience=0.01)
    back = threading.Event()
    monkeypatch.setattr(Store, "write", lambda *_, **__: back.wait(20))
    with pytest.raises(StorageError):
        await buffer.put(entry(), "node_exporter", BODY, now=NOW)
    await asyncio.wait_for(buffer.close(), 10)
    assert "does not answer; what it is writing may not be stored" in caplog.text
    assert lock_holder(buffer.path) == os.getpid()
    back.set()


async def test_a_put_is_one_call_in_a_thread(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry costs one change of threads, also where the buffer is full and an old one goes for it."""
    size = len(encode(entry(), "node_exporter", BODY))
    buffer = open_buffer(limits(max_bytes=2 * size))
    calls: list[object] = []
    real = DiskThreads.run

    async def count(threads: DiskThreads, call: Callable[[], object]) -> object:
        calls.append(call)
        return await real(threads, call)

    monkeypatch.setattr(DiskThreads, "run", count)
    for slot in range(NOW, NOW + 5):
        await buffer.put(entry(slot), "node_exporter", BODY, now=NOW)
    assert buffer.books.evicted == 3
    assert len(calls) == 5


async def test_what_is_evicted_while_it_is_sent_is_in_the_books_once(open_buffer: Callable[..., Buffer]) -> None:
    """An entry that goes while the drain holds it is neither delivered nor quarantined nor left as well."""
    size = len(encode(entry(), "node_exporter", BODY))
    buffer = open_buffer(limits(max_bytes=size))
    await buffer.put(entry(NOW), "node_exporter", BODY, now=NOW)
    held = buffer.entries(buffer.first(1, lambda _: True))
    await buffer.put(entry(NOW + 1), "node_exporter", BODY, now=NOW)
    await buffer.ack(held)
    await buffer.quarantine(held[0], "too late")
    buffer.leave(held[0], "too late")
    assert (buffer.books.evicted, buffer.books.delivered, buffer.count) == (1, 0, 1)
    assert balance(buffer)


async def test_files_that_cannot_be_removed_are_told(
    open_buffer: Callable[..., Buffer], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the disk became read-only what was delivered is delivered; the next start meets the files again."""
    buffer = open_buffer()
    await buffer.put(entry(), "node_exporter", BODY, now=NOW)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "remove", refuse)
        await buffer.ack([entry()])
    assert buffer.books.delivered == 1
    assert "1 files stay" in caplog.text
    await buffer.close()
    assert open_buffer().count == 1


async def test_a_clock_that_leaps_evicts_nothing(open_buffer: Callable[..., Buffer]) -> None:
    """With the clock a year ahead, and set right again, everything that waits still waits."""
    clock = FakeClock(NOW)
    buffer = open_buffer(limits(retention=HOUR), monotonic=clock.monotonic)
    await buffer.put(entry(NOW), "node_exporter", BODY, now=NOW)
    ahead = NOW + 365 * 24 * HOUR
    clock.time += 15
    await buffer.put(entry(ahead), "node_exporter", BODY, now=ahead)
    clock.time += 15
    await buffer.put(entry(NOW + 30), "node_exporter", BODY, now=NOW + 30)
    await buffer.evict_old(NOW + 30)
    assert (buffer.count, buffer.books.evicted) == (3, 0)


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_writer_leaves_whole_entries_only(seed: int, tmp_path: Path) -> None:
    """SIGKILL at any moment of writing leaves each entry that was reported stored, whole, and no other that is not."""
    store = Store(tmp_path)
    store.create()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for index in range(10_000):
                each = entry(NOW + index)
                store.write(each, encode(each, "node_exporter", BODY * 200))
                os.write(writer, b".")
        finally:
            os._exit(0)
    os.close(writer)
    reported = 0
    while reported < 5 + 7 * seed:
        reported += len(os.read(reader, 1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    reported += len(os.read(reader, 1_000_000))
    os.close(reader)
    listing = store.scan(sweep=True)
    assert reported <= len(listing.entries) <= reported + 1
    for each in listing.entries:
        assert store.read(each).text == (BODY * 200).decode()
    assert listing.foreign == ()
