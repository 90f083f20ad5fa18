"""A process that fills a buffer as an agent does, says what it has stored, and is ended by force."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from nodepulse_core.buffer import Buffer, Store
from nodepulse_core.buffer.store import Fsync
from nodepulse_core.errors import EntryError, StorageError
from nodepulse_core.model import Entry
from support.entries import BODY, NOW, entry, limits

TARGETS = ("node", "disk", "load")


async def fill(path: Path, fsync: Fsync, first: int, say: Callable[[str], None], most: int | None = None) -> None:
    """Store three scrapes a slot and deliver some of them; say `+` after a scrape is stored, `-` before it goes."""
    buffer = Buffer(path, limits(), fsync)
    await asyncio.to_thread(buffer.open)
    draw = random.Random(first)
    for slot in itertools.count(first) if most is None else range(first, first + most):
        await asyncio.gather(*(_store(buffer, entry(slot, target), say) for target in TARGETS))
        waiting = buffer.entries(buffer.first(9, lambda _: True))
        if len(waiting) > len(TARGETS) and draw.random() < 0.3:
            gone = waiting[: draw.randint(1, 3)]
            for each in gone:
                say(f"- {each.target} {each.slot}\n")
            await buffer.ack(gone)
    await buffer.close()


async def _store(buffer: Buffer, each: Entry, say: Callable[[str], None]) -> None:
    try:
        if await buffer.put(each, "node_exporter", BODY * (1 + each.slot % 400), now=NOW):
            say(f"+ {each.target} {each.slot}\n")
    except StorageError as error:
        say(f"! {each.target} {each.slot} {error}\n")


class Writer:
    """A forked process that fills a buffer."""

    def __init__(self, path: Path, fsync: Fsync, first: int) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            with contextlib.suppress(BaseException):
                os.close(self._reader)
                asyncio.run(fill(path, fsync, first, lambda line: _say(writer, line)))
            os._exit(0)
        os.close(writer)
        self._said = b""

    def listen(self, lines: int, seconds: float = 20.0) -> None:
        """Wait until it has said so many lines."""
        while self._said.count(b"\n") < lines and select.select([self._reader], [], [], seconds)[0]:
            self._said += os.read(self._reader, 65536)

    def said(self) -> list[str]:
        """Return everything it has said by now."""
        while select.select([self._reader], [], [], 0)[0]:
            more = os.read(self._reader, 65536)
            if not more:
                break
            self._said += more
        return self._said.decode().splitlines()

    def kill(self) -> None:
        """End it by force."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def close(self) -> None:
        """Forget it."""
        os.close(self._reader)


def _say(file: int, line: str) -> None:
    os.write(file, line.encode())  # one write, short enough to be whole


def note(lines: list[str], stored: set[Entry]) -> None:
    """Enter in a set of entries what a writer said it stored, and take out what it delivered."""
    for line in lines:
        what, target, slot, *_ = line.split()
        each = entry(int(slot), target)
        if what == "+":
            stored.add(each)
        elif what == "-":
            stored.discard(each)


def check(path: Path, stored: set[Entry]) -> tuple[set[Entry], set[Entry]]:
    """Return which entries are lost and which are torn."""
    store = Store(path)
    found = set(store.scan(sweep=True).entries) if path.is_dir() else set()
    torn = set()
    for each in found:
        try:
            whole = store.read(each).text.encode() == BODY * (1 + each.slot % 400)
        except EntryError:
            whole = False
        if not whole:
            torn.add(each)
    return stored - found, torn


if __name__ == "__main__":  # PATH SLOTS: what is traced from outside
    asyncio.run(fill(Path(sys.argv[1]), "always", NOW, lambda line: _say(1, line), int(sys.argv[2])))
