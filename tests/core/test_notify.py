"""The word to systemd, over real datagram sockets, and from a real agent."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodepulse_core.notify import Notifier
from support.agents import running_agent
from support.nodepulse import await_logged
from support.plugins import Site
from support.programs import PATIENCE

BLOCKING = """
import asyncio
import time
from pathlib import Path
from nodepulse_core import hookimpl

HOME = Path(__file__).parent


class Blocking:
    name = "blocking_exporter"
    default_endpoint = "http://localhost:1/"
    default_interval = 1.0

    async def scrape(self, target, http):
        while (HOME / "block").exists():
            (HOME / "blocked").touch()
            time.sleep(0.01)
        if (HOME / "kill").exists():
            for task in asyncio.all_tasks():
                if task.get_name() == "drain":
                    task.cancel()
        return b"up 1\\n"

    def snapshot(self, text):
        return None

    def detect(self, text):
        return False


@hookimpl
def nodepulse_exporters():
    yield Blocking()
"""


class Supervisor:
    """What listens where systemd would."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(PATIENCE)

    def read(self) -> list[str]:
        """Return the fields of the next message."""
        return self._socket.recv(4096).decode().split("\n")

    def until(self, field: str) -> list[list[str]]:
        """Return all messages up to the first one with a field."""
        messages = [self.read()]
        while field not in messages[-1]:
            messages.append(self.read())
        return messages

    def take(self) -> list[list[str]]:
        """Return what has come until now."""
        self._socket.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self.read())
        except BlockingIOError:
            return messages
        finally:
            self._socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervisor]:
    """Give a supervisor at a path, and one at an abstract address."""
    made = Supervisor(f"@nodepulse-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify"))
    yield made
    made.close()


def test_each_message_is_one_datagram(supervisor: Supervisor) -> None:
    """Every kind of message arrives as sd_notify(3) has it, at a path and at an abstract address."""
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": supervisor.address})
    notifier.ready("2 of 2 targets up")
    notifier.feed()
    notifier.reloading(12.3456789)
    notifier.status("one line,\nwhatever it is given")
    notifier.stopping()
    assert supervisor.take() == [
        ["READY=1", "STATUS=2 of 2 targets up"],
        ["WATCHDOG=1"],
        ["RELOADING=1", "MONOTONIC_USEC=12345678"],
        ["STATUS=one line, whatever it is given"],
        ["STOPPING=1", "STATUS=delivers what is complete, then ends"],
    ]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_nothing_is_sent(environ: dict[str, str]) -> None:
    """Without a supervisor, or with one that speaks otherwise, the notifier is silent and watches nothing."""
    notifier = Notifier.from_environ({**environ, "WATCHDOG_USEC": "1000000"})
    notifier.ready("up")
    assert not notifier.active
    assert notifier.watchdog_seconds is None


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_this_process_s(environ: dict[str, str], seconds: float | None) -> None:
    """The watchdog counts where it is meant for this process, and names a time."""
    assert Notifier.from_environ({"NOTIFY_SOCKET": "/run/x", **environ}).watchdog_seconds == seconds


def test_a_supervisor_that_is_gone_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A message that cannot be sent is lost and said, the next ones are lost silently, and nothing is raised."""
    notifier = Notifier(str(tmp_path / "nobody"))
    with caplog.at_level(logging.WARNING):
        notifier.feed()
        notifier.feed()
    (record,) = caplog.records
    assert (
        record.getMessage()
        == f"cannot say WATCHDOG=1 to the supervisor at {tmp_path}/nobody: No such file or directory"
    )


def test_a_supervisor_that_does_not_read_holds_nobody_up(supervisor: Supervisor) -> None:
    """Once its queue is full, messages are lost at once."""
    notifier = Notifier(supervisor.address)
    began = time.monotonic()
    for _ in range(1000):
        notifier.feed()
    assert time.monotonic() - began < PATIENCE
    assert 0 < len(supervisor.take()) < 1000


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a folder with an exporter that does harm: `block` blocks the event loop, `kill` ends the drain."""
    made = Site(tmp_path / "site")
    made.add("nodepulse-exporter-blocking", exporters={"blocking_exporter": "blocking"}, blocking=BLOCKING)
    return made


def test_an_agent_tells_its_whole_life(supervisor: Supervisor, site: Site, tmp_path: Path) -> None:
    """READY once it runs, RELOADING and READY at SIGHUP, the watchdog fed in between, STOPPING at SIGTERM."""
    under = ["env", f"NOTIFY_SOCKET={supervisor.address}", "WATCHDOG_USEC=600000", f"PYTHONPATH={site.path}"]
    with running_agent(tmp_path, {"blocking_exporter": "http://localhost:1/"}, command=under) as agent:
        first = supervisor.until("WATCHDOG=1")
        assert first[0][0] == "READY=1"
        assert first[0][1].endswith(("1 targets up, 0 entries wait", "1 targets up, 1 entry waits"))
        agent.process.send_signal(signal.SIGHUP)
        reloading = next(fields for fields in supervisor.until("READY=1") if "RELOADING=1" in fields)
        asked = int(reloading[1].removeprefix("MONOTONIC_USEC=")) / 1e6
        assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - asked < PATIENCE
        supervisor.until("WATCHDOG=1")
    assert ["STOPPING=1", "STATUS=delivers what is complete, then ends"] in supervisor.take()


def test_a_blocked_event_loop_starves_the_watchdog(site: Site, tmp_path: Path) -> None:
    """While a plugin blocks the event loop, no WATCHDOG=1 arrives; when it lets go, it is fed again."""
    address = str(tmp_path / "notify")
    under = ["env", f"NOTIFY_SOCKET={address}", "WATCHDOG_USEC=300000", f"PYTHONPATH={site.path}"]
    with (
        contextlib.closing(Supervisor(address)) as supervisor,
        running_agent(tmp_path, {"blocking_exporter": "http://localhost:1/"}, command=under),
    ):
        supervisor.until("WATCHDOG=1")
        (site.path / "block").touch()
        end = time.monotonic() + PATIENCE
        while not (site.path / "blocked").exists() and time.monotonic() < end:
            time.sleep(0.01)
        supervisor.take()
        time.sleep(1.0)  # more than three times what the watchdog waits for
        assert supervisor.take() == []
        (site.path / "block").unlink()
        supervisor.until("WATCHDOG=1")


def test_a_loop_that_has_ended_starves_the_watchdog(site: Site, tmp_path: Path) -> None:
    """Where the drain is gone, although the event loop turns, the watchdog is fed no more, and the log says why."""
    address = str(tmp_path / "notify")
    under = ["env", f"NOTIFY_SOCKET={address}", "WATCHDOG_USEC=300000", f"PYTHONPATH={site.path}"]
    with (
        contextlib.closing(Supervisor(address)) as supervisor,
        running_agent(tmp_path, {"blocking_exporter": "http://localhost:1/"}, command=under) as agent,
    ):
        supervisor.until("WATCHDOG=1")
        (site.path / "kill").touch()
        await_logged(agent.log, "no progress of drain; the watchdog is not fed until there is")
        supervisor.take()
        time.sleep(1.0)  # more than three times what the watchdog waits for
        assert ["WATCHDOG=1"] not in supervisor.take()
