"""The checks: a good exporter passes each, and for each there is a bad one that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from nodepulse_core.plugins import PluginHost
from nodepulse_core.testing.checks import EXPORTER_CHECKS
from nodepulse_core.testing.project import Project
from nodepulse_core.testing.subject import Subject
from nodepulse_core.testing.verdict import Verdict, judge, judge_all
from support.projects import GOOD, README, TEXT, write_project

FRACTIONS = frozenset({"queue_seconds"})
MADE = "# HELP shop_orders_total Orders.\n# TYPE shop_orders_total counter\nshop_orders_total 7\n"
CUSTOM = """
import asyncio, logging, time
from nodepulse_core import ScrapeError, hookimpl

class Exporter:
    name = "shop_exporter"
    default_endpoint = "http://localhost:9150/metrics"
    default_interval = 15.0
    async def scrape(self, target, http):
        return await http.get(target)
    def snapshot(self, text):
        return {"orders_total": 7, "queue_seconds": 0.25} if "shop_" in text else {}
    def detect(self, text):
        return "shop_" in text

@hookimpl
def nodepulse_exporters():
    yield EXPORTER()
"""


def custom(body: str) -> str:
    """Return a plugin whose exporter is written by hand, with methods that take the place of good ones."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return CUSTOM.replace("@hookimpl", f"class Bad(Exporter):\n{lines}\n@hookimpl").replace("EXPORTER", "Bad")


def judge_project(project: Project, *names: str, **known: Any) -> dict[str, Verdict]:
    """Return the verdicts on a project's exporter, by check; all of them, or those that are named."""
    given = {"recorded": project.recorded("shop_exporter"), "fractions": FRACTIONS, "made": lambda: MADE, **known}
    given["readme"] = project.readme
    checks = [check for check in EXPORTER_CHECKS if not names or check.name in names]
    with project.importable():
        return {each.check: each for each in judge_all(checks, Subject(project.plugins[0], project, **given))}


def test_a_good_exporter_passes(tmp_path: Path) -> None:
    """Every check passes, none is skipped."""
    verdicts = judge_project(write_project(tmp_path))
    assert {name: each.message for name, each in verdicts.items() if each.status != "passed"} == {}
    assert list(verdicts) == [check.name for check in EXPORTER_CHECKS]


def test_one_that_is_written_by_hand_passes(tmp_path: Path) -> None:
    """An exporter that is no HTTPExporter is held to the same, but for the parts that it only lacks."""
    source = custom(
        "def snapshot(self, text):\n"
        "    values = dict(line.split()[:2] for line in text.splitlines() if line.startswith('shop_queue'))\n"
        "    return {'queue_seconds': float(v) for v in values.values()}\n"
    )
    verdicts = judge_project(write_project(tmp_path, source))
    assert {name: each.message for name, each in verdicts.items() if each.status == "failed"} == {}


FIELDS = 'fields={"orders_total": Integer("shop_orders_total"), "queue_seconds": "shop_queue_seconds"},'
BAD: dict[str, tuple[str, Mapping[str, Any], str]] = {
    "loads": (GOOD.replace("nodepulse_exporters", "nodepulse_exporter"), {}, "did you mean nodepulse_exporters?"),
    "loads-name": (GOOD.replace('"shop_exporter"', '"store_exporter"'), {}, "it brings store_exporter"),
    "light": (GOOD + "\nimport aiohttp\n", {}, "imports aiohttp"),
    "recorded": (GOOD, {"text": "shop_orders_total 5\nshop_que"}, "the last line is cut short"),
    "recorded-empty": (GOOD, {"text": "# nothing\n"}, "holds no sample"),
    "fields": (GOOD.replace('"shop_queue_seconds"', '"shop_queue_time"'), {}, "has a value for queue_seconds"),
    "fields-none": (custom("def snapshot(self, text):\n    return {}"), {}, "is empty"),
    "strict": (custom("def snapshot(self, text):\n    return {'a': {1, 2}}"), {}, "is of type set"),
    "strict-ours": (custom("def snapshot(self, text):\n    return {'timestamp': 1}"), {}, "has the field timestamp"),
    "strict-nan": (custom("def snapshot(self, text):\n    return {'a': float('nan')}"), {}, "is nan"),
    "strict-big": (custom("def snapshot(self, text):\n    return {'a': 2**63}"), {}, str(2**63)),
    "strict-time": (custom("def snapshot(self, text):\n    return {'a': time.perf_counter_ns()}"), {}, "differ"),
    "integers": (
        GOOD.replace('Integer("shop_orders_total")', '"shop_orders_total"'),
        {"text": TEXT + "shop_orders_total 0.5\n"},
        "orders_total is 7.5",
    ),
    "absent": (
        custom("def snapshot(self, text):\n    return {'a': text.count('shop_queue_seconds')}"),
        {},
        "still makes a",
    ),
    "absent-changed": (
        custom("def snapshot(self, text):\n    return {'a': text.count('shop')} if 'shop' in text else {}"),
        {},
        "a changes or appears",
    ),
    "absent-raises": (
        custom("def snapshot(self, text):\n    return {'a': text.index('shop_queue_seconds') * 0}"),
        {},
        "no snapshot can be made: ValueError",
    ),
    "detect": (
        GOOD.replace("fields=", "detect=lambda text: 'process_cpu' in text or 'shop' in text, fields="),
        {},
        "takes the text of",
    ),
    "detect-all": (custom("def detect(self, text):\n    return not text"), {}, "takes an empty text"),
    "detect-none": (custom("def detect(self, text):\n    return False"), {}, "does not recognise shop_exporter.prom"),
    "down": (custom("async def scrape(self, target, http):\n    raise OSError('gone')"), {}, "raises OSError: gone"),
    "down-gives": (
        custom("def scrape(self, target, http):\n    return b'shop_up 0\\n'"),
        {},
        "gives bytes in place of an error",
    ),
    "down-lines": (
        custom("async def scrape(self, target, http):\n    raise ScrapeError('a\\nb')"),
        {},
        "the reason is 'a\\nb'",
    ),
    "misbehaving": (
        custom(
            "async def scrape(self, target, http):\n"
            "    try:\n        return await http.get(target)\n"
            "    except ScrapeError as error:\n"
            "        if 'connect' in str(error): raise\n"
            "        return b'shop_up 0\\n'"
        ),
        {},
        "misbehaves (error) gives a scrape",
    ),
    "secrets": (
        custom(
            "async def scrape(self, target, http):\n"
            "    raise ScrapeError(f'cannot ask as {target.access.basic_auth.password}')"
        ),
        {},
        "an error shows a password",
    ),
    "secrets-log": (
        custom(
            "async def scrape(self, target, http):\n"
            "    logging.getLogger('shop').debug('asking with %s', dict(target.access.headers))\n"
            "    return await http.get(target)"
        ),
        {},
        "the log shows a password",
    ),
    "promtool": (GOOD, {"made": lambda: MADE.replace("HELP shop_orders_total Orders.", "Orders")}, "promtool says: "),
    "configuration": (
        GOOD,
        {"readme": README + "```yaml\nexporters:\n  - {name: shop_exporter, intervall: 5s}\n```\n"},
        "did you mean 'interval'?",
    ),
    "documented": (GOOD, {"readme": README.replace("queue_seconds", "the queue")}, "does not have queue_seconds"),
    "documented-not": (GOOD, {"readme": None}, "there is no README.md"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_exporter_is_found(case: str, tmp_path: Path) -> None:
    """A check fails for an exporter that breaks it, with the problem and what to do about it."""
    source, changes, problem = BAD[case]
    given = dict(changes)
    written = {name: given.pop(name) for name in ("text", "readme") if name in given}
    project = write_project(tmp_path, source, **written)
    if case.startswith("promtool"):
        (project.folder / "tests" / "shop_exporter.prom").write_text(TEXT.replace("shop_orders_total", "shop_sold"))
    name = case.partition("-")[0]
    verdict = judge_project(project, "loads", name, **given)[name]
    assert verdict.status == "failed", verdict
    assert problem in verdict.message
    assert verdict.remedy.endswith((".", "/"))


@pytest.mark.parametrize(
    ("scrape", "problem"),
    [
        ("def scrape(self, target, http):\n    time.sleep(25)", "has not returned"),
        ("async def scrape(self, target, http):\n    time.sleep(25)", "cannot be cancelled"),
        (
            "async def scrape(self, target, http):\n"
            "    while True:\n"
            "        try:\n            await asyncio.sleep(25)\n"
            "        except asyncio.CancelledError:\n            pass",
            "cannot be cancelled",
        ),
    ],
)
def test_one_that_cannot_be_stopped_is_found(
    scrape: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape that blocks, or keeps its cancellation to itself, fails the check of the timeout, and ends it."""
    monkeypatch.setattr("nodepulse_core.testing.checks.scraping._PATIENCE", 2.0)
    project = write_project(tmp_path, custom(scrape))
    (check,) = (each for each in EXPORTER_CHECKS if each.name == "timeout")
    with project.importable():
        verdict = judge(check, Subject(project.plugins[0], project))
    assert verdict.status == "failed"
    assert problem in verdict.message


ASKING = """
import asyncio
from nodepulse_core import Family, HTTPExporter, ScrapeError, hookimpl

class Collector:
    async def collect(self, target):
        host, port = target.endpoint.split(":")[1:]
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError as error:
            raise ScrapeError(f"cannot ask {host}:{port}: {error.strerror}") from error
        try:
            ASK
        finally:
            writer.close()

@hookimpl
def nodepulse_exporters():
    yield HTTPExporter(
        "shop_exporter", default_endpoint="shop:localhost:9150", collectors={"shop": Collector()}, fields={"a": "a"}
    )
"""


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        ("await reader.readline()", ""),
        ("await asyncio.wait_for(reader.readline(), 0.1)", "does not answer shop: shop_exporter raised TimeoutError"),
        ("await asyncio.shield(asyncio.sleep(0.1)); return []", "does not answer shop: its exposition holds no sample"),
    ],
)
def test_the_timeout_holds_for_other_schemes_too(ask: str, problem: str, tmp_path: Path) -> None:
    """Where the default endpoint is of a scheme of its own, it is asked there too, at a port that takes no question."""
    project = write_project(tmp_path, ASKING.replace("ASK", ask))
    verdicts = judge_project(project, "loads", "down", "timeout")
    assert verdicts["down"].status == "passed"
    assert verdicts["timeout"].status == ("failed" if problem else "passed")
    assert problem in verdicts["timeout"].message


def test_what_cannot_be_checked_says_what_is_lacking(tmp_path: Path) -> None:
    """Without a recorded text, promtool's text and the fractions, those checks are skipped, with a reason."""
    project = write_project(tmp_path, text=None)
    verdicts = judge_project(project, fractions=None, made=None)
    skipped = {name: each.message for name, each in verdicts.items() if each.status == "skipped"}
    assert skipped.keys() == {"recorded", "fields", "strict", "integers", "absent", "detect", "promtool"}
    assert "curl -s" in skipped["recorded"]


def test_a_recorded_text_that_is_not_there_is_found(tmp_path: Path) -> None:
    """A file that was renamed is named, with how to record it anew."""
    verdict = judge_project(write_project(tmp_path), "loads", "recorded", recorded=(tmp_path / "gone.prom",))[
        "recorded"
    ]
    assert verdict.status == "failed"
    assert verdict.message == f"{tmp_path}/gone.prom cannot be read: No such file or directory"


def test_what_is_deprecated_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that has a hook of old still loads in the agent; the check says so, while there is time to change it."""
    project = write_project(tmp_path)
    monkeypatch.setattr(PluginHost, "deprecated", lambda _, plugin: (f"{plugin.name} has a hook of old",))
    verdict = judge_project(project, "loads")["loads"]
    assert (verdict.status, verdict.message) == ("failed", "shop_exporter has a hook of old")


def test_one_that_does_not_load_is_asked_no_more(tmp_path: Path) -> None:
    """Where loading fails, the others are skipped for that reason."""
    verdicts = judge_project(write_project(tmp_path, "import nowhere\n"))
    assert verdicts.pop("loads").message.endswith("or: pip install nowhere")
    assert {(each.status, each.message) for each in verdicts.values()} == {("skipped", "the check loads failed")}
