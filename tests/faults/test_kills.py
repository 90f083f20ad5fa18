"""SIGKILL at any moment: the kernel keeps what was written, so nothing that was reported stored may be missing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodepulse_core.buffer import Store
from nodepulse_core.model import Entry
from support.entries import NOW
from support.programs import need
from support.writer import Writer, check, note

HANGS = 30
HANGING = """
import asyncio, os, pathlib, sys
from nodepulse_core.buffer import Buffer
from nodepulse_core.errors import StorageError
from support.entries import BODY, NOW, entry, limits

async def main():
    buffer = Buffer(pathlib.Path(sys.argv[1]), limits(), patience=0.2)
    buffer.open()
    try:
        await buffer.put(entry(), "node_exporter", BODY, now=NOW)
    except StorageError as error:
        print(error, flush=True)
    await buffer.close()
    print("ended", flush=True)
    os._exit(0)

asyncio.run(main())
"""


def test_a_killed_agent_leaves_whole_entries_only(tmp_path: Path) -> None:
    """After each of forty kills, at random moments, the next start finds everything and nothing half."""
    draw = random.Random()
    stored: set[Entry] = set()
    for number in range(40):
        writer = Writer(tmp_path / "buffer", "always", NOW + 1000 * number)
        try:
            writer.listen(draw.randint(1, 15))
            time.sleep(draw.random() / 200)  # not a wait for anything: the moment of the kill
            writer.kill()
            note(writer.said(), stored)
        finally:
            writer.close()
        assert check(tmp_path / "buffer", stored) == (set(), set()), f"kill {number}"
    assert stored


@pytest.mark.parametrize("call", ["fsync", "renameat", "unlinkat", "mkdirat"])
def test_a_kill_at_each_call_of_a_write(call: str, tmp_path: Path) -> None:
    """Killed at the first, second, … call of a kind, it has lost nothing of what it said."""
    need("strace")
    for number in (1, 2, 3, 5, 8):
        stored: set[Entry] = set()
        path = tmp_path / f"{number}"
        said = traced(path, f"inject={call}:signal=KILL:when={number}", slots=5)
        note(said, stored)
        assert check(path, stored) == (set(), set()), f"{call} {number}"


@pytest.mark.parametrize("error", ["EIO", "EROFS"])
@pytest.mark.parametrize("call", ["fsync", "renameat"])
def test_a_call_that_fails_loses_its_scrape_only(call: str, error: str, tmp_path: Path) -> None:
    """Each scrape is either stored and there, or said lost with the reason and not there."""
    need("strace")
    for when in ("4+3", "5"):  # the first ones belong to the start
        path = tmp_path / when
        said = traced(path, f"inject={call}:error={error}:when={when}", slots=6)
        lost = {(target, int(slot)) for what, target, slot, *_ in map(str.split, said) if what == "!"}
        stored: set[Entry] = set()
        note(said, stored)
        assert check(path, stored) == (set(), set())
        assert lost
        there = {(each.target, each.slot) for each in Store(path).scan().entries}
        assert not lost & there


def test_the_end_comes_although_the_disk_hangs(tmp_path: Path) -> None:
    """A disk that takes half a minute for each fsync keeps no process from its end."""
    need("strace")
    begin = time.monotonic()
    command = [
        *("strace", "-f", "-o", "/dev/null", "-e", "trace=fsync"),
        *("-e", f"inject=fsync:delay_enter={HANGS * 1_000_000}:when=2+"),  # the first belongs to the start
        *(sys.executable, "-c", HANGING, str(tmp_path / "buffer")),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        took = time.monotonic() - begin
        process.kill()  # strace itself would wait for its delay
    assert "no answer from the disk in 200ms" in said[0]
    assert said[1] == "ended\n"
    assert took < HANGS


def traced(path: Path, injection: str, *, slots: int) -> list[str]:
    """Fill a buffer under strace with an injected fault; return what was said."""
    call = injection.removeprefix("inject=").split(":")[0]
    ended = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", injection,
         sys.executable, "-m", "support.writer", str(path), str(slots)],
        capture_output=True, text=True, timeout=60, check=False, env=_environment(),
    )  # fmt: skip
    assert "Operation not permitted" not in ended.stderr, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.stdout.splitlines()


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parent.parent)}
