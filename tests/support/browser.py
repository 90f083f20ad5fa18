"""A real browser on pages of this machine, and what it asked for and complained about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from support.programs import find, need

PATIENCE = 20_000
_QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
_FLAGS = ["--no-sandbox", "--disable-gpu", *_QUIET]  # tests may run as root, and only see pages of their own


class Visitor:
    """A page in a browser, the URL of the site it is for, and what it asked for and complained about."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.home = home
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    async def open(self, path: str = "") -> None:
        """Open a page of the site, without the leading slash."""
        await self.page.goto(f"{self.home}/{path}")


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Run a browser; start it once for many tests, since that takes longer than most of them."""
    need("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find("chromium"), args=_FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visiting(browser: Browser, home: str, **choices: Any) -> AsyncIterator[Visitor]:
    """Give a page that is as in a new browser; at its end, nothing may have been asked of elsewhere.

    `choices` are those of a browser's context: its viewport, its colour scheme, whether it runs scripts.
    """
    context = await browser.new_context(**choices)
    visitor = Visitor(await context.new_page(), home)
    yield visitor
    await context.close()
    assert visitor.requests
    assert [url for url in visitor.requests if not url.startswith((home, "data:"))] == []


async def seen(locator: Locator, text: str) -> None:
    """Wait until something holds a text."""
    await expect(locator).to_contain_text(text, timeout=PATIENCE)
