"""The page's files, as they are served."""

from __future__ import annotations

import re
from pathlib import Path

import nodepulse_dashboard
import pytest
from nodepulse_core.errors import NodePulseError
from nodepulse_dashboard import pages
from nodepulse_dashboard.pages import plotly_script
from support.reference import Dashboard

STATIC = Path(str(nodepulse_dashboard.__file__)).parent / "static"


async def test_the_page_is_made_of_files_from_here(dashboard: Dashboard) -> None:
    """All that the page links is served from here with its type, and it holds no script of its own."""
    async with dashboard.client.get("/") as response:
        page = await response.text()
        assert response.content_type == "text/html"
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {f"/static/{script.name}" for script in STATIC.glob("*.js")} < set(linked)
    assert "/static/plotly.min.js" in linked
    for link in linked:
        assert link.startswith("/"), link
        async with dashboard.client.get(link) as response:
            assert response.status == 200, link
            assert response.content_type.partition("/")[2] in {"javascript", "css", "svg+xml", "json"}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", page)


@pytest.mark.parametrize("name", ["..%2fstore.py", "%2e%2e%2fstore.py", "store.py", "index", "..%5cstore.py"])
async def test_no_other_file_is_served(name: str, dashboard: Dashboard) -> None:
    """A path out of the page's files leads nowhere."""
    async with dashboard.client.get(f"/static/{name}") as response:
        assert response.status == 404


async def test_an_unchanged_file_is_not_sent_again(dashboard: Dashboard) -> None:
    """A browser that has a file is told so, instead of getting five megabytes again."""
    async with dashboard.client.get("/static/plotly.min.js") as response:
        tag = response.headers["ETag"]
    async with dashboard.client.get("/static/plotly.min.js", headers={"If-None-Match": tag}) as response:
        assert response.status == 304


@pytest.mark.parametrize("script", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_text_from_outside_never_becomes_markup(script: Path) -> None:
    """The page's own scripts set text as text."""
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script.read_text()
    )


def test_a_missing_plotly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without plotly's JavaScript the dashboard does not start, and says which package to install."""
    assert plotly_script().is_file()
    monkeypatch.setattr(pages, "find_spec", lambda _: None)
    with pytest.raises(NodePulseError, match="reinstall the package plotly"):
        plotly_script()
