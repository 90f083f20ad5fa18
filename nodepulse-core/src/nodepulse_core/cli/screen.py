"""What `nodepulse top` shows: a report as a screen, and nothing that waits or asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nodepulse_core.cli.condition import ago, clean, format_age, mark, seconds_between
from nodepulse_core.units import format_size

_BARS = "▁▂▃▄▅▆▇█"
_BARS_SHOWN = 20
_REASONS_SHOWN = 3
_LINES_AROUND = 7
"""Lines besides the targets: head, figures, the table's own, and the keys."""


@frozen
class View:
    """What is looked at: the last report, why there is no newer one, and what was asked for by keys."""

    report: dict[str, Any] | None = None
    error: str | None = None
    paused: bool = False
    unhealthy_only: bool = False


def render(view: View, height: int) -> RenderableType:
    """Return the screen for a terminal of so many lines."""
    parts: list[RenderableType] = [_head(view)]
    if view.error is not None:
        parts.append(_line(Text(f"{clean(view.error)}; trying again", style="red")))
    if view.report is not None and height > _LINES_AROUND:
        reasons = _reasons(view.report)[: height - _LINES_AROUND - 1]
        taken = len(reasons) + (view.error is not None)
        parts += [*reasons, _figures(view.report), _table(view, height - taken)]
    parts.append(_keys(view))
    return Group(*parts)


def _head(view: View) -> Text:
    report = view.report
    shown = mark("away" if view.error is not None else report["status"] if report else "starting")
    head = Text.assemble((str(shown), f"bold {shown.colour}"))
    if report is not None:
        since = format_age(seconds_between(report["started"], report["at"]))
        head.append(f"  nodepulse {report['version']}  up {since}  server_id {report['server_id']}  {report['at']}")
    if view.paused:
        head = Text("paused  ", style="bold yellow") + head
    return _line(head)


def _reasons(report: dict[str, Any]) -> list[Text]:
    """Return why the agent is not healthy, but for targets that fail: those have a line of their own."""
    own = {f"{target['name']} fails: {target['last_error']}" for target in report["exporters"]}
    reasons = [reason for reason in report["reasons"] if reason not in own]
    lines = [_line(Text(clean(reason), style="yellow")) for reason in reasons[:_REASONS_SHOWN]]
    rest = len(reasons) - _REASONS_SHOWN
    return [*lines, _line(Text(f"… {rest} more reasons; see: nodepulse status", style="dim"))] if rest > 0 else lines


def _figures(report: dict[str, Any]) -> Text:
    targets, buffer = report["exporters"], report["buffer"]
    up = sum(target["status"] == "running" for target in targets)
    rate = sum(map(_rate, targets))
    last = ago(report["delivery"]["last_success"], report["at"])
    figures = [
        f"targets {up} of {len(targets)} up",
        f"{rate:.1f} samples/s",
        f"on disk {buffer['files']} ({format_size(buffer['size_bytes'])})",
        f"delivered {last}",
    ]
    return _line(Text("   ".join(figures)))


def _rate(target: dict[str, Any]) -> float:
    """Return the samples a second of the scrapes that are remembered."""
    recent = target.get("recent") or []
    span = seconds_between(recent[0]["slot"], recent[-1]["slot"]) if len(recent) > 1 else 0.0
    return sum(outcome["samples"] for outcome in recent[1:]) / span if span else 0.0


def _table(view: View, height: int) -> RenderableType:
    report = view.report or {}
    targets = [each for each in report["exporters"] if not view.unhealthy_only or each["status"] != "running"]
    if not targets:
        return Text("no target is unhealthy" if view.unhealthy_only else "no targets", style="dim")
    table = Table(box=None, pad_edge=False, expand=True, header_style="bold")
    for name, justify in (("STATE", "left"), ("TARGET", "left"), ("EVERY", "right"), ("LAST", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # left or right
    for name in ("TOOK", "SAMPLES"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("SCRAPES, OR THE ERROR", no_wrap=True, overflow="ellipsis", ratio=1)
    room = max(1, height - _LINES_AROUND)
    for target in targets[:room]:
        table.add_row(*_row(target, report["at"]))
    rest = len(targets) - room
    return Group(table, _line(Text(f"… {rest} more; u shows the unhealthy ones", style="dim"))) if rest > 0 else table


def _row(target: dict[str, Any], now: str) -> tuple[Text | str, ...]:
    shown, last = mark(target["status"]), target["last"]
    took, samples = ("-", "-") if last is None else (f"{last['seconds'] * 1000:.0f}ms", str(last["samples"]))
    if target["last_error"] is not None:
        story = Text(clean(target["last_error"]), style="red")
    else:
        story = Text(sparkline([outcome["seconds"] for outcome in target.get("recent") or []]), style="cyan")
    name = Text(clean(target["name"]))  # as text: brackets in it are no markup
    return (
        Text(str(shown), style=shown.colour),
        name,
        target["interval"],
        ago(target["last_scrape"], now),
        took,
        samples,
        story,
    )


def sparkline(values: Sequence[float]) -> str:
    """Return the last values as bars, the largest of them as the highest."""
    shown = values[-_BARS_SHOWN:]
    most = max(shown, default=0.0) or 1.0
    return "".join(_BARS[min(int(value / most * len(_BARS)), len(_BARS) - 1)] for value in shown)


def _keys(view: View) -> Text:
    paused = "p go on" if view.paused else "p pause"
    filtered = "u all targets" if view.unhealthy_only else "u only the unhealthy"
    return _line(Text(f"q quit   {paused}   {filtered}", style="dim"))


def _line(text: Text) -> Text:
    """Have a text take one line, and lose its end where that is too narrow."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
