"""The page as it is served: whole without a script, nothing from outside obeyed, colours that can be read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import nodepulse_core.http.page
import pytest
from aiohttp.test_utils import TestClient, TestServer
from attrs import evolve
from nodepulse_core.agent.report import PluginReport
from nodepulse_core.health import Outcome, Response
from support.pages import Stage, all_well, one_failing, sixty_targets
from support.reports import NOW, make_target

STATIC = Path(nodepulse_core.http.page.__file__).parent / "static"
EVIL = "\"'><img src=x onerror=alert(1)></title><script>alert(2)</script>"
Client = TestClient  # its parameters differ between versions of aiohttp


@pytest.fixture
def stage() -> Stage:
    """Give an agent that is well."""
    return Stage(all_well())


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[Client]:
    """Give a client of it."""
    async with TestClient(TestServer(stage.app())) as made:
        yield made


async def read(client: Client, path: str = "/") -> str:
    """Return a page's HTML."""
    async with client.get(path) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        return await response.text()


class Elements(HTMLParser):
    """Collects the elements of a page, and what is read of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


async def test_the_page_is_whole_by_itself(client: Client, stage: Stage) -> None:
    """State, figures, every target with its ages, and the backlog are in the HTML: no script is needed to read it."""
    stage.report = one_failing()
    page = Elements(await read(client))
    for words in ("degraded", "3 of 4", "connection refused", "next try", "in 11 s", "79 s ago", "4 entries", "test-1"):
        assert words in page.text
    rows = [given["id"] for tag, given in page.elements if tag == "tr" and "id" in given]
    assert rows == [f"target-{target.name}" for target in stage.report.targets]
    assert not re.search(r"\{\w+\}", page.text)
    assert all(tag != "time" or given["datetime"] for tag, given in page.elements)


async def test_the_filter_works_without_a_script(client: Client, stage: Stage) -> None:
    """`/?show=unhealthy` has the failed targets only; another choice is refused with those that there are."""
    stage.report = sixty_targets()
    page = Elements(await read(client, "/?show=unhealthy"))
    assert [given["id"] for tag, given in page.elements if tag == "tr" and "id" in given] == [
        "target-orders_db_07",
        "target-orders_db_23",
    ]
    async with client.get("/?show=well") as response:
        assert response.status == 400
        assert (await response.json())["error"] == "there is no show='well'; there are: all, unhealthy"


async def test_what_comes_from_outside_is_text(client: Client, stage: Stage) -> None:
    """Markup in errors, endpoints, types, versions, reasons and paths makes no element and no attribute of its own."""
    report = one_failing()
    outcome = (Outcome(int(NOW), 0.1, error=EVIL),)
    target = make_target(type=EVIL, endpoint=EVIL, status="failed", last_error=EVIL, recent=outcome, next_scrape=NOW)
    stage.report = evolve(
        report,
        server_id=EVIL,
        version=EVIL,
        reasons=(EVIL,),
        targets=(target,),
        plugins=(PluginReport(EVIL, EVIL, EVIL, EVIL),),
        buffer=evolve(report.buffer, path=EVIL),
        delivery=evolve(report.delivery, sender=EVIL, endpoint=EVIL, last_error=EVIL),
    )
    page = Elements(await read(client))
    assert page.text.count(EVIL) >= 12
    assert [given for tag, given in page.elements if tag == "script"] == [{"src": "/static/page.js", "defer": None}]
    assert [given["src"] for tag, given in page.elements if tag == "img"] == ["/static/pulse.svg"]
    assert not [name for _, given in page.elements for name in given if name.startswith("on") or name == "style"]


async def test_the_policy_lets_only_our_own_files_run(client: Client) -> None:
    """No inline script or style, no other host, no frame; what is no page allows nothing at all."""
    async with client.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    async with client.get("/health") as response:
        assert "script-src" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "kind"), [("page.css", "text/css"), ("page.js", "text/javascript"), ("pulse.svg", "image/svg+xml")]
)
async def test_its_files_are_served(client: Client, name: str, kind: str) -> None:
    """Each with its type, asked for again each time, and answered with 304 where it is the same."""
    async with client.get(f"/static/{name}") as response:
        assert (response.status, response.content_type) == (200, kind)
        assert response.headers["Cache-Control"] == "no-cache"
        assert await response.read() == (STATIC / name).read_bytes()
        tag = response.headers["ETag"]
    async with client.get(f"/static/{name}", headers={"If-None-Match": tag}) as response:
        assert response.status == 304


@pytest.mark.parametrize("name", ["page.html", "..%2Fpage.py", "%2Fetc%2Fpasswd", ""])
async def test_no_other_file_is_served(client: Client, name: str) -> None:
    """A template, a path upwards, or a folder is 404."""
    async with client.get(f"/static/{name}") as response:
        assert response.status == 404


async def test_the_last_response_of_a_target(client: Client, stage: Stage) -> None:
    """As it is stored, as plain text that no browser guesses at."""
    body = f'# HELP up {EVIL}\nup{{é="1"}} 1 1800000000000\n'.encode()
    stage.responses["redis_exporter"] = Response.of(body)
    async with client.get("/targets/redis_exporter/last") as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.read() == body


async def test_a_large_response_says_where_it_is_cut(client: Client, stage: Stage) -> None:
    """What is shown ends with a whole line, and a comment tells of how much; exactly 256 KiB are not cut."""
    stage.responses["redis_exporter"] = Response.of(b"up 12345\n" * 100_000)
    async with client.get("/targets/redis_exporter/last") as response:
        *lines, last = (await response.text()).splitlines()
    assert set(lines) == {"up 12345"}
    assert last == f"# cut here: {len(lines) * 9} of 900000 bytes are shown; the buffer has them all"
    assert 256 * 1024 - 9 < len(lines) * 9 <= 256 * 1024
    stage.responses["redis_exporter"] = Response.of(b"x" * 256 * 1024)
    async with client.get("/targets/redis_exporter/last") as response:
        assert "cut here" not in await response.text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nosuch", "there is no target 'nosuch'; there are: custom_app, node_exporter,"),
        ("redis_exporter", "no scrape of redis_exporter has been stored"),
    ],
)
async def test_a_response_that_is_not_there_is_said(client: Client, name: str, said: str) -> None:
    """Another name, and a target that has not answered yet, are 404 with the reason."""
    async with client.get(f"/targets/{name}/last") as response:
        assert response.status == 404
        assert said in (await response.json())["error"]


async def test_a_page_costs_one_report(client: Client, stage: Stage) -> None:
    """Each page that is asked for makes one report, and while none is asked for, none is made."""
    assert stage.reports == 0
    await read(client)
    assert stage.reports == 1


def colours() -> dict[str, dict[str, str]]:
    """Return the colours of the style sheet by scheme and name."""
    light, dark = re.findall(r":root \{(.*?)\}", (STATIC / "page.css").read_text(), re.DOTALL)
    return {
        scheme: dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", text))
        for scheme, text in (("light", light), ("dark", dark))
    }


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXTS = [("text", "card"), ("text", "ground"), ("text", "tint"), ("quiet", "card"), ("quiet", "ground")]
SIGNS = [(sign, ground) for sign in ("good", "warn", "bad") for ground in ("card", "ground")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXTS + SIGNS)
def test_text_can_be_read(scheme: str, ink: str, ground: str) -> None:
    """Each colour of text has a contrast of 4.5 to what it stands on (WCAG AA)."""
    assert contrast(colours()[scheme][ink], colours()[scheme][ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawings_can_be_seen(scheme: str) -> None:
    """Bars have a contrast of 3 to their ground (WCAG AA for graphics)."""
    assert contrast(colours()[scheme]["bar"], colours()[scheme]["card"]) >= 3


def test_no_colour_stands_outside_the_list() -> None:
    """The style sheet names colours in its two lists and nowhere else, and both have the same names."""
    sheet = (STATIC / "page.css").read_text()
    assert len(re.findall(r"#[0-9a-f]{3,8}\b", sheet)) == sum(map(len, colours().values()))
    assert colours()["light"].keys() == colours()["dark"].keys()
