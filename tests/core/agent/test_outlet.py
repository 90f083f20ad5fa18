"""The way to the destination: made without effect, and replaced between two batches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.agent.outlet import Outlet
from nodepulse_core.agent.plan import Plan, Wanted
from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.clock import SystemClock
from nodepulse_core.config import Settings
from nodepulse_core.config.settings import BufferSettings, Delay, Duration, Server, URLText
from nodepulse_core.deliver import BatchMaker, SnapshotMaker
from nodepulse_core.errors import NodePulseError
from nodepulse_core.health import Health
from nodepulse_core.model import Batch, Destination, Entry, Window
from nodepulse_core.sender import Accepted, Answer

NOW = 1_800_000_000.0


class Sender:
    """A plugin's sender that answers when it is let to."""

    ordered = False

    def __init__(self, endpoint: str) -> None:
        self.name = "plugin"
        self.endpoint = endpoint
        self.gate = asyncio.Event()
        self.sent: list[Batch] = []
        self.closed = False

    async def send(self, batch: Batch) -> Answer:
        """Accept, once the gate is open."""
        assert not self.closed
        await self.gate.wait()
        self.sent.append(batch)
        return Accepted()

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class Host:
    """What an outlet uses of the plugins: one sender for each endpoint."""

    def __init__(self) -> None:
        self.made: dict[str, Sender] = {}

    def senders(self, destination: Destination) -> dict[str, Sender]:
        """Return the plugin's sender."""
        sender = Sender(destination.endpoint)
        self.made[destination.endpoint] = sender
        return {"plugin": sender}

    def batch_sent(self, _: Batch) -> None:
        """Observe nothing."""

    def batch_rejected(self, _: Batch, __: str) -> None:
        """Observe nothing."""


def settings(endpoint: str, sender: str = "plugin", timeout: float = 5.0) -> Settings:
    """Return settings with a destination."""
    server = Server(URLText(endpoint), sender=sender, timeout=Duration(timeout))
    return Settings(server, buffer=BufferSettings(drain_jitter=Delay(0.0)))


@pytest.fixture
async def buffer(tmp_path: Path) -> Any:
    """Give an open buffer."""
    made = Buffer(tmp_path / "buffer", Limits(1e6, 10**9, 0), "never")
    await asyncio.to_thread(made.open)
    yield made
    await made.close()


def outlet(buffer: Buffer, host: Host, first: Settings) -> Outlet:
    """Return an outlet by the plugin's sender."""
    plan = Plan(
        wanted=Wanted(first, ()),
        reread=lambda: Wanted(first, ()),
        set_up_logs=lambda _: None,
        server_id="a",
        state_dir=Path(),
        buffer_path=buffer.path,
        host=host,  # type: ignore[arg-type]  # what the outlet uses of it
        registry=None,  # type: ignore[arg-type]  # it is not used
        version="0",
    )
    snapshots = SnapshotMaker(
        read=buffer.read, target=lambda _: None, exporter=lambda _: None, transform=lambda s, _: s
    )
    return Outlet(plan=plan, buffer=buffer, maker=BatchMaker(snapshots.make), health=Health(), clock=SystemClock())


async def put(buffer: Buffer, slot: int) -> None:
    """Store an entry."""
    await buffer.put(Entry(Window(slot, "a"), "one"), "prometheus", b"up 1\n", now=NOW)


async def until(true: Any) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - several things are waited for, none of which is an event
            await asyncio.sleep(0.005)


async def test_the_batch_under_way_ends_before_another_sender_begins(buffer: Buffer) -> None:
    """A replaced sender gets its answer, is closed, and what is left goes by the new one; nothing is sent twice."""
    host = Host()
    way = outlet(buffer, host, settings("http://old/"))
    old = host.made["http://old/"]
    await put(buffer, 1_799_999_900)
    way.start()
    await until(lambda: old.gate._waiters)
    replacing = asyncio.create_task(way.replace(way.prepare(settings("http://new/"))))
    new = host.made["http://new/"]
    new.gate.set()
    await put(buffer, 1_799_999_910)
    await asyncio.sleep(0.05)
    assert not new.sent
    old.gate.set()
    await replacing
    await until(lambda: buffer.count == 0)
    assert old.closed
    assert (len(old.sent), len(new.sent)) == (1, 1)
    assert way.endpoint == "http://new/"
    await way.stop()


async def test_a_sender_that_hangs_is_replaced_after_its_time(buffer: Buffer) -> None:
    """Where the old sender never answers, the new one gets what it could not deliver."""
    host = Host()
    way = outlet(buffer, host, settings("http://old/", timeout=0.05))
    await put(buffer, 1_799_999_900)
    way.start()
    await until(lambda: host.made["http://old/"].gate._waiters)
    prepared = way.prepare(settings("http://new/"))
    host.made["http://new/"].gate.set()
    await way.replace(prepared)
    await until(lambda: buffer.count == 0)
    assert [len(sender.sent) for sender in host.made.values()] == [0, 1]
    await way.stop()


async def test_preparing_changes_nothing(buffer: Buffer) -> None:
    """A sender that cannot be had is said with the known ones, and the way in use stays."""
    way = outlet(buffer, Host(), settings("http://old/"))
    with pytest.raises(NodePulseError, match="there is no sender 'kafka'; known: dashboard, plugin"):
        way.prepare(settings("http://new/", sender="kafka"))
    assert way.endpoint == "http://old/"


async def test_a_drain_that_ended_by_itself_is_told(buffer: Buffer) -> None:
    """It is dead only if nobody ended it."""
    way = outlet(buffer, Host(), settings("http://old/"))
    assert not way.dead
    way.start()
    await asyncio.sleep(0)
    assert not way.dead
    (task,) = (each for each in asyncio.all_tasks() if each.get_name() == "drain")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert way.dead
    await way.stop()
    assert not way.dead


async def test_the_sign_changes_only_as_the_drain_gets_on(buffer: Buffer) -> None:
    """While a sender does not answer the drain's mark stays as it is; the answer, and another way, change it."""
    host = Host()
    way = outlet(buffer, host, settings("http://one/"))
    await put(buffer, 1_799_999_900)
    way.start()
    await until(lambda: way.sign.mark[1] >= 2)  # type: ignore[index]  # a pair: the way, and its turns
    held = way.sign
    await asyncio.sleep(0.05)
    assert way.sign == held
    host.made["http://one/"].gate.set()
    await until(lambda: way.sign != held)
    before = way.sign.mark
    await way.replace(way.prepare(settings("http://two/")))
    assert way.sign.mark != before
    await way.stop()
