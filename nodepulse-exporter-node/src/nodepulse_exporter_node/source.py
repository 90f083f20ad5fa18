"""Serves this host's metrics over HTTP, as node_exporter would."""

from __future__ import annotations

import asyncio
import signal

from aiohttp import web
from nodepulse_core import NodePulseError, write_exposition

from nodepulse_exporter_node.host import read_host

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_app() -> web.Application:
    """Return an application that answers GET /metrics."""
    app = web.Application(client_max_size=1024)
    app.router.add_get("/metrics", _metrics)
    return app


async def _metrics(_: web.Request) -> web.Response:
    families = await asyncio.to_thread(read_host)
    return web.Response(body=write_exposition(families).encode(), headers={"Content-Type": _CONTENT_TYPE})


async def serve(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; raises NodePulseError where the address cannot be had."""
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    runner = web.AppRunner(create_app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise NodePulseError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    else:
        await stop.wait()
    finally:
        await runner.cleanup()
