"""The fragments of the page: what a person reads first, and that ages alone change nothing."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from attrs import evolve
from nodepulse_core.agent.report import PluginReport, Report
from nodepulse_core.http.fragments import draw
from nodepulse_core.http.rows import Rows
from support.pages import STATES, all_well, dashboard_down, one_failing, sixty_targets
from support.reports import NOW, make_report, make_target


def parts_of(report: Report, show: Literal["all", "unhealthy"] = "all") -> dict[str, str]:
    """Return the fragments as they are read: without tags, in single spaces."""
    drawn = draw(report, Rows(), show=show, host="localhost:8088", now=report.at)
    return {name: re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", part)).strip() for name, part in drawn.parts.items()} | {
        "rows": " ".join(drawn.rows)
    }


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        ("all-well", "healthy No target fails, and everything is delivered."),
        ("one-failing", "degraded 1 of 4 targets fails."),
        ("dashboard-down", "degraded Nothing is delivered."),
        ("nothing-configured", "healthy Nothing to scrape yet."),
        ("sixty-targets", "degraded 2 of 60 targets fail."),
    ],
)
def test_the_headline_says_it_in_a_sentence(state: str, headline: str) -> None:
    """The state and what it means, without figures that change all the time: a screen reader says it each time."""
    assert parts_of(STATES[state]())["headline"] == headline


def test_the_headline_of_other_troubles() -> None:
    """An agent that cannot work says that first; what is no target's and no dashboard's refers to the reasons."""
    assert parts_of(make_report(status="unhealthy"))["headline"] == "unhealthy The agent itself cannot work."
    assert parts_of(make_report(status="degraded"))["headline"] == "degraded Something needs a look."
    starting = make_report(targets=(make_target(status="starting"),))
    assert parts_of(starting)["headline"] == "healthy Waiting for the first scrapes."
    report = make_report()
    young = evolve(report, delivery=evolve(report.delivery, last_success=None))
    assert parts_of(young)["headline"] == "healthy No target fails; nothing has been delivered yet."


def test_the_reasons_are_listed_and_bounded() -> None:
    """Each reason is an item; of very many, the first eight and how many are left."""
    report = make_report(status="degraded", reasons=tuple(f"reason {number}." for number in range(60)))
    assert parts_of(report)["reasons"].endswith("reason 7. … and 52 more")
    assert parts_of(one_failing())["reasons"] == one_failing().reasons[0]
    assert parts_of(all_well())["reasons"] == ""


def test_the_four_figures() -> None:
    """Targets up, samples per second as targets give them, what waits, and the last delivery."""
    assert parts_of(one_failing())["figures"] == (
        "Targets up 3 of 4 1 failed Samples per second 86 "
        "On disk 4 entries 35.2 KiB, oldest from 4 s ago Last delivery 1 s ago to dashboard.example"
    )
    assert parts_of(dashboard_down())["figures"].endswith("Last delivery 40 min ago failing for 40 min")
    assert "57 of 60 2 failed, 1 starting" in parts_of(sixty_targets())["figures"]


def test_the_filter_leaves_what_fails() -> None:
    """Both choices are links with their counts; the other one leaves only failed targets."""
    assert parts_of(sixty_targets())["filter"] == "all 60 unhealthy 2"
    assert parts_of(sixty_targets(), "unhealthy")["rows"] == "target-orders_db_07 target-orders_db_23"
    assert parts_of(all_well(), "unhealthy")["empty"] == "No target fails."


def test_an_empty_agent_says_what_to_do() -> None:
    """Where there is no target, the commands that add one stand there, for the address that was asked."""
    empty = parts_of(make_report(targets=()))["empty"]
    assert "nodepulse discover nodepulse exporters add node_exporter" in empty
    assert "curl -X POST http://localhost:8088/api/exporters -d" in empty
    assert "discovery: {enabled: true}" in empty


def test_the_backlog_is_said_in_words() -> None:
    """Its caption tells what the drawing shows."""
    assert parts_of(dashboard_down())["backlog"].startswith(
        "724 entries wait now; the most were 724, at 08:00 UTC. 1,000 "
    )
    assert parts_of(STATES["nothing-configured"]())["backlog"].startswith("Nothing waited.")


def test_a_plugin_that_cannot_be_used_is_named() -> None:
    """With its distribution, version and why; without one nothing is there."""
    broken = PluginReport("mysql_exporter", "nodepulse-exporter-mysql", "0.2", "no module named 'x'")
    assert parts_of(make_report(plugins=(broken,)))["plugins"] == (
        "mysql_exporter of nodepulse-exporter-mysql 0.2 cannot be used: no module named &#x27;x&#x27;"
    )
    assert parts_of(make_report())["plugins"] == ""


@pytest.mark.parametrize("state", STATES)
def test_time_alone_changes_nothing(state: str) -> None:
    """Where ages are left to the script, the same agent a second later is drawn the same."""
    report = STATES[state]()
    later = evolve(report, at=NOW + 1, backlog=tuple(evolve(each, at=each.at + 1) for each in report.backlog))
    first = draw(report, Rows(), show="all", host="localhost", now=None)
    assert draw(later, Rows(), show="all", host="localhost", now=None) == first
