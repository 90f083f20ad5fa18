"""A dashboard over real HTTP that answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import frozen


@frozen
class Post:
    """One POST as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


Respond = Callable[[web.Request, Post], Awaitable[web.StreamResponse]]
_LARGEST = 256 * 1024**2


class Dashboard:
    """Answers 200 unless told otherwise."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.respond: Respond | None = None
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{tail:.*}", self._receive)
        self.server = TestServer(app)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Have every POST answered so; underscores in header names stand for dashes."""

        async def respond(_: web.Request, __: Post) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, body=body, headers=named)

        self.respond = respond

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        # What aiohttp's server would decode by itself is taken as it came.
        body = await request.read()
        post = Post(request.path_qs, dict(request.headers), body)
        self.posts.append(post)
        if self.respond is None:
            return web.Response()
        return await self.respond(request, post)

    @property
    def endpoint(self) -> str:
        """Where it takes batches."""
        return str(self.server.make_url("/in"))


@contextlib.asynccontextmanager
async def dashboard() -> AsyncIterator[Dashboard]:
    """Give a dashboard that listens."""
    made = Dashboard()
    await made.server.start_server(shutdown_timeout=0.1, auto_decompress=False)
    try:
        yield made
    finally:
        await made.server.close()


@contextlib.asynccontextmanager
async def raw_server(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Give the endpoint of a server of which each connection is a function."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
