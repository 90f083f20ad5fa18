"""The agent's own metrics."""

from __future__ import annotations

import subprocess

from attrs import evolve
from nodepulse_core.agent.metrics import make_families
from nodepulse_core.agent.report import PluginReport, ProcessReport, Report
from nodepulse_core.exposition import stamp
from nodepulse_core.families import write_exposition
from support.oracle import read_series
from support.programs import need
from support.reports import NOW, make_report, make_target

BALANCE = {
    "nodepulse_entries_found_total": 1,
    "nodepulse_entries_stored_total": 1,
    "nodepulse_entries_delivered_total": -1,
    "nodepulse_buffer_entries": -1,
    "nodepulse_quarantined_entries": -1,
    "nodepulse_entries_evicted_total": -1,
    "nodepulse_entries_left_total": -1,
}


def values(report: Report) -> dict[str, float]:
    """Return each series of a report's metrics, its labels within its name, with its value."""
    lines = write_exposition(make_families(report)).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_promtool_has_nothing_to_say() -> None:
    """Names, types and help are as Prometheus wants them: `promtool check metrics` passes without a warning."""
    need("promtool")
    text = write_exposition(make_families(make_report()))
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_they_are_an_exposition_that_the_agent_takes_itself() -> None:
    """The scraper's own check takes them, with as many samples as an independent parser finds."""
    text = write_exposition(make_families(make_report()))
    _, samples = stamp(text.encode(), int(NOW))
    assert samples == len(read_series(text))


def test_the_books_balance() -> None:
    """What came in stands against what became of it, to the last entry; the help says how."""
    shown = values(make_report())
    assert sum(sign * shown[name] for name, sign in BALANCE.items()) == 0
    help_ = next(each.help for each in make_families(make_report()) if each.name == "nodepulse_entries_found_total")
    assert all(name in help_ for name in BALANCE)


def test_a_target_has_its_figures() -> None:
    """Each under its name and type: whether it is up, the last scrape, and the counts."""
    shown = values(make_report())
    labels = '{target="redis_exporter",type="redis_exporter"}'
    wanted = {
        "up": 1,
        "last_scrape_timestamp_seconds": NOW,
        "scrape_duration_seconds": 0.25,
        "scrape_samples": 7,
        "scrapes_total": 4,
        "scrape_failures_total": 1,
        "scrape_retries_total": 2,
        "slots_skipped_total": 1,
        "missing_fields": 0,
        "samples_total": 21,
        "scrape_seconds_total": 1.5,
    }
    assert {name: shown[f"nodepulse_target_{name}{labels}"] for name in wanted} == wanted


def test_what_has_not_happened_has_no_value() -> None:
    """A target that was never scraped, an empty buffer and a destination that was never asked are absent, not zero."""
    report = make_report(targets=(make_target(status="starting", recent=(), last_scrape=None),))
    report = evolve(report, buffer=evolve(report.buffer, oldest=None))
    report = evolve(report, delivery=evolve(report.delivery, last_success=None, batches=0, failures=0))
    shown = values(report)
    absent = ("target_up", "target_scrape_duration", "buffer_oldest", "delivery_up", "delivery_last_success")
    assert [name for name in shown if any(f"nodepulse_{each}" in name for each in absent)] == []


def test_troubles_are_seen() -> None:
    """A failed target, dashboard and disk that take nothing, a broken plugin and a dead loop each have a sign."""
    plugin = PluginReport("x_exporter", "x", "1.0", "it cannot be imported")
    report = make_report(
        targets=(make_target(status="failed"),),
        plugins=(plugin,),
        dead=("drain",),
        stalled=("redis",),
        status="unhealthy",
    )
    report = evolve(report, buffer=evolve(report.buffer, error="read-only"))
    shown = values(evolve(report, delivery=evolve(report.delivery, last_error="refused")))
    assert shown['nodepulse_target_up{target="redis_exporter",type="redis_exporter"}'] == 0
    assert shown["nodepulse_delivery_up"] == shown["nodepulse_buffer_writable"] == 0
    assert shown['nodepulse_plugin_up{plugin="x_exporter",distribution="x",version="1.0"}'] == 0
    assert shown["nodepulse_dead_loops"] == 1
    assert shown["nodepulse_stalled_loops"] == 1
    assert {name: value for name, value in shown.items() if name.startswith("nodepulse_status")} == {
        'nodepulse_status{status="healthy"}': 0,
        'nodepulse_status{status="degraded"}': 0,
        'nodepulse_status{status="unhealthy"}': 1,
    }


def test_requests_are_a_histogram() -> None:
    """How many were answered within each bound, how many at all, and their seconds."""
    shown = values(make_report())
    name = "nodepulse_delivery_request_duration_seconds"
    assert shown[f'{name}_bucket{{sender="dashboard",le="0.1"}}'] == 4
    assert shown[f'{name}_bucket{{sender="dashboard",le="+Inf"}}'] == shown[f'{name}_count{{sender="dashboard"}}'] == 10
    assert shown[f'{name}_sum{{sender="dashboard"}}'] == 2.5


def test_processes_of_exporters_are_told_of() -> None:
    """An isolated exporter has its process, its starts and failures and its memory; without one there is nothing."""
    process = ProcessReport("redis", "redis_exporter", 7, 2**24, 3, 2, "its process was ended by SIGSEGV", NOW)
    text = write_exposition(make_families(make_report(processes=(process, evolve(process, target="x", pid=None)))))
    assert 'nodepulse_isolated_process_up{target="redis",type="redis_exporter"} 1' in text
    assert 'nodepulse_isolated_process_up{target="x",type="redis_exporter"} 0' in text
    assert 'nodepulse_isolated_process_failures_total{target="redis",type="redis_exporter"} 2' in text
    assert 'nodepulse_isolated_process_resident_memory_bytes{target="redis",type="redis_exporter"} 16777216' in text
    assert "nodepulse_isolated_process" not in write_exposition(make_families(make_report()))
