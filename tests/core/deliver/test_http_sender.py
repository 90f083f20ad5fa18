"""The built-in sender against real HTTP: what it sends, and what every answer means."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import zstandard
from aiohttp import web
from nodepulse_core.deliver import HTTPSender
from nodepulse_core.model import Access, Batch, Compression, Destination
from nodepulse_core.sender import Accepted, Later, Refused
from nodepulse_core.testing.clock import FakeClock
from support.dashboard import Dashboard, Post, dashboard, raw_server
from support.delivery import batch, entry, snapshot

BATCH = batch(entry(0), entry(15))
BODY = {"node": [{"up": 1}, {"up": 1}]}
SHORT = 0.3
Make = Callable[..., HTTPSender]


@pytest.fixture(name="dashboard")
async def running_dashboard() -> AsyncIterator[Dashboard]:
    """Give a dashboard that listens."""
    async with dashboard() as made:
        yield made


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Give what makes a sender to an endpoint; all are closed at the end."""
    senders: list[HTTPSender] = []

    def build(endpoint: str, **more: Any) -> HTTPSender:
        senders.append(HTTPSender(Destination(endpoint, **more), "nodepulse-agent/test", FakeClock()))
        return senders[-1]

    yield build
    for sender in senders:
        await sender.close()


async def test_what_is_posted(dashboard: Dashboard, make: Make) -> None:
    """One POST with the batch as JSON, under the server's id, with the agent's name and the batch's key."""
    assert await make(dashboard.endpoint).send(BATCH) == Accepted()
    (post,) = dashboard.posts
    assert post.path == "/in?server_id=web-1"
    assert json.loads(post.body) == BODY
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["Content-Length"] == str(len(post.body))
    assert post.headers["User-Agent"] == "nodepulse-agent/test"
    assert post.headers["Idempotency-Key"] == BATCH.id
    assert "Content-Encoding" not in post.headers


async def test_the_key_is_the_same_after_a_restart_and_of_no_other_batch(dashboard: Dashboard, make: Make) -> None:
    """The same entries have the same key from another process as well; one entry more or less, another."""
    again = Batch("web-1", tuple(snapshot(each) for each in BATCH.entries))
    for each in (BATCH, again, batch(entry(0)), Batch("web-2", BATCH.snapshots)):
        await make(dashboard.endpoint).send(each)
    keys = [post.headers["Idempotency-Key"] for post in dashboard.posts]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_a_query_of_the_endpoint_is_kept(dashboard: Dashboard, make: Make) -> None:
    """What the operator wrote into the URL goes along; the server's id is ours."""
    await make(f"{dashboard.endpoint}?tenant=a&server_id=forged").send(BATCH)
    assert dashboard.posts[0].path == "/in?tenant=a&server_id=web-1"


async def test_headers_and_the_token_go_along(dashboard: Dashboard, make: Make, tmp_path: Path) -> None:
    """Configured headers are sent, and the token is read anew for each batch."""
    file = tmp_path / "token"
    sender = make(dashboard.endpoint, access=Access(headers={"X-Tenant": "a"}, bearer_token_file=file))
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        await sender.send(BATCH)
    assert [post.headers["Authorization"] for post in dashboard.posts] == ["Bearer first", "Bearer second"]
    assert dashboard.posts[0].headers["X-Tenant"] == "a"


async def test_a_token_that_cannot_be_read_sends_nothing(dashboard: Dashboard, make: Make, tmp_path: Path) -> None:
    """Without its token a batch is not sent; it waits for a person to mend that, and the reason names the file."""
    file = tmp_path / "token"
    answer = await make(dashboard.endpoint, access=Access(bearer_token_file=file)).send(BATCH)
    assert answer == Later(f"cannot read the token in {file}: no such file or directory", pace="slow")
    assert dashboard.posts == []


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
async def test_a_compressed_body_says_so(dashboard: Dashboard, make: Make, compression: Compression) -> None:
    """The body decodes to the JSON, and the header names its encoding."""
    assert await make(dashboard.endpoint, compression=compression).send(BATCH) == Accepted()
    (post,) = dashboard.posts
    assert post.headers["Content-Encoding"] == compression
    read = {"gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress}[compression]
    assert json.loads(read(post.body)) == BODY


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 226, 299, 409])
async def test_delivered(dashboard: Dashboard, make: Make, status: int) -> None:
    """Every 2xx, and 409, which says that it was there already, is delivered."""
    dashboard.answer(status)
    assert await make(dashboard.endpoint).send(BATCH) == Accepted()


@pytest.mark.parametrize("status", [400, 422])
async def test_refused_for_what_it_holds(dashboard: Dashboard, make: Make, status: int) -> None:
    """The batch is refused, with what the dashboard says about it, on one line."""
    dashboard.answer(status, b"field\n 'cpu' is \x1b[31mbad")
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Refused)
    assert (answer.fault, answer.entries) == ("content", ())
    assert answer.reason.startswith(f"{status} ")
    assert answer.reason.endswith(f"from {dashboard.endpoint}: field 'cpu' is \\x1b[31mbad")


async def test_refused_for_its_size(dashboard: Dashboard, make: Make) -> None:
    """413 is a refusal of the size."""
    dashboard.answer(413)
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Refused)
    assert answer.fault == "size"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 406, 410, 411, 415, 418, 426, 431, 451, 499])
async def test_what_a_person_has_to_mend(dashboard: Dashboard, make: Make, status: int) -> None:
    """Every other 4xx, in the table or not, keeps the batch, and is tried again slowly."""
    dashboard.answer(status, Retry_After="1")
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Later)
    assert (answer.pace, answer.delay) == ("slow", None)
    assert answer.reason.startswith(str(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 507, 599])
async def test_what_passes_by_itself(dashboard: Dashboard, make: Make, status: int) -> None:
    """These keep the batch, and are tried again by the backoff, or when the dashboard asks for it."""
    dashboard.answer(status)
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Later)
    assert (answer.pace, answer.delay) == ("backoff", None)
    dashboard.answer(status, Retry_After="7")
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Later)
    assert answer.delay == 7


async def test_a_date_to_come_back_at_is_counted_from_now(dashboard: Dashboard, make: Make) -> None:
    """Retry-After may be a date: the wait is what is left until then by the agent's clock."""
    dashboard.answer(503, Retry_After=formatdate(FakeClock().now() + 90, usegmt=True))
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Later)
    assert answer.delay == 90


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_no_success(dashboard: Dashboard, make: Make, status: int) -> None:
    """It is not followed; the batch is kept, and the reason says where it leads."""
    dashboard.answer(status, Location="https://elsewhere.example/login")
    answer = await make(dashboard.endpoint).send(BATCH)
    assert isinstance(answer, Later)
    assert answer.pace == "slow"
    assert "redirects to https://elsewhere.example/login, which is not followed" in answer.reason
    assert len(dashboard.posts) == 1


async def test_no_answer_in_time(dashboard: Dashboard, make: Make) -> None:
    """A dashboard that does not answer within the timeout keeps the batch waiting, and nothing else."""

    async def hang(_: web.Request, __: Post) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    dashboard.respond = hang
    answer = await make(dashboard.endpoint, timeout=SHORT).send(BATCH)
    assert answer == Later(f"no answer from {dashboard.endpoint} within 300ms")


def with_endless_body(status: int, piece: bytes = b"x" * 65536, pause: float = 0.0) -> Callable[..., Any]:
    """Return what answers with a status and a body that does not end."""

    async def respond(request: web.Request, _: Post) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(piece)
            await asyncio.sleep(pause)

    return respond


@pytest.mark.parametrize("pause", [0.0, 60.0])
async def test_a_success_counts_though_its_body_never_ends(dashboard: Dashboard, make: Make, pause: float) -> None:
    """The status says that the batch has arrived; a body that hangs or is huge is not waited for or read."""
    dashboard.respond = with_endless_body(200, pause=pause)
    assert await make(dashboard.endpoint, timeout=20).send(BATCH) == Accepted()


@pytest.mark.parametrize("status", [400, 413])
async def test_a_refusal_counts_though_its_body_never_comes(dashboard: Dashboard, make: Make, status: int) -> None:
    """What the dashboard has to say is worth a second, and the answer is what the status says."""

    async def respond(request: web.Request, _: Post) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    dashboard.respond = respond
    answer = await make(dashboard.endpoint, timeout=20).send(BATCH)
    assert isinstance(answer, Refused)


async def test_a_huge_explanation_is_cut(dashboard: Dashboard, make: Make) -> None:
    """Of a body without an end the beginning is shown, and the rest is never read."""
    dashboard.respond = with_endless_body(500)
    answer = await make(dashboard.endpoint, timeout=20).send(BATCH)
    assert isinstance(answer, Later)
    assert answer.reason.endswith(": " + "x" * 200)


async def test_a_compressed_explanation_is_not_unpacked(dashboard: Dashboard, make: Make) -> None:
    """An encoded body, which was not asked for and may be a bomb, is left alone."""
    dashboard.answer(500, gzip.compress(b"x" * 10_000), Content_Encoding="gzip")
    answer = await make(dashboard.endpoint).send(BATCH)
    assert answer == Later(f"500 Internal Server Error from {dashboard.endpoint}")


async def test_a_refused_connection(make: Make) -> None:
    """Where nobody listens, the reason is the system's, in a few words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}/in"
        answer = await make(endpoint).send(BATCH)
    assert answer == Later(f"cannot connect to {endpoint}: connection refused")


async def test_no_secret_of_the_endpoint_is_in_a_reason(make: Make) -> None:
    """User, password and query of the URL are not shown."""
    answer = await make("http://user:hunter2@127.0.0.1:1/in?key=hunter3").send(BATCH)
    assert answer == Later("cannot connect to http://127.0.0.1:1/in: connection refused")


async def test_a_connection_that_was_closed_while_idle_is_replaced_at_once(make: Make) -> None:
    """A server that closes a kept connection just as it is used costs no failure: the batch goes over a new one."""
    connections = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"}]}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the second request, which is not answered

    async with raw_server(handle) as endpoint:
        sender = make(endpoint, timeout=20)
        assert await sender.send(BATCH) == Accepted()
        assert await sender.send(BATCH) == Accepted()
    assert len(connections) == 2


async def test_a_connection_that_breaks_each_time_is_later(make: Make) -> None:
    """A server that takes the batch and dies is tried twice at once, and then by the backoff."""
    connections = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with raw_server(handle) as endpoint:
        answer = await make(endpoint, timeout=20).send(BATCH)
    assert isinstance(answer, Later)
    assert answer.reason.startswith(f"no answer from {endpoint}: ")
    assert len(connections) == 2


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200\x00 OK\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_what_is_no_http_is_later(make: Make, said: bytes) -> None:
    """An answer that cannot be read is none."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        await reader.read()

    async with raw_server(handle) as endpoint:
        assert isinstance(await make(endpoint, timeout=20).send(BATCH), Later)


async def test_a_large_batch_arrives_whole_and_without_a_warning(dashboard: Dashboard, make: Make) -> None:
    """A body of several MiB is written in pieces, with its length known."""
    large = Batch("web-1", (snapshot(entry(0), b'"' + b"x" * 5_000_000 + b'"'),))
    assert await make(dashboard.endpoint, timeout=20).send(large) == Accepted()
    assert len(dashboard.posts[0].body) == 5_000_000 + len(b'{"node":[""]}')
    assert dashboard.posts[0].headers["Content-Length"] == str(len(dashboard.posts[0].body))


async def test_a_refusal_before_the_body_is_read_is_heard(make: Make) -> None:
    """A proxy that answers 413 to the headers and closes is understood, though the body could not be written."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        while await reader.read(65536):  # as nginx does: it lingers, so that its answer can be read
            pass

    large = Batch("web-1", (snapshot(entry(0), b'"' + b"x" * 5_000_000 + b'"'),))
    async with raw_server(handle) as endpoint:
        answer = await make(endpoint, timeout=20).send(large)
    assert isinstance(answer, Refused)
    assert answer.fault == "size"


async def test_cookies_are_not_kept(dashboard: Dashboard, make: Make) -> None:
    """What a dashboard sets is not sent back: each POST says all by itself."""
    dashboard.answer(200, Set_Cookie="session=1; Path=/")
    sender = make(dashboard.endpoint)
    await sender.send(BATCH)
    await sender.send(BATCH)
    assert "Cookie" not in dashboard.posts[1].headers


async def test_a_batch_is_compressed_beside_the_event_loop(dashboard: Dashboard, make: Make) -> None:
    """While a large batch is compressed, other tasks go on."""
    large = Batch("web-1", (snapshot(entry(0), b'"' + bytes(i % 90 + 35 for i in range(3_000_000)) + b'"'),))
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.perf_counter())
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    assert await make(dashboard.endpoint, compression="gzip", timeout=20).send(large) == Accepted()
    beating.cancel()
    assert len(beats) > 20
