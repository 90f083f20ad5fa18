"""`/api/exporters` and `/api/reload`: what may be changed while the agent runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web

from nodepulse_core.agent.control import Control, DeclaredError, UnknownTargetError
from nodepulse_core.agent.fleet import NameTakenError
from nodepulse_core.agent.report import Report
from nodepulse_core.errors import ConfigError, NodePulseError, Problem, ScrapeError, format_names
from nodepulse_core.http.answers import Refusal, answer, is_set
from nodepulse_core.http.health import describe_target

BODY_SECONDS = 10.0
_PATH = "/api/exporters"
_EXAMPLE = '{"name": "redis_exporter", "endpoint": "http://localhost:9121/metrics", "interval": "15s"}'


class ExportersAPI:
    """Lists, adds and removes targets, and reloads the configuration."""

    def __init__(self, report: Callable[[], Report], control: Control) -> None:
        """Take what makes a report, and what changes the agent."""
        self._report = report
        self._control = control

    async def list(self, request: web.Request) -> web.Response:
        """Answer with all targets."""
        del request
        return answer({"exporters": [describe_target(each) for each in self._report().targets]})

    async def show(self, request: web.Request) -> web.Response:
        """Answer with one target; 404 where there is none of that name."""
        return answer(self._describe(request.match_info["name"]))

    async def add(self, request: web.Request) -> web.Response:
        """Add the target of the body, which has the keys of `exporters[]`; 201 where its first scrape went well.

        Any content type will do, so that `curl -d` works as it stands: who may ask has been decided before.
        """
        given = await _read_json(request)
        try:
            target = await self._control.add(given, force=is_set(request, "force"))
        except ConfigError as error:
            raise Refusal(400, "the target is not added", _list_problems(error.problems)) from error
        except NameTakenError as error:
            raise Refusal(409, f"the target is not added: {error}") from error
        except ScrapeError as error:
            reason = f"the target is not added: its first scrape failed: {error}; ?force=1 adds it all the same"
            raise Refusal(422, reason) from error
        except NodePulseError as error:
            raise Refusal(500, f"the target is not added: {error}") from error
        return answer(self._describe(target.name), 201, {hdrs.LOCATION: f"{_PATH}/{target.name}"})

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a target; 204 once its loop has ended."""
        try:
            await self._control.remove(request.match_info["name"])
        except UnknownTargetError as error:
            raise Refusal(404, str(error)) from error
        except DeclaredError as error:
            raise Refusal(409, str(error)) from error
        except NodePulseError as error:
            raise Refusal(500, f"the target is no longer scraped, but comes back at the next start: {error}") from error
        return web.Response(status=204)

    async def reload(self, request: web.Request) -> web.Response:
        """Read the configuration again, and say what that changed; 400 with every problem, and what ran goes on."""
        del request
        try:
            reloaded = await self._control.reload()
        except ConfigError as error:
            problems = [problem.render(error.source) for problem in error.problems]
            raise Refusal(400, "the configuration is not reloaded, and what ran goes on", problems) from error
        except NodePulseError as error:
            raise Refusal(400, f"the configuration is not reloaded, and what ran goes on: {error}") from error
        change = reloaded.change
        return answer(
            {
                "added": change.added,
                "changed": dict(change.changed),
                "removed": change.removed,
                "unchanged": change.unchanged,
                "after_restart": reloaded.after_restart,
            }
        )

    def _describe(self, name: str) -> dict[str, Any]:
        targets = self._report().targets
        for target in targets:
            if target.name == name:
                return describe_target(target)
        known = format_names([target.name for target in targets])
        raise Refusal(404, f"there is no target {name[:80]!r}; there are: {known}")


async def _read_json(request: web.Request) -> Any:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {BODY_SECONDS:g}s", headers={"Connection": "close"}) from None
    if not body.strip():
        raise Refusal(400, f"the body is empty, where a target is due, such as {_EXAMPLE}")
    try:
        return json.loads(body, object_pairs_hook=_make_object)
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply") from None
    except ValueError as error:
        raise Refusal(400, f"the body is no JSON: {error}; a target is due, such as {_EXAMPLE}") from error


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"these keys stand in it twice: {', '.join(twice)}"[:200])
    return made


def _list_problems(problems: tuple[Problem, ...]) -> list[str]:
    """Write problems as a caller has them: with their key, without a file's name."""
    return [": ".join(part for part in (problem.path, problem.message) if part) for problem in problems]
