"""The groups of process-exporter, against an independent reading of the same recorded text."""

from __future__ import annotations

from typing import Any

import pytest
from nodepulse_core.exposition import stamp
from nodepulse_exporter_process import nodepulse_exporters
from support.oracle import EXPOSITIONS, read_series, total

RECORDED = (EXPOSITIONS / "process_exporter-0.7.10.prom").read_text()
PROCESSES = "namedprocess_namegroup_num_procs"
CPU = "namedprocess_namegroup_cpu_seconds_total"
MEMORY = "namedprocess_namegroup_memory_bytes"


def snapshot(text: str) -> list[dict[str, Any]]:
    """Return what the exporter makes of a text, once it is stamped."""
    (exporter,) = nodepulse_exporters()
    made = exporter.snapshot(stamp(text.encode(), 1_800_000_000)[0].decode())
    assert isinstance(made, list)
    return made


def test_every_group_with_processes_is_an_object() -> None:
    """Each group's object holds the values that stand in the recorded text; the group that has ended is left out."""
    series = read_series(RECORDED)
    expected = [
        {
            "name": name,
            "num_procs": total(series, PROCESSES, lambda labels, name=name: labels["groupname"] == name),
            "cpu_seconds_total": total(series, CPU, lambda labels, name=name: labels["groupname"] == name),
            "memory_bytes": total(
                series,
                MEMORY,
                lambda labels, name=name: labels["groupname"] == name and labels["memtype"] == "resident",
            ),
        }
        for name in ("nginx", "redis-server")
    ]
    assert f'{PROCESSES}{{groupname="sleep"}} 0\n' in RECORDED
    assert snapshot(RECORDED) == [pytest.approx(each) for each in expected]
    assert [each["num_procs"] for each in expected] == [2, 1]


def test_a_name_may_hold_anything() -> None:
    """A group's name is the label's value, its escapes undone."""
    (group,) = snapshot(f'{PROCESSES}{{groupname="a\\"b\\\\c, d=\\"e\\""}} 1\n')
    assert group == {"name": 'a"b\\c, d="e"', "num_procs": 1}


def test_what_is_absent_is_left_out() -> None:
    """A group without memory or CPU time has no such field; metrics of groups without processes make no object."""
    text = f'{PROCESSES}{{groupname="a"}} 3\n{CPU}{{groupname="b",mode="user"}} 1\n{MEMORY}{{groupname="b"}} 1\n'
    assert snapshot(text) == [{"name": "a", "num_procs": 3}]


@pytest.mark.parametrize("value", ["0", "NaN", "-1"])
def test_a_group_without_processes_is_no_object(value: str) -> None:
    """Only a number above zero is a group with processes."""
    assert snapshot(f'{PROCESSES}{{groupname="a"}} {value}\n') == []


def test_an_exporter_that_watches_nothing_yet_is_recognised() -> None:
    """The exporter is told by what it says of itself: without a configuration it has no group."""
    (exporter,) = nodepulse_exporters()
    assert exporter.detect("namedprocess_scrape_errors 0\n")
    assert not exporter.detect("process_cpu_seconds_total 1\n")
