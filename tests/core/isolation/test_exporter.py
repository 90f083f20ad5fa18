"""An exporter in a process of its own: what it gives, and what its process may do without harm."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable

import pytest
from core.isolation.apart import Apart
from nodepulse_core.errors import EntryError, ScrapeError, UnavailableError
from support.programs import PATIENCE

Make = Callable[..., Apart]

SCRIBBLE = """
import os, struct

def scribble(garbage):
    # what the process answers by is a pipe other than those of standard output and error
    for name in sorted(map(int, os.listdir("/proc/self/fd")))[3:]:
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("pipe"):
                os.write(name, garbage)
        except OSError:
            pass
"""


async def gone(pid: int) -> None:
    """Wait until a process is no more."""
    async with asyncio.timeout(PATIENCE):
        while os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC110, ASYNC240, PTH110 - nothing tells of another's process
            await asyncio.sleep(0.01)


async def test_it_scrapes_snapshots_and_detects(make_apart: Make) -> None:
    """All three come from one process, which is started when it is first asked."""
    apart = make_apart("""
        async def scrape(self, target, http):
            return await http.get(target) + f"# {target.name} {target.timeout:g}\\n".encode()
        def snapshot(self, text):
            return [{"length": len(text), "whole": 2**63, "nothing": float("nan"), "name": "é"}]
        def detect(self, text):
            return text.startswith("odd")
    """)
    assert apart.exporter.state().pid is None
    assert await apart.scrape() == b"# TYPE up gauge\nup 1\n# odd0_exporter 20\n"
    assert await apart.snapshot("1234") == [{"length": 4, "whole": 2**63, "nothing": None, "name": "é"}]
    assert await asyncio.to_thread(apart.exporter.detect, "odd 1")
    assert not await asyncio.to_thread(apart.exporter.detect, "even 1")
    state = apart.exporter.state()
    assert (state.starts, state.failures) == (1, 0)
    assert state.pid not in {None, os.getpid()}


async def test_a_request_is_made_with_the_targets_own_access(make_apart: Make) -> None:
    """The agent makes the request: where the exporter wants it, and with what the target has."""
    apart = make_apart("""
        async def scrape(self, target, http):
            import attrs
            return await http.get(attrs.evolve(target, endpoint="http://localhost:2/other", timeout=99.0))
    """)
    await apart.scrape()
    (asked,) = apart.web.asked
    assert asked.endpoint == "http://localhost:2/other"
    assert asked.timeout == apart.target.timeout


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os._exit(3)", r"its process exited with status 3; it is started again in 1s"),
        ("os.kill(os.getpid(), 11)", r"its process was ended by SIGSEGV; .*"),
        ("ctypes.string_at(0)", r"its process was ended by SIGSEGV; .*"),
        ("kept.append(bytearray(2**30))", r"its process needed more memory than max_memory, 128MiB; .*"),
        ("scribble(b'garbage' * 99)", r"its process was killed: it wrote a header of .*; .*"),
        (
            "scribble(struct.pack('!II', 2, 0) + b'[]')",
            r".*: it wrote a header that is no object; .*",
        ),
        (
            "scribble(struct.pack('!II', 8, 0) + b'{\"of\":9}')",
            r".*: it wrote an answer that nothing was .*; .*",
        ),
        ("scribble(b'12'); os._exit(0)", r"its process was killed: it wrote a part of an answer; .*"),
        ("raise SystemExit(4)", r"odd0_exporter raised SystemExit: 4"),
        ("raise KeyboardInterrupt", r"odd0_exporter raised KeyboardInterrupt"),
        ("raise asyncio.CancelledError", r"odd0_exporter raised CancelledError"),
        ("return 'text'", r"its exporter returned str, where bytes of an exposition are due"),
        ("return bytes(2**25)", r"its process was killed: it wrote 32MiB, where 16MiB are the most; .*"),
        ("return await http.get(attrs.evolve(target, endpoint='file:///etc/passwd'))", r"its process was killed: .*"),
    ],
)
async def test_what_a_scrape_does_is_the_reason_of_that_scrape(make_apart: Make, body: str, reason: str) -> None:
    """Whatever the process does, this scrape fails with it, and the next one, after a while, is asked of a new one."""
    apart = make_apart(
        f"""
        async def scrape(self, target, http):
            if os.path.exists(FLAG):
                return b"up 1\\n"
            open(FLAG, "w").close()
            {body}
        """,
        before=SCRIBBLE + "import asyncio, attrs, ctypes\nkept = []\nFLAG = __file__ + '.flag'",
        max_memory=128 * 1024**2,
    )
    said = await apart.reason()
    assert re.fullmatch(reason, said), said
    apart.time += 1.0
    assert await apart.scrape() == b"up 1\n"


async def test_a_leak_ends_at_its_limit(make_apart: Make) -> None:
    """A process that keeps more with each scrape fails one of them, and begins anew with nothing."""
    apart = make_apart(
        """
        async def scrape(self, target, http):
            kept.append(bytearray(2**23))
            return b"up 1\\n"
        """,
        before="kept = []",
        max_memory=96 * 1024**2,
    )

    async def scrape_on() -> None:
        for _ in range(100):
            await apart.scrape()

    with pytest.raises(ScrapeError, match="needed more memory than max_memory, 96MiB"):
        await scrape_on()
    assert apart.exporter.state().failures == 1
    apart.time += 1.0
    assert await apart.scrape() == b"up 1\n"


async def test_a_process_that_fails_again_and_again_waits_longer_each_time(make_apart: Make) -> None:
    """It is not started before its wait is over, which grows from 1 s to 60 s; what failed is said meanwhile."""
    apart = make_apart("async def scrape(self, target, http): os._exit(3)", before="import os")
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        assert (await apart.reason()).startswith("its process exited with status 3; it is started again in")
        starts = apart.exporter.state().starts
        apart.time += wait - 0.4
        assert "it is started again in 1s" in await apart.reason()
        assert apart.exporter.state().starts == starts
        apart.time += 0.4
    assert apart.exporter.state().failures == 8


async def test_a_call_that_leaves_off_when_told_keeps_its_process(make_apart: Make) -> None:
    """A target that does not answer is no fault of the plugin: its scrape is given up, and its process stays."""
    apart = make_apart("""
        waits = True
        async def scrape(self, target, http):
            import asyncio
            if self.waits:
                self.waits = False
                await asyncio.sleep(3600)
            return b"up 1\\n"
    """)
    await apart.snapshot()
    scrape = asyncio.create_task(apart.scrape())
    await asyncio.sleep(0.2)
    scrape.cancel()
    await asyncio.gather(scrape, return_exceptions=True)
    pid = apart.exporter.state().pid
    await asyncio.sleep(1.2)
    assert await apart.scrape() == b"up 1\n"
    assert apart.exporter.state().pid == pid


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(3600)", "re.match('(a+)+$', 'a' * 99 + 'b')"])
async def test_a_call_that_does_not_leave_off_is_killed(make_apart: Make, body: str) -> None:
    """A process that is stuck, in Python or below it, is ended a second after it was told to leave off."""
    apart = make_apart(f"async def scrape(self, target, http):\n    {body}", before="import re, time")
    await apart.snapshot()
    pid = apart.exporter.state().pid
    assert pid is not None
    scrape = asyncio.create_task(apart.scrape())
    await asyncio.sleep(0.2)
    scrape.cancel()
    await asyncio.gather(scrape, return_exceptions=True)
    await gone(pid)
    async with asyncio.timeout(PATIENCE):
        while not apart.exporter.state().failures:  # noqa: ASYNC110 - it is told through the pipe, in its own time
            await asyncio.sleep(0.01)
    assert "did not leave off" in str(apart.exporter.state().last_failure)


async def test_a_snapshot_is_asked_once_more_in_a_new_process(make_apart: Make) -> None:
    """A process that ends over a snapshot, perhaps over something else, costs no entry; one that does so twice does."""
    apart = make_apart(
        """
        def snapshot(self, text):
            if text == "bad" or not os.path.exists(FLAG):
                open(FLAG, "w").close()
                os._exit(3)
            return {"up": 1}
        """,
        before="import os\nFLAG = __file__ + '.flag'",
    )
    assert await apart.snapshot("good") == {"up": 1}
    assert apart.exporter.state().failures == 1
    for _ in range(3):
        with pytest.raises(EntryError, match="its snapshot cannot be made: its process exited with status 3"):
            await apart.snapshot("bad")
    with pytest.raises(UnavailableError, match="over 3 snapshots in a row"):
        await apart.snapshot("good")


async def test_a_snapshot_that_raises_says_so(make_apart: Make) -> None:
    """It is the entry's fate, and the process goes on."""
    apart = make_apart("def snapshot(self, text): raise ValueError('odd')")
    with pytest.raises(EntryError, match="its snapshot cannot be made: odd0_exporter raised ValueError: odd"):
        await apart.snapshot()
    assert apart.exporter.state().failures == 0


async def test_a_plugin_that_cannot_be_imported_leaves_entries_alone(make_apart: Make) -> None:
    """Nothing is known against an entry whose exporter cannot be loaded: it is left, and so is the next one."""
    apart = make_apart("", before="import no_such_module_at_all")
    with pytest.raises(UnavailableError, match="no_such_module_at_all"):
        await apart.snapshot()
    with pytest.raises(UnavailableError, match="no_such_module_at_all"):
        await apart.snapshot()
    assert "no_such_module_at_all" in await apart.reason()
    assert apart.exporter.state().starts == 1


async def test_a_slow_import_is_waited_for_by_later_scrapes(make_apart: Make) -> None:
    """A scrape does not end what takes longer than itself to start."""
    apart = make_apart("", before="import time\ntime.sleep(2)", timeout=0.5)
    assert await apart.reason() == "its process has not imported odd0_exporter yet; it is waited for"
    async with asyncio.timeout(PATIENCE):
        while apart.exporter.state().pid is None:  # noqa: ASYNC110 - the start is the exporter's own
            await asyncio.sleep(0.02)
    assert await apart.scrape() == b"up 1\n"
    assert apart.exporter.state().starts == 1


async def test_what_is_not_asked_for_a_while_is_ended(make_apart: Make) -> None:
    """The process of a target that was removed goes by itself, is no failure, and comes back when it is asked."""
    apart = make_apart("")
    apart.exporter.idle_seconds = 0.1
    await apart.scrape()
    pid = apart.exporter.state().pid
    assert pid is not None
    await gone(pid)
    assert await apart.scrape() == b"up 1\n"
    assert (apart.exporter.state().starts, apart.exporter.state().failures) == (2, 0)


async def test_the_end_of_the_agent_ends_all_that_it_started(make_apart: Make) -> None:
    """Closing ends the process, and what it has started in its group."""
    apart = make_apart("""
        async def scrape(self, target, http):
            import subprocess
            return b"pid %d\\n" % subprocess.Popen(["sleep", "600"]).pid
    """)
    other = int((await apart.scrape()).split()[1])
    pid = apart.exporter.state().pid
    assert pid is not None
    await apart.exporter.close()
    await gone(pid)
    await gone(other)


async def test_a_process_that_is_killed_from_outside_is_started_again(make_apart: Make) -> None:
    """What the kernel's memory killer does, for instance, is said and made up for."""
    apart = make_apart("")
    await apart.scrape()
    pid = apart.exporter.state().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await gone(pid)
    async with asyncio.timeout(PATIENCE):
        while not apart.exporter.state().failures:  # noqa: ASYNC110 - it is told through the pipe, in its own time
            await asyncio.sleep(0.01)
    assert "its process was ended by SIGKILL" in await apart.reason()
    apart.time += 1.0
    assert await apart.scrape() == b"up 1\n"
