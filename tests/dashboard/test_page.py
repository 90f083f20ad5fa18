"""The page in a real browser: what a person sees of it, and what it never does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nodepulse_dashboard.delivery import Row
from playwright.async_api import Browser, Locator, expect
from support.browser import PATIENCE, Visitor, launched, seen, visiting
from support.reference import SLOT, Dashboard, dashboard_at
from support.snapshots import node_snapshot, process_snapshots, time_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "<img src=x onerror=alert(1)>"


def chart(visitor: Visitor, title: str) -> Locator:
    """Return the chart of a title."""
    return visitor.page.locator("figure", has=visitor.page.get_by_role("heading", name=re.compile(f"^{title}")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Give a browser."""
    async with launched() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def dashboard(tmp_path: Path) -> AsyncIterator[Dashboard]:
    """Give a dashboard that runs beside the browser."""
    async with dashboard_at(tmp_path / "dashboard.sqlite") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, dashboard: Dashboard) -> AsyncIterator[Visitor]:
    """Give a page that is as in a new browser."""
    async with visiting(browser, f"http://127.0.0.1:{dashboard.port}") as made:
        yield made


async def test_values_and_charts_appear_and_move_on(dashboard: Dashboard, visitor: Visitor) -> None:
    """The planned charts are drawn with their values beside them, and what arrives later is shown without a reload."""
    await dashboard.post({"node_exporter": [node_snapshot(second) for second in range(-900, 1, 15)]})
    await visitor.open()
    await seen(visitor.page.locator("nav"), "web-1")
    for title in ("CPU", "Memory", "Load", "Disk", "Network", "Root file system"):
        await expect(chart(visitor, title).locator(".trace path.js-line").first).to_be_attached(timeout=PATIENCE)
    await seen(chart(visitor, "CPU").locator("output"), "32.1 %")
    await seen(chart(visitor, "Memory"), "total 8 GiB")
    await seen(chart(visitor, "Network"), "received 1.5 MiB/s")
    value = visitor.page.locator("tr", has_text="memory_available_bytes").locator("td")
    await seen(value, "4 GiB")
    dashboard.clock.time += 15
    await dashboard.post({"node_exporter": [{**node_snapshot(15), "memory_available_bytes": 2 * 1024**3}]})
    await seen(value, "2 GiB")
    await seen(chart(visitor, "Memory").locator("output"), "75 %")
    assert visitor.complaints == []
    assert len([url for url in visitor.requests if url.endswith("/static/page.js")]) == 1


async def test_an_empty_page_says_what_to_do(dashboard: Dashboard, visitor: Visitor) -> None:
    """Before the first snapshot the page tells the commands to give; once one is here, it shows that."""
    await visitor.open()
    empty = visitor.page.locator("#empty")
    await seen(empty, f"nodepulse config init --endpoint {visitor.home}/metrics/prometheus")
    await dashboard.post({"node_exporter": [node_snapshot(0)]})
    await expect(empty).to_be_hidden(timeout=PATIENCE)
    await seen(visitor.page.locator("h2").first, "node_exporter")
    assert visitor.complaints == []


async def test_silence_is_shown(dashboard: Dashboard, visitor: Visitor) -> None:
    """A server that sends is told by seconds; one that stopped is marked, in its button, its card and the title."""
    await dashboard.post({"node_exporter": [node_snapshot(-15), node_snapshot(0)]})
    await visitor.open()
    await seen(visitor.page.locator("h2").first, "last seen 0 s ago")
    await expect(visitor.page.locator("nav button")).not_to_have_class("silent")
    dashboard.clock.time += 600
    await seen(visitor.page.locator("h2 small.bad"), "silent for 10 min")
    await expect(visitor.page.locator("nav button")).to_have_class("silent")
    await expect(visitor.page).to_have_title("(1 silent) NodePulse")


async def test_a_service_that_is_down_is_an_alarm(dashboard: Dashboard, visitor: Visitor) -> None:
    """An exporter that answers, but whose service does not, is marked beside its name."""
    await dashboard.post({"redis_exporter": [{**time_of(0), "redis_up": 0}], "pg": [{**time_of(0), "pg_up": 1}]})
    await visitor.open()
    await seen(visitor.page.locator(".alarm"), "redis_up is 0")
    await expect(visitor.page.locator(".alarm")).to_have_count(1)


async def test_a_dashboard_that_does_not_answer_is_said(dashboard: Dashboard, visitor: Visitor) -> None:
    """While data cannot be had the page says since when and why, keeps what it shows, and recovers by itself."""
    await dashboard.post({"node_exporter": [node_snapshot(0)]})
    await visitor.open()
    await seen(visitor.page.locator("h2").first, "node_exporter")
    await visitor.page.route("**/api/**", lambda route: route.abort())
    await seen(visitor.page.locator("#state"), "the dashboard does not answer. Trying again.")
    await expect(visitor.page.locator("h2").first).to_be_visible()
    await visitor.page.unroute("**/api/**")
    await expect(visitor.page.locator("#state")).to_be_hidden(timeout=PATIENCE)


async def test_what_comes_from_outside_is_text(dashboard: Dashboard, visitor: Visitor) -> None:
    """Markup in values, names of fields and objects, ids and raw text is shown as it was written, and never obeyed."""
    times = (-30, -15, 0)
    link = "<a href='http://evil.example'>x</a>"
    body = {
        "process_exporter": [each for second in times for each in process_snapshots(second, EVIL, link)],
        "odd": [{**time_of(second), EVIL: second, "text": EVIL} for second in times],
        "app": [{**time_of(0), "raw_text": EVIL}],
    }
    assert (await dashboard.post(body))[0] == 200
    # What the receiver refuses, but an older database may hold.
    dashboard.put(Row(EVIL, EVIL, EVIL, SLOT, '{"x":1}'))
    for server in ("web-1", EVIL):
        await visitor.open(f"#since=15m&server={server}")
        await visitor.page.reload()
        await expect(visitor.page.locator("figure .trace path.js-line, figure .trace path.point").first).to_be_attached(
            timeout=PATIENCE
        )
        for plot in await visitor.page.locator(".plot").all():
            await plot.scroll_into_view_if_needed()
            await plot.hover()
        assert await visitor.page.locator("main img, main a, nav img, nav a").count() == 0
    await visitor.open("#since=15m&server=web-1")
    await seen(visitor.page.locator("main"), link)
    processes = chart(visitor, "Processes")
    await processes.locator(".plot").hover()
    await seen(processes.locator(".hoverlayer"), link)
    assert await processes.locator("a, b:not(li b)").count() == 0
    await expect(visitor.page.locator("figure li", has_text=EVIL).first).to_be_visible(timeout=PATIENCE)
    await seen(visitor.page.locator("nav"), EVIL)
    await expect(visitor.page.locator("pre", has_text=EVIL)).to_be_attached(timeout=PATIENCE)
    assert [text for text in visitor.complaints if "dialog" in text or "Refused" in text] == []


async def test_a_gap_is_drawn_as_a_gap(dashboard: Dashboard, visitor: Visitor) -> None:
    """Where snapshots are missing, line and area are broken."""
    seconds = [*range(-900, -600, 15), *range(-300, 1, 15)]
    await dashboard.post({"node_exporter": [node_snapshot(second) for second in seconds]})
    await visitor.open()
    used = chart(visitor, "Root file system").locator(".fills .js-fill")
    await expect(used).to_have_count(2, timeout=PATIENCE)
    await expect(chart(visitor, "CPU").locator(".fills .js-fill")).to_have_count(8, timeout=PATIENCE)


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_it_fits_its_window(width: int, dashboard: Dashboard, visitor: Visitor) -> None:
    """Nothing makes the page wider than a phone's or a desktop's window, a long server id and a table included."""
    server = "550e8400-e29b-41d4-a716-446655440000"
    body = {"node_exporter": [node_snapshot(0)], "process_exporter": process_snapshots(0, "a-long-name " * 5, "b")}
    await dashboard.post(body, f"/metrics/prometheus?server_id={server}")
    await visitor.page.set_viewport_size({"width": width, "height": 800})
    await visitor.open()
    await seen(visitor.page.locator("main h2").last, "process_exporter")
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    drawn = visitor.page.locator(".plot .main-svg:first-child")
    await expect(drawn).to_have_count(9, timeout=PATIENCE)
    widths = await drawn.evaluate_all("all => all.map(svg => svg.clientWidth - svg.closest('.plot').clientWidth)")
    assert set(widths) == {0}


async def test_a_choice_of_time_is_kept_in_the_address(dashboard: Dashboard, visitor: Visitor) -> None:
    """A chosen time is asked for at once, and stands in the address, so that it can be handed on."""
    await dashboard.post({"node_exporter": [node_snapshot(-5000), node_snapshot(-4985)]})
    await visitor.open()
    await seen(visitor.page.locator(".note").first, "nothing arrived for the last 15m")
    await visitor.page.get_by_role("button", name="6 h").click()
    await expect(visitor.page).to_have_url(re.compile("since=6h"))
    await expect(chart(visitor, "Memory").locator("output")).to_have_text("50 %", timeout=PATIENCE)


async def test_numbers_are_written_for_people(dashboard: Dashboard, visitor: Visitor) -> None:
    """Sizes, durations, shares and large numbers are short and have their unit; so have the marks of an axis."""
    del dashboard
    await visitor.open()
    written: list[tuple[Any, str, str]] = [
        (0, "bytes", "0 B"),
        (8589934592, "bytes", "8 GiB"),
        (1536, "bytes/s", "1.5 KiB/s"),
        (0.9937, "ratio", "99.4 %"),
        (0.25, "seconds/s", "25 %"),
        (90, "seconds", "90 s"),
        (3660, "seconds", "1 h 1 min"),
        (8640000, "seconds", "100 d"),
        (1234, "", "1,234"),
        (123456, "", "123,456"),
        (2.5e9, "/s", "2.5 G/s"),
        (0.00001, "", "1.0e-5"),
        (-5, "", "-5"),
        (None, "", "–"),
        ("text", "", "text"),
    ]
    for value, unit, text in written:
        assert await visitor.page.evaluate("([value, unit]) => Format.humanise(value, unit)", [value, unit]) == text
    for low, high, unit, texts in (
        (0, 8 * 1024**3, "bytes", ["0 GiB", "2 GiB", "4 GiB", "6 GiB", "8 GiB"]),
        (0, 1, "ratio", ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (-1, 1, "", ["-1", "-0.5", "0", "0.5", "1"]),
        (0, 0, "", ["0"]),
    ):
        marks = await visitor.page.evaluate("values => Format.ticks(...values)", [low, high, unit])
        assert [mark["text"] for mark in marks] == texts
