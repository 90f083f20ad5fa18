"""What `nodepulse top` shows."""

from __future__ import annotations

from typing import Any

import pytest
from nodepulse_core.cli.screen import View, render, sparkline
from nodepulse_core.health import Outcome
from nodepulse_core.http.health import describe_report
from rich.console import Console
from support.reports import NOW, make_report, make_target


def show(view: View, width: int = 120, height: int = 24) -> list[str]:
    """Return the lines of a screen."""
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as captured:
        console.print(render(view, height))
    return [line.rstrip() for line in captured.get().splitlines()]


def report(**changes: Any) -> dict[str, Any]:
    """Return a report as `/health?history=1` answers it."""
    return describe_report(make_report(**changes), history=True)


def test_a_screen_tells_the_agent_and_its_targets() -> None:
    """Head, figures, a line for each target with its scrapes or its error, and the keys."""
    outcomes = tuple(Outcome(int(NOW) - 15 * back, 0.1, 30) for back in (2, 1, 0))
    targets = (
        make_target("redis_exporter", recent=outcomes),
        make_target("[bold]down", status="failed", last_error="connection refused"),
    )
    lines = show(View(report(targets=targets, status="degraded")))
    assert lines[0].startswith("▲ degraded  nodepulse 0.1.0  up 1h  server_id test-1")
    assert "targets 1 of 2 up" in lines[1]
    assert "2.0 samples/s" in lines[1]
    assert "on disk 3 (2.9KiB)" in lines[1]
    (up,) = (line for line in lines if line.startswith("● up"))
    (down,) = (line for line in lines if line.startswith("✗ down"))
    assert up.endswith("███")
    assert down.split()[2] == "[bold]down"
    assert down.endswith("connection refused")
    assert lines[-1] == "q quit   p pause   u only the unhealthy"


def test_what_is_wrong_is_told_once() -> None:
    """A reason that no target's line has stands above the figures, a few of them at most; all fits 80 columns."""
    targets = (make_target("db", status="failed", last_error="refused"),)
    wrong = ("db fails: refused", "nothing is delivered: 503", "one", "two", "three", "four")
    lines = show(View(report(targets=targets, status="degraded", reasons=wrong)), width=80)
    assert lines[1:5] == ["nothing is delivered: 503", "one", "two", "… 2 more reasons; see: nodepulse status"]
    assert lines[5].endswith("delivered 1s ago")
    assert sum("refused" in line for line in lines) == 1


def test_an_agent_that_is_away_is_said_with_the_last_report() -> None:
    """The reason stands below the head, and what was known stays to be read."""
    lines = show(View(report(), error="no agent answers"))
    assert lines[0].startswith("✗ away")
    assert lines[1] == "no agent answers; trying again"
    assert any("redis_exporter" in line for line in lines)
    assert show(View(error="no agent answers"))[1] == "no agent answers; trying again"


def test_only_the_unhealthy_are_shown_where_that_is_asked_for() -> None:
    """Targets that are up are left out; where none is down that is said."""
    targets = (make_target("fine"), make_target("broken", status="failed", last_error="no"))
    lines = show(View(report(targets=targets), unhealthy_only=True))
    assert not any("fine" in line for line in lines)
    assert any("broken" in line for line in lines)
    assert lines[-1].endswith("u all targets")
    assert "no target is unhealthy" in show(View(report(), unhealthy_only=True))


@pytest.mark.parametrize("height", [9, 24, 60])
@pytest.mark.parametrize("width", [40, 120])
def test_it_fits_the_terminal(width: int, height: int) -> None:
    """Whatever the size, no line is too wide and the keys stay in sight; what has no room is counted."""
    targets = tuple(make_target(f"target_{number}", last_error="e" * 300) for number in range(100))
    reasons = tuple(f"reason {number}" for number in range(9))
    lines = show(View(report(targets=targets, reasons=reasons), error="away", paused=True), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert any("more; u shows" in line for line in lines)


def test_a_tiny_terminal_has_head_and_keys() -> None:
    """Where there is no room for targets, the state and the keys remain."""
    lines = show(View(report(), error="away"), 20, 5)
    assert (len(lines), lines[0].split()[1], lines[-1][:6]) == (3, "away", "q quit")


def test_bars_are_in_proportion() -> None:
    """The largest value is the highest bar; without values there is nothing, and zeros are low."""
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([]) == ""
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert len(sparkline([1.0] * 60)) == 20
