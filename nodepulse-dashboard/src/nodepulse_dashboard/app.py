"""The dashboard as an aiohttp application: what is served where, and the two threads that touch the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from aiohttp import web
from nodepulse_core.clock import Clock, SystemClock

from nodepulse_dashboard.answers import errors_as_json, only_for_hosts, only_from_here, secure
from nodepulse_dashboard.api import Api
from nodepulse_dashboard.defaults import BODY_SECONDS, KEEP, MAX_BODY, RECEIVE_PATH
from nodepulse_dashboard.pages import Pages
from nodepulse_dashboard.receive import Limits, Receiver
from nodepulse_dashboard.retention import Retention
from nodepulse_dashboard.store import Store


def create_app(
    store: Store,
    *,
    max_body: int = MAX_BODY,
    keep: float = KEEP,
    body_seconds: float = BODY_SECONDS,
    hosts: frozenset[str] | None = None,
    clock: Clock | None = None,
) -> web.Application:
    """Return the dashboard of a store, ready to be served; whoever opened the store closes it afterwards.

    `max_body` is in bytes, decoded; `keep` is in seconds since arrival; a body has `body_seconds` to arrive.
    `hosts` are the only names it answers for, None: any. Raises NodePulseError where plotly's JavaScript is missing.
    """
    clock = clock or SystemClock()
    writer = ThreadPoolExecutor(1, thread_name_prefix="dashboard-writer")
    reader = ThreadPoolExecutor(1, thread_name_prefix="dashboard-reader")
    retention = Retention(store, writer, keep, clock)
    receiver = Receiver(store, writer, Limits(max_body, body_seconds), clock.now)
    api = Api(store, reader, clock.now, lambda: retention.forgotten)
    pages = Pages()

    async def background(app: web.Application) -> AsyncIterator[None]:
        del app
        forgetting = asyncio.create_task(retention.run(), name="dashboard retention")
        yield
        forgetting.cancel()
        with suppress(asyncio.CancelledError):
            await forgetting
        # What is being written is finished: a sender that was cut off asks again, and then it is known.
        await asyncio.to_thread(writer.shutdown)
        await asyncio.to_thread(reader.shutdown)

    known_hosts = [] if hosts is None else [only_for_hosts(hosts)]
    app = web.Application(middlewares=[errors_as_json, *known_hosts, only_from_here])
    app.router.add_post(RECEIVE_PATH, receiver.post)
    app.router.add_get("/", pages.page)
    app.router.add_get("/static/{name}", pages.file)
    app.router.add_get("/api/servers", api.servers)
    app.router.add_get("/api/servers/{server_id}/latest", api.latest)
    app.router.add_get("/api/servers/{server_id}/series", api.series)
    app.on_response_prepare.append(secure)
    app.cleanup_ctx.append(background)
    return app
