"""The drawings of the status page, as SVG: how a target's last scrapes went, and the backlog over the last hour."""

from __future__ import annotations

from collections.abc import Sequence

from nodepulse_core.health import Outcome
from nodepulse_core.http.markup import Markup, fill
from nodepulse_core.http.wording import say_count, say_took
from nodepulse_core.watch.watch import SPAN, BacklogPoint

_BARS = 60
_STEP = 3
_TALL = 24
_HEADROOM = 0.8
_SPARK = (
    '<svg class="spark" viewBox="0 0 180 24" preserveAspectRatio="none" role="img" aria-label="{label}">'
    '<title>{label}</title><path class="good" d="{good}"/><path class="bad" d="{bad}"/></svg>'
)
_WIDE = 720
_HIGH = 120
_LEAST = 10
_BUCKET = 30.0
_WIDTH = _WIDE * _BUCKET / SPAN
_MOST = int(SPAN / _BUCKET)
_CHART = (
    '<svg class="area" viewBox="0 0 720 120" preserveAspectRatio="none" role="img" aria-label="{label}">'
    '<path class="grid" d="M0 .5H720M0 60H720M0 119.5H720"/>'
    '<path class="fill" d="{area}"/><path class="line" d="{line}"/>'
    "</svg>"
)


def draw_spark(recent: Sequence[Outcome]) -> Markup:
    """Draw a target's last scrapes, the latest at the right: a bar as high as it took long, one that failed in full."""
    if not recent:
        return Markup("")
    shown = recent[-_BARS:]
    longest = max((each.seconds for each in shown if each.error is None), default=0.0)
    scale = _TALL * _HEADROOM / longest if longest else 0.0
    good, bad = [], []
    for x, each in enumerate(shown, start=_BARS - len(shown)):
        if each.error is None:
            good.append(f"M{x * _STEP + 1} {_TALL}v-{int(scale * each.seconds) + 1}")
        else:
            bad.append(f"M{x * _STEP + 1} {_TALL}V0")
    return fill(_SPARK, label=_describe(shown), good="".join(good), bad="".join(bad))


def _describe(shown: Sequence[Outcome]) -> str:
    took = [each.seconds for each in shown if each.error is None]
    failed = len(shown) - len(took)
    words = f"the last {say_count(len(shown), 'scrape')}: {failed or 'none'} failed"
    return f"{words}; {say_took(min(took))} to {say_took(max(took))}" if took else words


def ceiling(most: int) -> int:
    """Return the first of 10, 20, 50, 100, … that is not below a count: the height of a chart."""
    power = _LEAST
    while True:
        for factor in (1, 2, 5):
            if power * factor >= most:
                return power * factor
        power *= 10


def draw_backlog(points: Sequence[BacklogPoint], label: str) -> Markup:
    """Draw the most entries that waited in each half minute of the last hour, as far as the agent ran, as steps."""
    end = points[-1].at
    most: dict[int, int] = {}
    for point in points:
        back = min(max(0, int((end - point.at) // _BUCKET)), _MOST)  # the clock may have been set meanwhile
        most[back] = max(most.get(back, 0), point.files)
    top = ceiling(max(most.values()))
    steps = "".join(
        f"V{_HIGH - 1 - (_HIGH - 2) * most[back] / top:.1f}H{_WIDE - _WIDTH * back:.1f}"
        for back in sorted(most, reverse=True)
    )
    left = max(0.0, _WIDE - _WIDTH * (max(most) + 1))
    return fill(_CHART, label=label, line=f"M{left:.1f} {_HIGH}{steps}", area=f"M{left:.1f} {_HIGH}{steps}V{_HIGH}Z")
