"""The agent's own HTTP as an aiohttp application: what is served where."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from nodepulse_core.control import Control
from nodepulse_core.http.answers import errors_as_json, secure
from nodepulse_core.http.health import HealthAnswers
from nodepulse_core.report import Report

MAX_BODY = 64 * 1024


def create_app(*, report: Callable[[], Report], control: Control) -> web.Application:
    """Return the application of a running agent, ready to be served.

    `report` makes a report of this moment, and `control` changes the agent.
    """
    health = HealthAnswers(report)

    def routes() -> list[str]:
        return sorted({resource.canonical for resource in app.router.resources()})

    app = web.Application(middlewares=[errors_as_json(routes)], client_max_size=MAX_BODY)
    app.router.add_get("/health", health.health)
    app.router.add_get("/live", health.live)
    app.router.add_get("/ready", health.ready)
    app.on_response_prepare.append(secure)
    return app
