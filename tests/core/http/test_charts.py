"""The drawings: each scrape a bar, each half minute a step, and both said in words."""

from __future__ import annotations

import re

import pytest
from attrs import evolve
from nodepulse_core.health import Outcome
from nodepulse_core.http.charts import ceiling, draw_backlog, draw_spark
from support.pages import make_backlog


def bars(drawing: str, kind: str) -> list[tuple[int, float]]:
    """Return where bars stand, and how high each is."""
    (path,) = re.findall(f'class="{kind}" d="([^"]*)"', drawing)
    return [(int(x), 24.0 if to == "V0" else -float(to[1:])) for x, to in re.findall(r"M(\d+) 24(V0|v-[\d.]+)", path)]


def test_each_scrape_is_a_bar() -> None:
    """The latest stands at the right, as high as it took long; one that failed has the full height, in its own path."""
    drawing = draw_spark((Outcome(0, 0.05, 1), Outcome(15, 3.0, error="refused"), Outcome(30, 0.1, 1)))
    assert bars(drawing, "good") == [(172, 10), (178, 20)]
    assert bars(drawing, "bad") == [(175, 24.0)]
    assert 'aria-label="the last 3 scrapes: 1 failed; 50 ms to 100 ms"' in drawing


def test_no_more_than_sixty_are_drawn() -> None:
    """All within the drawing."""
    drawn = bars(draw_spark(tuple(Outcome(slot, 0.1) for slot in range(70))), "good")
    assert (len(drawn), drawn[0][0], drawn[-1][0]) == (60, 1, 178)


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_a_scrape_that_took_no_time_is_seen(seconds: float) -> None:
    """A bar never vanishes."""
    assert bars(draw_spark((Outcome(0, seconds),)), "good")[0][1] >= 1


def test_before_the_first_scrape_nothing_is_drawn() -> None:
    """Nothing, and where all failed no duration is told."""
    assert draw_spark(()) == ""
    assert 'aria-label="the last 1 scrape: 1 failed"' in draw_spark((Outcome(0, 0.1, error="refused"),))


@pytest.mark.parametrize(("most", "top"), [(0, 10), (10, 10), (11, 20), (21, 50), (724, 1000), (5001, 10_000)])
def test_a_chart_ends_at_a_round_number(most: int, top: int) -> None:
    """1, 2 or 5 of a power of ten, at least 10: a few entries on their way are no mountain."""
    assert ceiling(most) == top


def steps_of(drawing: str) -> tuple[float, list[tuple[float, float]]]:
    """Return where a chart begins, and each step: its height in the drawing, and where it ends."""
    ((left, path),) = re.findall(r'class="line" d="M([\d.]+) 120([^"]*)"', drawing)
    return float(left), [(float(y), float(x)) for y, x in re.findall(r"V([\d.]+)H([\d.]+)", path)]


def test_the_backlog_runs_over_an_hour() -> None:
    """From the left an hour ago to the right now, upside down as SVG counts."""
    left, steps = steps_of(draw_backlog(make_backlog(0, 0, 10, 0, 5), "a label"))
    assert left == 0.0
    assert steps == [(119.0, 0.0), (119.0, 180.0), (1.0, 360.0), (119.0, 540.0), (60.0, 720.0)]


def test_a_step_is_the_most_of_half_a_minute() -> None:
    """What comes and goes within it is seen as it was at its height, and is no comb."""
    _, steps = steps_of(draw_backlog(make_backlog(*[0, 7, 0] * 120), "a label"))
    assert len(steps) == 121
    assert {y for y, _ in steps[1:]} == {36.4}


def test_a_young_agent_has_a_short_chart() -> None:
    """From the first moment there is a step to be seen, at the right."""
    assert steps_of(draw_backlog(make_backlog(5), "a label")) == (714.0, [(60.0, 720.0)])
    assert 'aria-label="a &quot;label&quot;"' in draw_backlog(make_backlog(5), 'a "label"')


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_was_set_leaves_the_chart_in_its_frame(jump: float) -> None:
    """What was noted by another time is drawn at the edge, not outside."""
    old = tuple(evolve(point, at=point.at + jump) for point in make_backlog(5, 6, 7))
    left, steps = steps_of(draw_backlog((*old, *make_backlog(5)), "a label"))
    assert min(left, *(x for _, x in steps)) >= 0
    assert max(x for _, x in steps) == 720
