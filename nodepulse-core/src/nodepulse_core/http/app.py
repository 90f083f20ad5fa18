"""The agent's own HTTP as an aiohttp application: what is served where."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from nodepulse_core.agent.control import Control
from nodepulse_core.agent.report import Report
from nodepulse_core.clock import Clock
from nodepulse_core.health import Response
from nodepulse_core.http.answers import errors_as_json, secure
from nodepulse_core.http.events import Events
from nodepulse_core.http.exporters import ExportersAPI
from nodepulse_core.http.guard import Guard
from nodepulse_core.http.health import HealthAnswers
from nodepulse_core.http.page import Page

MAX_BODY = 64 * 1024


def create_app(
    *,
    report: Callable[[], Report],
    response: Callable[[str], Response | None],
    control: Control,
    guard: Guard,
    clock: Clock,
) -> web.Application:
    """Return the application of a running agent, ready to be served.

    `report` makes a report of this moment, `response` tells a target's last response by its name, `control` changes
    the agent, `guard` decides who may.
    """
    events = Events(report, clock)
    health = HealthAnswers(report, events.families)
    exporters = ExportersAPI(report, control)
    page = Page(report, response)

    def routes() -> list[str]:
        return sorted({resource.canonical for resource in app.router.resources()})

    app = web.Application(middlewares=[errors_as_json(routes), guard.middleware()], client_max_size=MAX_BODY)
    app.router.add_get("/", page.page)
    app.router.add_get("/events", events.stream, allow_head=False)
    app.router.add_get("/static/{name}", page.file)
    app.router.add_get("/targets/{name}/last", page.last)
    app.router.add_get("/health", health.health)
    app.router.add_get("/live", health.live)
    app.router.add_get("/ready", health.ready)
    app.router.add_get("/metrics", health.metrics)
    app.router.add_get("/api/exporters", exporters.list)
    app.router.add_post("/api/exporters", exporters.add)
    app.router.add_get("/api/exporters/{name}", exporters.show)
    app.router.add_delete("/api/exporters/{name}", exporters.remove)
    app.router.add_post("/api/reload", exporters.reload)
    app.on_response_prepare.append(secure)
    app.on_shutdown.append(events.end)
    return app
