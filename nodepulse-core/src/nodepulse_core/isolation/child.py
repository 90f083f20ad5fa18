"""The agent's side of one child: a process that runs one exporter, asked over pipes, and killed where it misbehaves.

    stdout ─▶ frame ─┬─▶ conversation ─▶ whoever asked
                     └─▶ no frame, too large, not asked for: it is killed
    stderr ─▶ lines ─▶ log, thinned

Whatever ends it, all that is under way fails with the same reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import frozen

from nodepulse_core.errors import NodePulseError, PluginError
from nodepulse_core.exporter import HTTP
from nodepulse_core.foreign import one_line
from nodepulse_core.isolation.chatter import Chatter
from nodepulse_core.isolation.conversation import Conversation
from nodepulse_core.isolation.frames import Frame, FrameError, read_frame
from nodepulse_core.isolation.service import OUT_OF_MEMORY
from nodepulse_core.isolation.target_json import write_target
from nodepulse_core.model import Target
from nodepulse_core.plugins import Installed
from nodepulse_core.units import format_size

START_SECONDS = 30.0
"""How long a child may take to import its exporter."""
_ENDING_SECONDS = 2.0
_LARGEST_SNAPSHOT = 32 * 1024**2
_LARGEST_DETECT = 16
_PIPE_BYTES = 1024**2
_ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_ENVIRONMENT_OF = ("LC_", "PYTHON", "LD_LIBRARY_PATH")


class ChildEndedError(NodePulseError):
    """A child that has ended, or was killed; says how."""


@frozen
class Order:
    """What a child is started for: an exporter, the entry points of its module, and the memory that it may need."""

    target: str
    type: str
    installed: tuple[Installed, ...]
    max_memory: int

    @property
    def origin(self) -> str:
        """The distribution that brings the exporter, and its version."""
        return self.installed[0].origin


class Child:
    """One process. Make it with `start`; it is of no use once `ended` says why."""

    def __init__(self, process: Process, order: Order, on_end: Callable[[Child], None]) -> None:
        self._process = process
        self._order = order
        self._on_end = on_end
        self._talk = Conversation(
            self._write, lambda: self.kill("it did not leave off a call that had taken too long, when it was told to")
        )
        self._opened: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._killed_for: str | None = None
        self.ended: str | None = None
        """How it has ended; None while it has not."""
        self.closing = False
        """Whether it was asked to end."""
        self._tasks = (
            asyncio.create_task(self._read(), name=f"read {order.target}"),
            asyncio.create_task(self._listen(), name=f"listen to {order.target}"),
        )

    @classmethod
    async def start(cls, order: Order, on_end: Callable[[Child], None] = lambda _: None) -> Child:
        """Start a process, in a group of its own; it is not ready before `open` has returned.

        `on_end` is called once, when it has ended. Raises OSError where there can be no process.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nodepulse_core.isolation", order.target, order.type),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=reduce_environment(os.environ),
            process_group=0,
            limit=_PIPE_BYTES,
        )
        return cls(process, order, on_end)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def busy(self) -> bool:
        """Tell whether anything is under way."""
        return self._talk.busy

    async def open(self, seconds: float = START_SECONDS) -> Mapping[str, Any]:
        """Have it load its exporter, and return how that describes itself.

        Raises PluginError where the exporter cannot be loaded, ChildEndedError where the child ends instead.
        """
        says = {
            "type": self._order.type,
            "installed": [attrs.asdict(each) for each in self._order.installed],
            "path": sys.path,
            "max_memory": self._order.max_memory,
            "parent": os.getpid(),
        }
        await self._write(Frame(says))
        await asyncio.wait({self._opened}, timeout=seconds)
        if not self._opened.done():
            self.kill(f"it took longer than {seconds:g}s to import its exporter")
            await asyncio.wait({self._opened}, timeout=_ENDING_SECONDS)
        if not self._opened.done():
            raise ChildEndedError(f"its process was killed: {self._killed_for}")
        return self._opened.result()

    async def scrape(self, target: Target, http: HTTP) -> bytes:
        """Return what the exporter's scrape returns; raises ScrapeError, and ChildEndedError."""
        says = {"do": "scrape", "target": write_target(target)}
        return await self._ask(says, most=target.max_body_size, target=target, http=http)

    async def snapshot(self, text: str) -> bytes:
        """Return the JSON of the exporter's snapshot of a text; raises ScrapeError, and ChildEndedError."""
        return await self._ask({"do": "snapshot"}, text.encode(), most=_LARGEST_SNAPSHOT)

    async def detect(self, text: str) -> bytes:
        """Return whether a text is the exporter's, as JSON; raises ScrapeError, and ChildEndedError."""
        return await self._ask({"do": "detect"}, text.encode(), most=_LARGEST_DETECT)

    async def _ask(self, says: Mapping[str, Any], body: bytes = b"", **more: Any) -> bytes:
        if self.ended is not None:
            raise ChildEndedError(self.ended)
        return await self._talk.ask(says, body, **more)

    def kill(self, reason: str) -> None:
        """End it at once, with whatever it has started in its group."""
        if self.ended is None and self._killed_for is None:
            self._killed_for = reason
            self._sweep()

    async def close(self) -> None:
        """Have it end by itself, and kill it where it does not."""
        self.closing = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.wait(self._tasks, timeout=_ENDING_SECONDS)
        self.kill("it did not end")
        await asyncio.wait(self._tasks, timeout=_ENDING_SECONDS)

    def _sweep(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _write(self, frame: Frame) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            return
        stdin.write(frame.pack())
        stdin.write(frame.body)
        with contextlib.suppress(ConnectionError):  # it has ended: whoever waits for an answer is told how
            await stdin.drain()

    async def _read(self) -> None:
        """Take what it answers until it ends."""
        stream = self._process.stdout
        try:
            while stream is not None and (frame := await read_frame(stream, self._most)) is not None:
                self._take(frame)
        except FrameError as error:
            self.kill(f"it wrote {error}")
        try:
            status = await asyncio.wait_for(self._process.wait(), _ENDING_SECONDS)
        except TimeoutError:
            self.kill("it closed its pipe, and did not end")
            status = await self._process.wait()
        self._sweep()  # whatever else is in its group
        self._end(self._explain(status))

    def _end(self, how: str) -> None:
        self.ended = how
        error = ChildEndedError(how)
        if not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # it is no fault that nobody waits for it any more
        self._talk.end(error)
        self._on_end(self)

    def _most(self, says: Mapping[str, Any]) -> int:
        return self._talk.most(says) if self._opened.done() else 0

    def _take(self, frame: Frame) -> None:
        says = frame.says
        if self._opened.done():
            self._talk.take(frame)
        elif isinstance(says.get("opened"), dict):
            self._opened.set_result(says["opened"])
        elif "failed" in says:
            self._opened.set_exception(PluginError(one_line(str(says["failed"]))))
        else:
            raise FrameError("something else before it was opened")

    async def _listen(self) -> None:
        """Take what it says on standard error to the log."""
        if self._process.stderr is not None:
            await Chatter(f"{self._order.target} ({self._order.origin})").follow(self._process.stderr)

    def _explain(self, status: int) -> str:
        if self._killed_for is not None:
            return f"its process was killed: {self._killed_for}"
        if status == OUT_OF_MEMORY:
            return f"its process needed more memory than max_memory, {format_size(self._order.max_memory)}"
        if status >= 0:
            return f"its process exited with status {status}"
        return f"its process was ended by {signal.Signals(-status).name}"


def reduce_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a child is given of the environment: what programs need, and no secret of anything else."""
    kept = {name: value for name, value in environ.items() if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_OF)}
    return {**kept, "MALLOC_ARENA_MAX": "1"}
