"""The zoo: plugins that do what plugins must not, each with what is said of it.

`row` is what `nodepulse plugins list --load` says is wrong with it, `running` why its target fails while the agent
runs. Both are regular expressions; "" where nothing is wrong. An animal without `running` is refused as a target, with
its row as the reason. Those that stop or end a process from within are only survived where they are isolated: that is
stated here by `isolation`, and by no row where `list --load`, which is one process, would end.
"""

from __future__ import annotations

from attrs import frozen

_ODD = """\
{before}
from nodepulse_core import HTTPExporter, hookimpl

class Odd:
    name = "{name}"
    default_endpoint = "http://localhost:1/metrics"
    default_interval = 1.0
    {scrape}
    def snapshot(self, text):
        return {{"up": 1}}
    def detect(self, text):
        return False

@hookimpl
def nodepulse_exporters():
    yield Odd()
"""
_KILLED = r"no answer within 1s|has not returned from an earlier scrape|its process was killed: it did not leave off .*"


@frozen
class Animal:
    """One hostile plugin."""

    name: str
    scrape: str = "async def scrape(self, target, http): return b'up 1\\n'"
    before: str = ""
    source: str | None = None
    """The whole module, where it is no exporter of the usual shape."""
    row: str | None = ""
    """None where `plugins list --load` cannot have it."""
    running: str | None = ""
    isolation: str = "none"
    more: str = ""

    @property
    def exporter(self) -> str:
        """The name of its exporter."""
        return f"{self.name}_exporter"

    @property
    def module(self) -> str:
        """Return the source of its module."""
        if self.source is not None:
            return self.source
        return _ODD.format(before=self.before, name=self.exporter, scrape=self.scrape)


def scrapes(name: str, body: str, running: str, before: str = "", **more: str) -> Animal:
    """Return an animal whose asynchronous scrape is that one statement."""
    return Animal(name, f"async def scrape(self, target, http): {body}", before, running=running, **more)


def kills(name: str, body: str, running: str, before: str = "", more: str = "") -> Animal:
    """Return an animal whose scrape only a process of its own survives."""
    return scrapes(name, body, running, before, isolation="process", more=more)


def breaks(name: str, before: str, row: str) -> Animal:
    """Return an animal that cannot be loaded, for what stands at the top of its module or in its metadata."""
    return Animal(name, before=before, row=row, running=None)


def hooks(name: str, source: str, row: str) -> Animal:
    """Return an animal that cannot be loaded, for its hooks."""
    return Animal(name, source=f"from nodepulse_core import HTTPExporter, hookimpl\n{source}", row=row, running=None)


ANIMALS = (
    # What is kept off in the agent itself.
    scrapes("raising", "raise ValueError('boo')", r"raising_exporter raised ValueError: boo"),
    scrapes("exiting", "raise SystemExit(3)", r"exiting_exporter raised SystemExit: 3"),
    scrapes("interrupting", "raise KeyboardInterrupt", r"interrupting_exporter raised KeyboardInterrupt"),
    scrapes(
        "cancelling", "raise asyncio.CancelledError", r"cancelling_exporter raised CancelledError", "import asyncio"
    ),
    scrapes("forever", "await asyncio.sleep(3600)", r"no answer within 1s", "import asyncio"),
    Animal(
        "blocking",
        "def scrape(self, target, http): time.sleep(3600)",
        "import time",
        running=r"no answer within 1s|blocking_exporter has not returned from an earlier scrape.*",
    ),
    scrapes("garbage", r"return b'\xff\x00 no exposition {{{'", r".*(UTF-8|line 1).*"),
    scrapes("mistyped", "return {'up': 1}", r"its exporter returned dict, where bytes of an exposition are due"),
    scrapes("endless", "return b'up 1\\n' * 10**7", r"its body is larger than max_body_size, 16MiB"),
    # What cannot be loaded.
    Animal(
        "broken",
        before="raise RuntimeError('boo')",
        row=r"importing broken_module raised RuntimeError: boo",
        running=None,
    ),
    Animal("leaving", before="raise SystemExit(3)", row=r"importing leaving_module raised SystemExit: 3", running=None),
    hooks(
        "half",
        "@hookimpl\ndef nodepulse_exporters():\n"
        "    yield HTTPExporter('half_exporter', default_endpoint='http://localhost:1')\n    raise ValueError('boo')\n",
        r"nodepulse_exporters raised ValueError: boo",
    ),
    hooks(
        "misspelt",
        "@hookimpl\ndef nodepulse_exporter():\n    return []\n",
        r"it implements nodepulse_exporter, which is no hook; did you mean nodepulse_exporters\?",
    ),
    hooks(
        "awaiting",
        "@hookimpl\nasync def nodepulse_exporters():\n    return []\n",
        r"its nodepulse_exporters is async; hooks are synchronous.*",
    ),
    Animal(
        "newer",
        before="nodepulse_api_version = 99",
        row=r"it is written for version 99 of the hooks.*upgrade.*",
        running=None,
    ),
    Animal("clashing", row=r"clashing 1\.0 and clashing-too 1\.0 both bring 'clashing_exporter'.*", running=None),
    Animal("garbled", row=r"its entry_points\.txt (cannot be read|is not UTF-8).*", running=None),
    # What does no harm, though it looks like it.
    Animal("twin"),
    Animal("slow", before="import time\ntime.sleep(10)"),
    Animal("patching", before="import logging, os, sys\nsys.stdout = None\nos.chdir('/')\nlogging.disable(50)"),
    # What only a process of its own survives.
    kills("dying", "os._exit(3)", r"its process exited with status 3; .*", "import os"),
    kills("crashing", "ctypes.string_at(0)", r"its process was ended by SIGSEGV; .*", "import ctypes"),
    kills("spinning", "\n        while True: pass", _KILLED),
    kills("sleeping", "time.sleep(3600)", _KILLED, "import time"),
    kills("matching", "re.match('(a+)+$', 'a' * 99 + 'b')", _KILLED, "import re"),
    kills(
        "leaking",
        "kept.append(bytearray(2**26)); return b'up 1\\n'",
        r"|its process needed more memory than max_memory, 128MiB; .*",
        "kept = []",
        more=", max_memory: 128MiB",
    ),
    Animal("fatal", before="import os\nos._exit(3)", row=None, running=None, isolation="process"),
)
