"""Fields that go missing: what counts as that, how it is said, and that a restart forgets none."""

from __future__ import annotations

import contextlib
import http.server
import logging
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from nodepulse_core import Exporter, Field, HTTPExporter, Integer, Ratio, Target
from nodepulse_core.drift import ENOUGH, EXPECTED_SECONDS, Drift
from nodepulse_core.field_memory import FieldMemory, MissingField
from nodepulse_core.fields import parse_field, take_fields
from support.agents import running_agent
from support.plugins import Site, exporter_source
from support.programs import PATIENCE
from support.repository import ROOT

UPGRADES = ROOT / "tests" / "fixtures" / "upgrades"
START = 1_800_000_000
TARGET = Target("orders_db", "postgres_exporter", "http://localhost:9188/metrics", 15, 3, payload="snapshot")
FIELDS: dict[str, str | Field] = {"pg_up": "pg_up", "pg_active": Integer('activity{state="active"}'), "pg_size": "size"}
WHOLE = 'pg_up 1\nactivity{state="active"} 3\nsize 5\n'
WITHOUT = "pg_up 1\nsize 5\n"
REASON = "postgres_exporter no longer has activity"


class Watched:
    """A drift over a state directory, and a target whose snapshots it is shown."""

    def __init__(self, path: Path, fields: Mapping[str, str | Field] = FIELDS) -> None:
        self.path = path
        self.exporter: Exporter = HTTPExporter("postgres_exporter", default_endpoint="", fields=fields)
        self.drift = Drift(FieldMemory(path))
        self.slot = START

    def restart(self) -> None:
        """Begin anew with what the state directory holds."""
        self.drift = Drift(FieldMemory(self.path))

    def show(self, text: str, times: int = 1, target: Target = TARGET) -> None:
        """Show the snapshots of some slots, all of one text."""
        for _ in range(times):
            made: Any = self.exporter.snapshot(text)
            objects = [made] if isinstance(made, dict) else made
            self.drift.check(target, self.slot, self.exporter, objects, text)
            self.slot += 15

    @property
    def missing(self) -> dict[str, MissingField]:
        """The target's missing fields, by name."""
        return {each.name: each for each in self.drift.missing(TARGET.name)}


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Give a drift that has seen one whole snapshot."""
    made = Watched(tmp_path)
    made.show(WHOLE)
    return made


def test_a_field_that_goes_missing_is_told_once_with_since_when_and_why(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Three snapshots in a row lack it; since when is the first of them; the log has one line, and then silence."""
    since = watched.slot
    watched.show(WITHOUT, ENOUGH - 1)
    assert watched.missing == {}
    watched.show(WITHOUT, 10)
    assert watched.missing == {"pg_active": MissingField("pg_active", since, REASON)}
    assert caplog.messages == [
        f"orders_db: pg_active has been missing since 2027-01-15T08:00:15Z: {REASON}",
    ]


def test_a_field_that_is_back_is_told_once(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """It is missing no more from its first snapshot on, and the log says after how long."""
    watched.show(WITHOUT, 5)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        watched.show(WHOLE, 3)
    assert watched.missing == {}
    assert caplog.messages == ["orders_db: pg_active is there again, after 1m15s"]


def test_one_that_is_left_out_now_and_then_is_no_drift(watched: Watched) -> None:
    """Fewer than three in a row count for nothing, however often."""
    assert ENOUGH == 3
    for _ in range(10):
        watched.show(WITHOUT, 2)
        watched.show(WHOLE)
    assert watched.missing == {}


def test_what_was_never_there_is_not_missed(tmp_path: Path) -> None:
    """A machine without swap has no swap to miss."""
    watched = Watched(tmp_path)
    watched.show(WITHOUT, 10)
    assert watched.missing == {}


def test_labels_that_match_nothing_are_named(watched: Watched) -> None:
    """Where the metric is there and its labels are others, the whole selector is what is gone."""
    watched.show('pg_up 1\nactivity{status="active"} 3\nsize 5\n', ENOUGH)
    assert watched.missing["pg_active"].reason == 'postgres_exporter no longer has activity{state="active"}'


def test_a_field_without_a_value_whose_metrics_are_there_is_no_drift(tmp_path: Path) -> None:
    """A ratio of zeros is left out of the snapshot, and nothing is missing."""
    watched = Watched(tmp_path, {"ratio": Ratio("hit", of=("hit", "read"))})
    watched.show("hit 1\nread 1\n")
    watched.show("hit 0\nread 0\n", 10)
    assert watched.missing == {}
    watched.show("hit 0\n", ENOUGH)
    assert watched.missing["ratio"].reason == "postgres_exporter no longer has read"


def test_a_service_that_is_down_has_no_fields_to_miss(watched: Watched) -> None:
    """An exporter that says `up 0` has nothing to tell, and its fields are not missing for that."""
    watched.show("pg_up 0\n", 10)
    assert watched.missing == {}
    watched.show(WITHOUT, ENOUGH)
    assert set(watched.missing) == {"pg_active"}


def test_a_restart_forgets_nothing(watched: Watched) -> None:
    """What was seen is missed after a restart too, and what was missing still is, since when it was."""
    watched.restart()
    since = watched.slot
    watched.show(WITHOUT, ENOUGH)
    expected = {"pg_active": MissingField("pg_active", since, REASON)}
    assert watched.missing == expected
    watched.restart()
    assert watched.missing == expected
    watched.show(WITHOUT)
    assert watched.missing == expected
    watched.show(WHOLE)
    watched.restart()
    assert watched.missing == {}


def test_what_was_scraped_before_and_is_delivered_later_changes_nothing(watched: Watched) -> None:
    """A backlog that comes after fresh snapshots, or after a restart, neither ends nor begins a drift."""
    watched.slot += 1000
    watched.show(WITHOUT, ENOUGH)
    watched.slot = START + 100
    watched.show(WHOLE, 3)
    assert set(watched.missing) == {"pg_active"}
    watched.restart()
    watched.show(WHOLE, 3)
    assert set(watched.missing) == {"pg_active"}


@pytest.mark.parametrize("change", [{"endpoint": "http://localhost:9199/metrics"}, {"type": "other_exporter"}])
def test_another_endpoint_or_type_is_another_story(watched: Watched, change: dict[str, str]) -> None:
    """What is scraped elsewhere under the same name need not have what was there before."""
    watched.show(WITHOUT, ENOUGH)
    watched.show(WITHOUT, ENOUGH, evolve(TARGET, **change))
    assert watched.missing == {}


def test_an_entry_of_a_target_that_is_no_more_changes_nothing(watched: Watched) -> None:
    """What was scraped of a removed target is delivered without its endpoint, and tells nothing."""
    watched.show(WITHOUT, 5, evolve(TARGET, endpoint=""))
    assert watched.missing == {}
    watched.show(WITHOUT, ENOUGH)
    assert set(watched.missing) == {"pg_active"}


def test_a_plugin_that_no_longer_declares_a_field_does_not_miss_it(watched: Watched) -> None:
    """An upgrade of the plugin that follows its exporter ends the drift."""
    watched.show(WITHOUT, ENOUGH)
    fields = {name: source for name, source in FIELDS.items() if name != "pg_active"}
    watched.exporter = HTTPExporter("postgres_exporter", default_endpoint="", fields=fields)
    watched.show(WITHOUT)
    assert watched.missing == {}
    assert FieldMemory(watched.path).read()[TARGET.name].seen == fields.keys()


def test_a_function_of_the_exporter_is_held_to_the_names_it_gives(tmp_path: Path) -> None:
    """Over several objects, a field is there if any has it; no object at all says nothing."""
    watched = Watched(tmp_path)

    def split(text: str) -> list[dict[str, Any]]:
        return [dict.fromkeys(line.split(), 1) for line in text.splitlines()]

    watched.exporter = HTTPExporter("groups", default_endpoint="", snapshot=split, field_names=("name", "cpu"))
    watched.show("name cpu\nname other\n")
    watched.show("", 5)
    watched.show("name\nname cpu\n", 5)
    assert watched.missing == {}
    watched.show("name\nname\n", ENOUGH)
    assert watched.missing["cpu"].reason == "the snapshots of postgres_exporter no longer have it"


def test_after_a_week_a_field_is_no_longer_expected(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once more, and the agent is well again; a field that comes back later is as new."""
    watched.show(WITHOUT, ENOUGH)
    watched.slot += EXPECTED_SECONDS
    caplog.clear()
    watched.show(WITHOUT, 5)
    assert watched.missing == {}
    assert caplog.messages == ["orders_db: pg_active has been missing for 7d; it is no longer expected"]


def test_many_fields_are_one_line_of_a_bounded_length(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first five are named, the others counted; all are known."""
    watched = Watched(tmp_path, {f"field_{number:02}": f"metric_{number}" for number in range(30)})
    watched.show("".join(f"metric_{number} 1\n" for number in range(30)))
    watched.show("metric_0 1\n", ENOUGH)
    (line,) = caplog.messages
    assert line.count("has been missing") == 5
    assert line.endswith("; and 24 more")
    assert len(watched.missing) == 29


def test_the_file_is_written_when_something_changes_and_not_else(watched: Watched) -> None:
    """A thousand whole snapshots write nothing."""
    file = watched.path / "fields.json"
    file.unlink()
    watched.show(WHOLE, 1000)
    watched.show(WITHOUT, ENOUGH - 1)
    assert not file.exists()
    watched.show(WITHOUT)
    assert file.exists()


def test_a_state_directory_that_cannot_be_written_costs_the_memory_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once; what is missing is known while the agent runs."""
    (tmp_path / "state").write_text("a file, where a directory is due")
    watched = Watched(tmp_path / "state")
    caplog.clear()
    watched.show(WHOLE)
    watched.show(WITHOUT, ENOUGH)
    assert set(watched.missing) == {"pg_active"}
    assert caplog.text.count("after a restart it is not known which fields are missing") == 1


def test_a_field_that_cannot_be_looked_at_costs_nothing(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """A plugin's own kind of field that raises where it is looked at is logged, and not raised."""

    class Odd:
        __class__ = property(lambda _: 1 / 0)  # type: ignore[assignment]  # what isinstance asks for

        def take(self, exposition: object) -> None:
            del exposition

    watched.exporter.fields["pg_active"] = Odd()  # type: ignore[attr-defined]  # an HTTPExporter
    text = "pg_up 1\nsize 5\n"
    for slot in range(ENOUGH):
        watched.drift.check(TARGET, watched.slot + slot, watched.exporter, [{"pg_up": 1, "pg_size": 5}], text)
    assert watched.missing == {}
    assert "its fields cannot be compared" in caplog.text


def test_postgres_exporter_0_20_takes_no_field_of_ours_away(tmp_path: Path) -> None:
    """Its renames are of replication slots: every field is there before and after, whatever its labels are now."""
    from nodepulse_exporter_postgres import FIELDS as OURS  # noqa: PLC0415 - beside the tests' own

    watched = Watched(tmp_path, OURS)
    old, new = ((UPGRADES / f"postgres_exporter-{version}.prom").read_text() for version in ("0.19.1", "0.20.0"))
    watched.show(old)
    watched.show(new, 5)
    assert watched.missing == {}
    parsed = {name: parse_field(source) for name, source in OURS.items()}
    assert take_fields(parsed, new) == take_fields(parsed, old)
    assert len(take_fields(parsed, old)) == len(OURS)


def test_a_metric_that_postgres_exporter_0_20_renamed_is_named(tmp_path: Path) -> None:
    """A field of replication slots goes missing with the upgrade, under its old name."""
    watched = Watched(tmp_path, {"pg_up": "pg_up", "slot_active": "pg_replication_slot_slot_is_active"})
    watched.show((UPGRADES / "postgres_exporter-0.19.1.prom").read_text())
    watched.show((UPGRADES / "postgres_exporter-0.20.0.prom").read_text(), ENOUGH)
    assert watched.missing["slot_active"].reason == (
        "postgres_exporter no longer has pg_replication_slot_slot_is_active"
    )


class _Answers(http.server.BaseHTTPRequestHandler):
    """Answers a GET with the server's text, and takes every POST."""

    def do_GET(self) -> None:
        self._answer(self.server.text.encode())  # type: ignore[attr-defined]  # given to the server below

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def answering(text: str) -> Iterator[Any]:
    """Run a server that is exporter and dashboard; its `text` may be changed."""
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads, server.text = True, text
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("", "slots_exporter no longer has pg_replication_slot_slot_is_active"),
        ("plugins: {isolated: [slots_exporter]}\n", "the snapshots of slots_exporter no longer have it"),
    ],
    ids=["inside", "isolated"],
)
def test_an_agent_tells_an_upgrade_in_health_metrics_and_log(tmp_path: Path, more: str, reason: str) -> None:
    """postgres_exporter goes from 0.19 to 0.20 under a running agent, which is restarted, and back."""
    old, new = ((UPGRADES / f"postgres_exporter-{version}.prom").read_text() for version in ("0.19.1", "0.20.0"))
    site = Site(tmp_path / "site")
    source = exporter_source("slots_exporter").replace('"up": "up"', '"slot": "pg_replication_slot_slot_is_active"')
    site.add("slots", exporters={"slots_exporter": "slots_module"}, slots_module=source)
    path = f"PYTHONPATH={site.path}"

    def fields(health: Any) -> dict[str, list[Any]]:
        return {each["name"]: each["missing_fields"] for each in health["exporters"]}

    with answering(old) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        targets = {"slots_exporter": f"{url}/metrics", "postgres_exporter": f"{url}/metrics"}
        agent = partial(running_agent, tmp_path, targets, more, command=["env", path], destination=f"{url}/in")
        with agent() as first:
            first.until("/health", lambda _: FieldMemory(tmp_path).read().keys() >= targets.keys())
            server.text = new
            health = first.until("/health", lambda health: fields(health)["slots_exporter"])
            (gone,) = fields(health)["slots_exporter"]
            assert (gone["name"], fields(health)["postgres_exporter"]) == ("slot", [])
            sentence = f"slot has been missing since {gone['since']}: {gone['reason']}"
            assert gone["reason"] == reason
            assert (health["status"], health["reasons"]) == ("degraded", [f"slots_exporter: {sentence}"])
        assert first.log.read_text().count(sentence) == 1
        with agent() as second:
            again = second.until("/health", lambda health: health["delivery"]["batches"] >= 1)
            assert fields(again)["slots_exporter"] == [gone]
            metric = 'nodepulse_target_missing_fields{target="slots_exporter",type="slots_exporter"} 1\n'
            with urllib.request.urlopen(f"{second.url}/metrics", timeout=PATIENCE) as metrics:
                assert metric in metrics.read().decode()
            server.text = old
            second.until("/health", lambda health: health["status"] == "healthy")
        assert "slots_exporter: slot is there again" in second.log.read_text()
