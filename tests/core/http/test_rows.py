"""Rows of the table: what they say, and that none is drawn again without a reason."""

from __future__ import annotations

import re

import pytest
from attrs import evolve
from nodepulse_core.health import Outcome
from nodepulse_core.http.rows import Rows, draw_row
from support.pages import REFUSED, fail, make_recent
from support.reports import NOW, make_target


def text(markup: str) -> str:
    """Return what is read of HTML."""
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", markup)).strip()


def test_a_running_target_tells_its_last_scrape() -> None:
    """State, name, where, type, every, last, took, samples, and its last response."""
    row = draw_row(make_target(last_scrape=NOW - 4), NOW)
    assert text(row).startswith(
        "running redis_exporter http://localhost:9121/metrics · last response redis_exporter 15s 4 s ago 250 ms 7"
    )
    assert 'href="/targets/redis_exporter/last"' in row
    assert 'class="spark"' in row


def test_a_failed_target_tells_why_and_what_is_next() -> None:
    """Its error, since when and the next try stand below its name; how long that took is no figure to show."""
    row = draw_row(fail(make_target()), NOW)
    assert f"{REFUSED} failing for 64 s ; next try in 11 s" in text(row)
    assert text(row).endswith(" – – the last 60 scrapes: 5 failed; 18 ms to 24 ms")


def test_a_starting_target_has_nothing_to_show() -> None:
    """No age, no figure, no drawing, and no link to a response that is not there."""
    row = draw_row(make_target(status="starting", recent=(), last_scrape=None), NOW)
    assert text(row) == "starting redis_exporter http://localhost:9121/metrics redis_exporter 15s – – –"
    assert "<a " not in row


@pytest.mark.parametrize(("origin", "said"), [("api", "added at run time"), ("discovery", "found by discovery")])
def test_a_target_from_elsewhere_says_so(origin: str, said: str) -> None:
    """Who looks for it in the file is told where it is from."""
    assert said in draw_row(make_target(origin=origin), NOW)
    assert said not in draw_row(make_target(), NOW)


@pytest.mark.parametrize("status", ["running", "failed", "starting"])
def test_a_state_is_shape_word_and_colour(status: str) -> None:
    """Each state has a shape of its own, its word, and a class for its colour."""
    shapes = {
        each: re.search('aria-hidden="true">(.*?)</svg>', draw_row(make_target(status=each), NOW))
        for each in ("running", "failed", "starting")
    }
    assert len({found[1] for found in shapes.values() if found}) == 3
    assert f'class="{status}"' in draw_row(make_target(status=status), NOW)


def test_a_row_is_drawn_again_only_where_its_target_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An equal target costs nothing; a changed one, and one that was forgotten meanwhile, is drawn."""
    drawn: list[str] = []

    def count(target: object, now: object) -> str:
        drawn.append(str(target))
        return draw_row(target, now)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr("nodepulse_core.http.rows.draw_row", count)
    rows, target = Rows(), make_target(recent=make_recent())
    assert rows.draw(target, None) == rows.draw(evolve(target), None)
    assert len(drawn) == 1
    rows.draw(evolve(target, recent=(*target.recent, Outcome(int(NOW) + 15, 0.1))), None)
    assert len(drawn) == 2
    rows.keep(set())
    rows.draw(target, None)
    assert len(drawn) == 3
    assert ">4 s ago<" in rows.draw(evolve(target, last_scrape=NOW - 4), NOW)
