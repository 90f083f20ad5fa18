"""The rows of the status page's table: one for each target."""

from __future__ import annotations

from nodepulse_core.agent.report import TargetReport, TargetStatus
from nodepulse_core.http.charts import draw_spark
from nodepulse_core.http.markup import Markup, fill
from nodepulse_core.http.wording import ago, ahead, lasting, say_number, say_took
from nodepulse_core.units import format_duration

_SHAPES: dict[TargetStatus, str] = {
    "running": '<circle cx="8" cy="8" r="7"/>',
    "failed": '<path d="M8 1 16 15H0Z"/>',
    "starting": '<circle class="ring" cx="8" cy="8" r="5.5"/>',
}
_ORIGINS = {"api": "added at run time", "discovery": "found by discovery"}
# The roles are said, because a narrow page shows the table as cards, and some browsers then forget that it is one.
_ROW = (
    '<tr id="{id}" class="{status}" role="row">'
    '<td class="state" role="cell">'
    '<svg class="shape" viewBox="0 0 16 16" aria-hidden="true">{shape}</svg> {status}</td>'
    '<th scope="row" role="rowheader"><b>{name}</b><small>{what}</small>{trouble}</th>'
    '<td class="type{same}" role="cell">{type}</td>'
    '<td class="number" data-label="every" role="cell">{every}</td>'
    '<td class="number" role="cell">{last}</td>'
    '<td class="number" data-label="took" role="cell">{took}</td>'
    '<td class="number" data-label="samples" role="cell">{samples}</td>'
    '<td class="scrapes" role="cell">{spark}</td></tr>'
)
_TROUBLE = '<p class="trouble">{error} <small>failing for {span}{again}</small></p>'
_RESPONSE = ' · <a href="/targets/{name}/last" aria-label="last response of {name}">last response</a>'
_NOTHING = "–"


class Rows:
    """Draws rows, and keeps those whose target has not changed."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[TargetReport, Markup]] = {}

    def draw(self, target: TargetReport, now: float | None) -> Markup:
        """Return a target's row; without `now` the one that was drawn before, where nothing has changed."""
        if now is not None:
            return draw_row(target, now)
        known = self._drawn.get(target.name)
        if known is None or known[0] != target:
            known = self._drawn[target.name] = (target, draw_row(target, None))
        return known[1]

    def keep(self, names: set[str]) -> None:
        """Forget the rows of all other targets."""
        self._drawn = {name: drawn for name, drawn in self._drawn.items() if name in names}


def draw_row(target: TargetReport, now: float | None) -> Markup:
    """Draw a target: its state as shape, word and colour, and its last scrape, or why that failed and what is next."""
    last = target.recent[-1] if target.recent else None
    good = last is not None and last.error is None
    return fill(
        _ROW,
        id=f"target-{target.name}",
        status=target.status,
        shape=Markup(_SHAPES[target.status]),
        name=target.name,
        what=_describe(target),
        trouble=_draw_trouble(target, now),
        type=target.type,
        same=" same" if target.type == target.name else "",
        every=format_duration(target.interval),
        last=_NOTHING if target.last_scrape is None else ago(target.last_scrape, now),
        took=say_took(last.seconds) if last is not None and good else _NOTHING,
        samples=say_number(last.samples) if last is not None and good else _NOTHING,
        spark=draw_spark(target.recent),
    )


def _describe(target: TargetReport) -> Markup:
    origin = _ORIGINS.get(target.origin)
    response = Markup("") if target.last_scrape is None else fill(_RESPONSE, name=target.name)
    what = target.endpoint if origin is None else f"{target.endpoint} · {origin}"
    return fill("{what}{response}", what=what, response=response)


def _draw_trouble(target: TargetReport, now: float | None) -> Markup:
    if target.status != "failed":
        return Markup("")
    since, again = target.failing_since, target.next_scrape
    return fill(
        _TROUBLE,
        error=target.last_error or "it failed",
        span=Markup("") if since is None else lasting(since, now),
        again=Markup("") if again is None else fill("; next try {when}", when=ahead(again, now)),
    )
