"""The status page in fragments, each with an id of its own: drawn from a report, and drawn again only where it changed.

With the time, a fragment says ages in words, as the page itself does that needs no script. Without it the words are
left to the page's script, so that a fragment differs only where more has changed than the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from attrs import frozen

from nodepulse_core.agent.report import Report, Status, TargetReport
from nodepulse_core.http.charts import ceiling, draw_backlog
from nodepulse_core.http.markup import Markup, fill, join
from nodepulse_core.http.rows import Rows
from nodepulse_core.http.wording import ago, lasting, say_count, say_number, say_size
from nodepulse_core.units import format_slot

Show = Literal["all", "unhealthy"]
"""Which targets the table shows."""

_MOST_REASONS = 8
_SHAPES: dict[Status, str] = {
    "healthy": '<circle cx="8" cy="8" r="7"/>',
    "degraded": '<path d="M8 0 16 8 8 16 0 8Z"/>',
    "unhealthy": '<path d="M8 1 16 15H0Z"/>',
}
_HEADLINE = (
    '<p id="headline" class="{status}" role="status"><svg class="shape" viewBox="0 0 16 16" aria-hidden="true">'
    "{shape}</svg> <b>{status}</b> <span>{sentence}</span></p>"
)
_FIGURE = '<div class="{mood}"><dt>{name}</dt><dd>{value} <small>{more}</small></dd></div>'
_EMPTY = """<div id="empty"><h3>No targets yet</h3>
<p>Find what answers on this machine, and add one; it appears here at once and is kept over a restart:</p>
<pre>nodepulse discover
nodepulse exporters add node_exporter
curl -X POST http://{host}/api/exporters -d '{example}'</pre>
<p>Or name them under <code>exporters:</code> in the configuration file, or have them found by
<code>discovery: {{enabled: true}}</code> there.</p></div>"""
_EXAMPLE = '{"name": "node_exporter", "endpoint": "http://localhost:9100/metrics", "interval": "15s"}'
_BACKLOG = """<figure id="backlog"><figcaption>{caption}</figcaption>
<div class="plot"><span class="top">{top}</span>{drawing}<span class="bottom">0</span></div>
<p class="axis" aria-hidden="true"><span>1 h ago</span><span>30 min ago</span><span>now</span></p></figure>"""


@frozen
class Fragments:
    """All of a page at a moment: HTML by id, the rows of the table among it, in their order."""

    parts: dict[str, Markup]
    rows: tuple[str, ...]


def draw(report: Report, rows: Rows, *, show: Show, host: str, now: float | None) -> Fragments:
    """Draw a report; `rows` draws those of the table, `host` is where the page was asked for."""
    shown = [each for each in report.targets if show == "all" or each.status == "failed"]
    drawn = {f"target-{each.name}": rows.draw(each, now) for each in shown}
    parts = {
        "headline": _draw_headline(report),
        "reasons": _draw_reasons(report.reasons),
        "figures": _draw_figures(report, now),
        "filter": _draw_filter(report.targets, show),
        "empty": _draw_empty(report.targets, shown, host),
        "backlog": _draw_backlog(report),
        "plugins": _draw_plugins(report),
        **drawn,
    }
    return Fragments(parts, tuple(drawn))


def _draw_headline(report: Report) -> Markup:
    status = report.status
    return fill(_HEADLINE, status=status, shape=Markup(_SHAPES[status]), sentence=_summarise(report))


def _summarise(report: Report) -> str:
    if report.status == "unhealthy":
        return "The agent itself cannot work."
    failed = sum(target.status == "failed" for target in report.targets)
    if report.status == "degraded":
        troubles = []
        if failed:
            verb = "fails" if failed == 1 else "fail"
            troubles.append(f"{failed} of {say_count(len(report.targets), 'target')} {verb}")
        if report.delivery.last_error is not None:
            troubles.append("nothing is delivered")
        return ("; ".join(troubles) or "something needs a look").capitalize() + "."
    if not report.targets:
        return "Nothing to scrape yet."
    if all(target.status == "starting" for target in report.targets):
        return "Waiting for the first scrapes."
    if report.delivery.last_success is None:
        return "No target fails; nothing has been delivered yet."
    return "No target fails, and everything is delivered."


def _draw_reasons(reasons: Sequence[str]) -> Markup:
    items = [fill("<li>{reason}</li>", reason=each) for each in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        items.append(fill("<li>… and {left} more</li>", left=len(reasons) - _MOST_REASONS))
    return fill('<ul id="reasons" aria-label="Why">{items}</ul>', items=join(items))


def _draw_figures(report: Report, now: float | None) -> Markup:
    targets, buffer, delivery = report.targets, report.buffer, report.delivery
    up = sum(target.status == "running" for target in targets)
    failed = sum(target.status == "failed" for target in targets)
    starting = len(targets) - up - failed
    rest = ", ".join(f"{count} {word}" for count, word in ((failed, "failed"), (starting, "starting")) if count)
    rate = sum(
        target.recent[-1].samples / target.interval
        for target in targets
        if target.status == "running" and target.recent and target.recent[-1].error is None
    )
    oldest = Markup("") if buffer.oldest is None else fill(", oldest from {age}", age=ago(buffer.oldest, now))
    waiting = fill("{size}{oldest}", size=say_size(buffer.size_bytes), oldest=oldest)
    last = Markup("none yet") if delivery.last_success is None else ago(delivery.last_success, now)
    if delivery.failing_since is None:
        how = fill("to {host}", host=urlsplit(delivery.endpoint).netloc or delivery.endpoint)
    else:
        how = fill("failing for {span}", span=lasting(delivery.failing_since, now))
    figures = (
        ("bad" if failed else "", "Targets up", f"{up} of {len(targets)}", rest),
        ("", "Samples per second", say_number(rate), ""),
        ("bad" if buffer.error else "", "On disk", say_count(buffer.files, "entry", "entries"), waiting),
        ("bad" if delivery.failing_since is not None else "", "Last delivery", last, how),
    )
    drawn = (fill(_FIGURE, mood=mood, name=name, value=value, more=more) for mood, name, value, more in figures)
    return fill('<dl id="figures">{drawn}</dl>', drawn=join(drawn))


def _draw_filter(targets: Sequence[TargetReport], show: Show) -> Markup:
    failed = sum(target.status == "failed" for target in targets)
    ways = (("all", "/", "all", len(targets)), ("unhealthy", "/?show=unhealthy", "unhealthy", failed))
    links = (
        fill('<a href="{link}"{current}>{word} <b>{count}</b></a>', link=link, word=word, count=count, current=current)
        for way, link, word, count in ways
        for current in [Markup(' aria-current="page"' if way == show else "")]
    )
    return fill('<nav id="filter" aria-label="Which targets are shown">{links}</nav>', links=join(links))


def _draw_empty(targets: Sequence[TargetReport], shown: Sequence[TargetReport], host: str) -> Markup:
    if not targets:
        return fill(_EMPTY, host=host, example=_EXAMPLE)
    if not shown:
        return Markup('<p id="empty">No target fails.</p>')
    return Markup('<p id="empty" hidden></p>')


def _draw_backlog(report: Report) -> Markup:
    points = report.backlog
    most = max(points, key=lambda point: point.files)
    waits = say_count(points[-1].files, "entry waits", "entries wait")
    words = f"{waits} now; the most were {say_number(most.files)}, at {format_slot(int(most.at))[11:16]} UTC."
    caption = words if most.files else "Nothing waited."
    return fill(_BACKLOG, caption=caption, top=say_number(ceiling(most.files)), drawing=draw_backlog(points, caption))


def _draw_plugins(report: Report) -> Markup:
    broken = [each for each in report.plugins if each.error is not None]
    items = join(
        fill(
            "<li><b>{name}</b> of {distribution} {version} cannot be used: {error}</li>",
            name=each.name,
            distribution=each.distribution,
            version=each.version,
            error=each.error,
        )
        for each in broken
    )
    return fill('<ul id="plugins">{items}</ul>', items=items)
