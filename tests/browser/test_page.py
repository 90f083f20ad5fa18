"""The status page in a real browser: it follows the agent, says when it cannot, and reads in every window."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from attrs import evolve
from nodepulse_core.health import Outcome
from nodepulse_core.http import Address, listening
from playwright.async_api import Browser, expect
from support.browser import PATIENCE, Visitor, launched, seen, visiting
from support.pages import STATES, Stage, all_well, fail, one_failing, sixty_targets, staged
from support.reports import NOW, make_report, make_target
from support.repository import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMAGES = ROOT / "docs" / "images"
RENEW = "NODEPULSE_RENEW_IMAGES"
EVIL = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Give a browser."""
    async with launched() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def stage() -> Stage:
    """Give an agent that is well."""
    return Stage(all_well())


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, stage: Stage) -> AsyncIterator[Visitor]:
    """Give its page in a new browser."""
    async with staged(stage) as home, visiting(browser, home) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def visits() -> AsyncIterator[AsyncExitStack]:
    """Give a stack for visits that last longer than the agent they are to."""
    async with AsyncExitStack() as stack:
        yield stack


async def test_a_target_goes_down_and_comes_back_without_a_reload(stage: Stage, visitor: Visitor) -> None:
    """Its row, the reasons, the figures, the headline and the title follow, both ways, on the page that is open."""
    await visitor.open()
    row, live = visitor.page.locator("#target-redis_exporter"), visitor.page.locator("#live")
    await expect(live).to_have_text("live", timeout=PATIENCE)
    await seen(row, "running")
    stage.report = one_failing()
    await seen(row, "connection refused")
    await seen(row, "failed")
    await seen(visitor.page.locator("#headline"), "1 of 4 targets fails.")
    await seen(visitor.page.locator("#reasons"), "redis_exporter fails")
    await seen(visitor.page.locator("#figures"), "3 of 4")
    await expect(visitor.page).to_have_title("(1 failed) NodePulse test-1")
    stage.report = all_well()
    await seen(row, "running")
    await expect(row.locator(".trouble")).to_have_count(0)
    await expect(visitor.page.locator("#reasons li")).to_have_count(0)
    await expect(visitor.page).to_have_title("NodePulse test-1")
    assert visitor.complaints == []
    assert visitor.requests.count(f"{visitor.home}/") == 1


async def test_targets_come_and_go_in_their_order(stage: Stage, visitor: Visitor) -> None:
    """A target that is added, found or removed appears and goes at its place, from none at all and back to none."""
    stage.report = make_report(targets=())
    await visitor.open()
    await seen(visitor.page.locator("#empty"), f"curl -X POST {visitor.home}/api/exporters")
    await expect(visitor.page.get_by_role("table")).to_be_hidden()
    for names in (["b"], ["a", "b", "c"], ["c", "d"], []):
        stage.report = make_report(targets=tuple(make_target(name) for name in names))
        await expect(visitor.page.locator("#rows th b")).to_have_text(names, timeout=PATIENCE)
    await expect(visitor.page.get_by_role("heading", name="No targets yet")).to_be_visible()
    assert visitor.complaints == []


async def test_the_filter_is_a_link_and_stays_live(stage: Stage, visitor: Visitor) -> None:
    """Only what fails is left; what begins to fail appears there by itself."""
    await visitor.open()
    await visitor.page.get_by_role("link", name="unhealthy 0").click()
    await seen(visitor.page.locator("#empty"), "No target fails.")
    stage.report = one_failing()
    await expect(visitor.page.locator("#rows th b")).to_have_text(["redis_exporter"], timeout=PATIENCE)
    await expect(visitor.page.locator("#empty")).to_be_hidden()


async def test_ages_go_on_by_the_clock_of_the_agent(stage: Stage, visitor: Visitor) -> None:
    """An age is right whatever the browser's clock says, and grows without a word from the agent."""
    await visitor.page.clock.install(time=1_000_000_000)
    await visitor.open()
    age = visitor.page.locator("#target-node_exporter time")
    await expect(age).to_have_text("4 s ago", timeout=PATIENCE)
    del stage
    await visitor.page.evaluate("source.close()")
    await visitor.page.clock.run_for(5_000)
    await expect(age).to_have_text("9 s ago", timeout=PATIENCE)


async def test_what_has_not_changed_stays_as_it_is(stage: Stage, visitor: Visitor) -> None:
    """The focus and a selection stay where they are while the row around them changes."""
    stage.report = one_failing()
    await visitor.open()
    await expect(visitor.page.locator("#live")).to_have_class("on", timeout=PATIENCE)
    link = visitor.page.get_by_role("link", name="last response of redis_exporter")
    await link.focus()
    await visitor.page.evaluate("getSelection().selectAllChildren(document.querySelector('.trouble small'))")
    selected = await visitor.page.evaluate("String(getSelection())")
    targets = (*stage.report.targets[:3], fail(all_well().targets[3], 9))
    stage.report = evolve(stage.report, targets=targets)
    await expect(visitor.page.locator("#target-redis_exporter title")).to_have_text(
        "the last 60 scrapes: 9 failed; 18 ms to 24 ms", timeout=PATIENCE
    )
    await expect(link).to_be_focused()
    assert selected.startswith("failing for ")
    assert (await visitor.page.evaluate("String(getSelection())")).startswith("failing for ")


async def test_a_page_without_its_agent_says_so_and_comes_back(browser: Browser, visits: AsyncExitStack) -> None:
    """When the stream breaks the page says since when; once an agent answers there again, it shows that one."""
    before, after = Stage(all_well()), Stage(make_report(targets=(make_target("another"),)))
    async with listening(before.app(), Address("127.0.0.1", 0)) as address:
        home = f"http://{address}"
        visitor = await visits.enter_async_context(visiting(browser, home))
        await visitor.open()
        live = visitor.page.locator("#live")
        await expect(live).to_have_text("live", timeout=PATIENCE)
    await seen(live, "not live since ")
    async with listening(after.app(), address):
        await expect(live).to_have_text("live", timeout=PATIENCE)
        await expect(visitor.page.locator("#rows th b")).to_have_text(["another"], timeout=PATIENCE)
        assert visitor.requests.count(f"{home}/") == 1
        await visits.aclose()


async def test_an_agent_that_hangs_is_noticed(browser: Browser, stage: Stage) -> None:
    """A stream that says nothing for fifteen seconds is not live, although its connection stands."""
    async with staged(stage) as home, visiting(browser, home) as visitor:
        await visitor.page.clock.install()
        await visitor.open()
        live = visitor.page.locator("#live")
        await expect(live).to_have_text("live", timeout=PATIENCE)
        await visitor.page.evaluate("source.onmessage = null")
        await visitor.page.route("**/events", lambda route: route.abort())
        await visitor.page.clock.run_for(17_000)
        await seen(live, "not live since ")


async def test_another_version_of_the_agent_brings_its_own_page(stage: Stage, visitor: Visitor) -> None:
    """After an upgrade the page that was open is loaded anew, by itself."""
    await visitor.open()
    await expect(visitor.page.locator("#live")).to_have_text("live", timeout=PATIENCE)
    stage.report = evolve(stage.report, version="9.9.9")
    await seen(visitor.page.locator("footer"), "NodePulse 9.9.9")
    assert visitor.requests.count(f"{visitor.home}/") == 2


async def test_without_scripts_it_reads_whole(browser: Browser, stage: Stage) -> None:
    """State, reasons, figures, rows, ages and the time of reading are there; the filter is a link."""
    stage.report = one_failing()
    async with staged(stage) as home, visiting(browser, home, java_script_enabled=False) as visitor:
        await visitor.open()
        for words in ("Degraded", "1 of 4 targets fails.", "79 s ago", "in 11 s", "as of 2027-01-15T08:00:00Z"):
            await expect(visitor.page.locator("body")).to_contain_text(words, ignore_case=True)
        await visitor.page.get_by_role("link", name="unhealthy 1").click()
        await expect(visitor.page.locator("#rows tr")).to_have_count(1)
        assert not [url for url in visitor.requests if url.endswith("/events")]


async def test_what_comes_from_outside_is_text_while_live(stage: Stage, visitor: Visitor) -> None:
    """Markup in an error or an endpoint that arrives over the stream is shown as it was written, and never obeyed."""
    await visitor.open()
    await expect(visitor.page.locator("#live")).to_have_text("live", timeout=PATIENCE)
    outcome = (Outcome(int(NOW), 0.1, error=EVIL),)
    evil = make_target("evil", type=EVIL, endpoint=EVIL, status="failed", last_error=EVIL, recent=outcome)
    stage.report = evolve(one_failing(), targets=(evil,), reasons=(EVIL,))
    await seen(visitor.page.locator("#reasons"), EVIL)
    await seen(visitor.page.locator("#target-evil .trouble"), EVIL)
    assert await visitor.page.locator("main img, main script").count() == 0
    assert visitor.complaints == []


async def test_a_table_is_a_table_to_who_listens(browser: Browser, stage: Stage) -> None:
    """Wide or narrow, rows have their names as headers and the same columns; the state is announced politely."""
    for width in (1280, 390):
        async with (
            staged(stage) as home,
            visiting(browser, home, viewport={"width": width, "height": 800}) as visitor,
        ):
            await visitor.open()
            table = visitor.page.get_by_role("table", name="Targets")
            assert await table.get_by_role("row").count() == 5
            assert await table.get_by_role("columnheader").count() == 8
            assert await table.get_by_role("rowheader", name="redis_exporter").count() == 1
            assert await table.get_by_role("cell").count() >= 4 * 6
            assert await table.get_by_role("img", name="the last 60 scrapes: none failed").count() == 2
            await expect(visitor.page.get_by_role("status").filter(has_text="No target fails")).to_be_visible()


async def test_every_link_is_reached_by_the_keyboard(visitor: Visitor) -> None:
    """Tab goes through the filter and the rows in the order of the page, and what has the focus is outlined."""
    await visitor.open()
    reached = []
    for _ in range(4):
        await visitor.page.keyboard.press("Tab")
        reached.append(await visitor.page.evaluate("document.activeElement.pathname + document.activeElement.search"))
        assert await visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["/", "/?show=unhealthy", "/targets/custom_app/last", "/targets/node_exporter/last"]


@pytest.mark.parametrize("width", [320, 390, 760, 1280])
async def test_it_fits_its_window(width: int, browser: Browser, stage: Stage) -> None:
    """Nothing makes the page wider than its window: sixty targets, a long name, a long error, a long id."""
    long = "an-error-without-a-single-space-" * 12
    stage.report = evolve(
        sixty_targets(),
        server_id="550e8400-e29b-41d4-a716-446655440000",
        reasons=(long,),
        targets=(evolve(fail(make_target("a" * 64)), last_error=long, endpoint=long), *sixty_targets().targets),
    )
    async with staged(stage) as home, visiting(browser, home, viewport={"width": width, "height": 800}) as visitor:
        await visitor.open()
        await seen(visitor.page.locator("#rows"), "orders_db_59")
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_has_the_colours_that_are_asked_for(scheme: str, browser: Browser, stage: Stage) -> None:
    """Dark where the system is dark, light where it is light, the scroll bars and all."""
    async with staged(stage) as home, visiting(browser, home, color_scheme=scheme) as visitor:
        await visitor.open()
        ground = await visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 21, 28)"}[scheme]


REPLACE = """([port, usual]) => {
    const command = document.querySelector("#empty pre");
    if (command) command.textContent = command.textContent.replace(port, usual);
}"""
PICTURES = [
    ("one-failing", 1280, "light"),
    ("one-failing", 390, "dark"),
    ("dashboard-down", 1280, "dark"),
    ("nothing-configured", 1280, "light"),
]


@pytest.mark.parametrize(("state", "width", "scheme"), PICTURES)
async def test_the_pictures_of_the_documentation(
    state: str, width: int, scheme: str, browser: Browser, tmp_path: Path
) -> None:
    """Each state has its picture, made from a fixed report at a fixed time; renewed only where that is asked for."""
    name = f"{state}-{width}-{scheme}.png"
    async with (
        staged(Stage(STATES[state]())) as home,
        visiting(browser, home, viewport={"width": width, "height": 800}, color_scheme=scheme) as visitor,
    ):
        await visitor.page.clock.set_fixed_time(NOW)
        await visitor.open()
        await expect(visitor.page.locator("#live")).to_have_text("live", timeout=PATIENCE)
        await visitor.page.evaluate(REPLACE, [home, "http://localhost:8088"])
        made = tmp_path / name
        await visitor.page.screenshot(path=made, full_page=True, animations="disabled")
        assert visitor.complaints == []
    if os.environ.get(RENEW):
        await asyncio.to_thread((IMAGES / name).write_bytes, made.read_bytes())
    assert (IMAGES / name).is_file()
    assert made.stat().st_size < 150_000
