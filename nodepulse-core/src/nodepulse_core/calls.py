"""Calls an exporter's scrape, in the agent or in a process of its own; whatever it raises becomes a reason."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable

from nodepulse_core.blocking import call_blocking
from nodepulse_core.errors import ScrapeError
from nodepulse_core.exporter import HTTP, Exporter
from nodepulse_core.foreign import describe
from nodepulse_core.model import Target


async def call_scrape(exporter: Exporter, target: Target, http: HTTP) -> object:
    """Return what an exporter's scrape returns, or a ScrapeError of what it raised: no exit of its own leaves the task.

    A plain function is run in a thread. A cancellation from outside is raised.
    """
    try:
        if inspect.iscoroutinefunction(exporter.scrape):
            return await exporter.scrape(target, http)
        result = await _in_thread(exporter, target, http)
        return await result if isinstance(result, Awaitable) else result
    except ScrapeError as error:
        return error
    except BaseException as error:
        current = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and current is not None and current.cancelling():
            raise
        return _raised(exporter, error)


def _raised(exporter: Exporter, error: BaseException) -> ScrapeError:
    reason = ScrapeError(f"{exporter.name} raised {describe(error)}")
    reason.__cause__ = error
    return reason


async def _in_thread(exporter: Exporter, target: Target, http: HTTP) -> object:
    def run() -> object:
        try:
            return exporter.scrape(target, http)
        except ScrapeError as error:
            return error
        except BaseException as error:  # noqa: BLE001 - goes to the caller as its reason, whatever it is
            return _raised(exporter, error)

    return await call_blocking(run, f"scrape {target.name}")
