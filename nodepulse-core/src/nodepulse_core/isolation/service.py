"""The child's side: loads one exporter, and does what the agent asks until its pipe ends.

    stdin ─▶ open ─▶ confine ─▶ load ─▶ opened ─▶ stdout
    stdin ─▶ scrape, snapshot, detect ─▶ done, failed ─▶ stdout
                └─▶ get ─▶ stdout … stdin ─▶ got             requests are made by the agent

What the plugin prints goes to standard error; the pipes are on descriptors of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

import attrs
import orjson

from nodepulse_core.blocking import call_blocking
from nodepulse_core.calls import call_scrape
from nodepulse_core.errors import PluginError, ScrapeError
from nodepulse_core.exporter import Exporter, describe
from nodepulse_core.foreign import describe as describe_error
from nodepulse_core.isolation.confinement import confine
from nodepulse_core.isolation.frames import Frame, read_frame
from nodepulse_core.isolation.target_json import read_target
from nodepulse_core.model import Target
from nodepulse_core.plugins import Installed, PluginHost, Registry

OUT_OF_MEMORY = 77
"""The status of a child that would have needed more memory than it may have."""
_CLOSING_SECONDS = 1.0
_FROM_THE_AGENT = 2**32


def serve() -> None:
    """Serve the agent at the other end of standard input and output; returns never."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    faulthandler.enable()  # a crash then says on standard error where it was
    try:
        asyncio.run(_serve(source, sink))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BaseException:  # noqa: BLE001 - a defect, or an exit of the plugin's that came this far
        traceback.print_exc()
    os._exit(1)


async def _serve(source: int, sink: int) -> None:
    stream = asyncio.StreamReader(limit=1024**2)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), open(source, "rb", buffering=0))  # noqa: ASYNC230, SIM115 - a pipe, which is read until the end
    first = await read_frame(stream, lambda _: 0)
    if first is not None:
        confine(first.says["max_memory"], first.says["parent"])
        sys.path[:] = first.says["path"]
        writer = _Writer(sink)
        try:
            exporter = _load(first.says)
        except PluginError as error:
            writer.write({"failed": str(error)})
        else:
            writer.write({"opened": attrs.asdict(describe(exporter))})
            await _Service(exporter, stream, writer).run()
    os._exit(0)  # not the loop's own end, which waits for every task: a plugin's may never end


def _load(says: Mapping[str, Any]) -> Exporter:
    installed = tuple(Installed(**each) for each in says["installed"])
    return Registry(PluginHost(lambda: installed)).load(says["type"])


class _Writer:
    """Writes whole frames, from whichever thread."""

    def __init__(self, sink: int) -> None:
        self._sink = sink
        self._lock = threading.Lock()

    def write(self, says: Mapping[str, Any], body: bytes = b"") -> None:
        with self._lock:
            for part in (Frame(says, body).pack(), body):
                view = memoryview(part)
                while view:
                    view = view[os.write(self._sink, view) :]


class _Service:
    """Does what is asked: each request in a task of its own."""

    def __init__(self, exporter: Exporter, stream: asyncio.StreamReader, writer: _Writer) -> None:
        self._exporter = exporter
        self._stream = stream
        self._writer = writer
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._asked: dict[int, asyncio.Future[Frame]] = {}
        self._last = 0

    async def run(self) -> None:
        while (frame := await read_frame(self._stream, lambda _: _FROM_THE_AGENT)) is not None:
            if "got" in frame.says:
                asked = self._asked.pop(frame.says["got"], None)
                if asked is not None and not asked.done():
                    asked.set_result(frame)
            elif "cancel" in frame.says:
                if task := self._tasks.get(frame.says["cancel"]):
                    task.cancel()
            else:
                number = frame.says["id"]
                self._tasks[number] = asyncio.create_task(self._do(frame, number), name=f"{frame.says['do']} {number}")
        close: Any = getattr(self._exporter, "close", None)
        if close is not None:
            with contextlib.suppress(BaseException):  # the process ends here, whatever the plugin does
                await asyncio.wait_for(close(), _CLOSING_SECONDS)

    async def _do(self, frame: Frame, number: int) -> None:
        try:
            body = await self._ask(frame, number)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BaseException as error:  # noqa: BLE001 - a plugin's code: whatever it raises is the answer
            reason = (
                str(error)
                if isinstance(error, ScrapeError)
                else f"{self._exporter.name} raised {describe_error(error)}"
            )
            self._writer.write({"of": number, "failed": reason})
        else:
            self._writer.write({"of": number}, body)
        finally:
            del self._tasks[number]

    def _ask(self, frame: Frame, number: int) -> Awaitable[bytes]:
        if frame.says["do"] == "scrape":
            return self._scrape(read_target(frame.says["target"]), number)
        call = self._snapshot if frame.says["do"] == "snapshot" else self._detect
        return call_blocking(partial(call, frame.body), f"{frame.says['do']} {self._exporter.name}")

    async def _scrape(self, target: Target, number: int) -> bytes:
        body = await call_scrape(self._exporter, target, _HTTP(self, number))
        if isinstance(body, ScrapeError):
            if isinstance(body.__cause__, MemoryError):
                raise body.__cause__
            raise body
        if not isinstance(body, bytes):
            raise ScrapeError(f"its exporter returned {type(body).__name__}, where bytes of an exposition are due")
        return body

    def _snapshot(self, body: bytes) -> bytes:
        made: bytes = orjson.dumps(self._exporter.snapshot(body.decode()))
        return made

    def _detect(self, body: bytes) -> bytes:
        return orjson.dumps(bool(self._exporter.detect(body.decode())))

    async def get(self, target: Target, number: int) -> bytes:
        """Have the agent ask a target's endpoint; raises ScrapeError with the reason."""
        self._last += 1
        key = self._last
        asked: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._asked[key] = asked
        self._writer.write({"get": target.endpoint, "key": key, "of": number})
        frame = await asked
        if "failed" in frame.says:
            raise ScrapeError(frame.says["failed"])
        return frame.body


@attrs.frozen
class _HTTP:
    """HTTP as the exporter is given it: the agent's."""

    service: _Service
    number: int

    async def get(self, target: Target) -> bytes:
        return await self.service.get(target, self.number)
