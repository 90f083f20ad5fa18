"""Who may: callers with and without a token, near and far, and browsers that others make ask."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from nodepulse_core.http.guard import Guard
from nodepulse_core.http.peer import Ends, UnknownPeerError
from nodepulse_core.http.token import Token

TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OWN, OTHER = 990, 1000
LOCAL = {"Host": "localhost:8088"}


@pytest.fixture
def token(tmp_path: Path) -> Token:
    """Give a token that its file holds."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return Token(path)


@pytest.fixture(autouse=True)
def _ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends(("127.0.0.1", 8088), ("127.0.0.1", 50000), 1)
    monkeypatch.setattr("nodepulse_core.http.guard._ends_of", lambda _: ends)


async def ask(
    guard: Guard,
    method: str = "GET",
    path: str = "/health",
    headers: dict[str, str] | None = None,
    peer: str = "127.0.0.1",
) -> tuple[int, str]:
    """Return the status that a request gets, 200 where it is let through, and the reason."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b'{"error": ""}')

    transport = Mock()
    transport.get_extra_info = {"peername": (peer, 50000)}.get
    request = make_mocked_request(method, path, headers={**LOCAL, **(headers or {})}, transport=transport)
    response = await guard.middleware()(request, handler)
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    return response.status, orjson.loads(response.body)["error"]


def guard_of(user: int | Exception, token: Token | None = None) -> Guard:
    """Return a guard of an agent of the user OWN, with a caller of a user, or of none that can be told."""

    def find(_: Ends) -> int:
        if isinstance(user, Exception):
            raise user
        return user

    return Guard("127.0.0.1", token, find, OWN)


@pytest.mark.parametrize("user", [OWN, 0])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_the_agents_user_and_root_may_change(user: int, method: str) -> None:
    """From this machine they need no token."""
    assert await ask(guard_of(user), method) == (200, "")


async def test_anyone_on_this_machine_may_read() -> None:
    """Another user's GET and HEAD are answered; whose they are is not even looked up."""
    for method in ("GET", "HEAD"):
        assert (await ask(guard_of(AssertionError("looked up")), method))[0] == 200


@pytest.mark.parametrize("caller", [OTHER, UnknownPeerError("not listed")])
async def test_another_user_may_not_change_without_the_token(caller: int | Exception, token: Token) -> None:
    """He is told what would help: the token, where there is one; with it he may."""
    status, reason = await ask(guard_of(caller), "POST")
    assert status == 403
    assert "ask as root or as the agent's own user 990 on this machine, or set api.token_file" in reason
    assert ("user 1000" in reason) or ("not listed" in reason)
    assert (await ask(guard_of(caller, token), "POST"))[0] == 401
    assert (await ask(guard_of(caller, token), "POST", headers=BEARER))[0] == 200


@pytest.mark.parametrize("path", ["/health", "/api/exporters", "/metrics", "/"])
async def test_another_machine_needs_the_token_to_read(path: str, token: Token) -> None:
    """Without it 401, with it 200; an agent that knows no token answers nobody from afar."""
    assert (await ask(guard_of(OWN, token), path=path, peer="192.0.2.7"))[0] == 401
    assert (await ask(guard_of(OWN, token), path=path, peer="192.0.2.7", headers=BEARER))[0] == 200
    assert (await ask(guard_of(OWN), path=path, peer="192.0.2.7"))[0] == 403


@pytest.mark.parametrize("path", ["/live", "/ready"])
async def test_probes_need_no_token(path: str, token: Token) -> None:
    """A supervisor elsewhere may ask whether it lives; nothing else."""
    assert (await ask(guard_of(OTHER, token), path=path, peer="192.0.2.7"))[0] == 200
    assert (await ask(guard_of(OTHER, token), "POST", path, peer="192.0.2.7"))[0] == 401


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host", "X-Forwarded-Proto"]
)
async def test_what_a_proxy_passes_on_is_from_afar(header: str, token: Token) -> None:
    """A proxy that root runs on this machine gives nobody root's rights."""
    for method in ("GET", "POST"):
        assert (await ask(guard_of(0, token), method, headers={header: "127.0.0.1"}))[0] == 401


@pytest.mark.parametrize(
    "shown", ["Bearer wrong", "Bearer", "", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
async def test_a_wrong_token_is_worse_than_none(shown: str, token: Token) -> None:
    """Who shows a wrong token is refused, also where he would need none, so that the mistake is seen."""
    assert (await ask(guard_of(OWN, token), headers={"Authorization": shown}))[0] == 401
    assert (await ask(guard_of(OWN), headers={"Authorization": shown}))[0] == 401


async def test_a_scheme_is_written_as_one_likes(token: Token) -> None:
    """`bearer` is as good as `Bearer`."""
    assert (await ask(guard_of(OTHER, token), "POST", headers={"Authorization": f"bearer  {TOKEN}"}))[0] == 200


async def test_a_token_file_that_is_gone_lets_nobody_in(
    token: Token, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller is sent to the log, which names the file."""
    (tmp_path / "token").unlink()
    status, reason = await ask(guard_of(OTHER, token), headers=BEARER)
    assert (status, str(tmp_path) in reason) == (401, False)
    assert f"cannot read the token in {tmp_path}/token" in caplog.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8088", 200),
        ("127.0.0.1:8088", 200),
        ("[::1]:8088", 200),
        ("localhost:9000", 200),  # through a tunnel
        ("evil.example", 421),
        ("localhost.evil.example:8088", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example@localhost", 200),  # urlsplit takes the user off; no browser sends it
        ("localhost:x", 200),
        ("[::1", 421),
        ("", 421),
    ],
)
async def test_a_foreign_name_that_points_here_is_refused(host: str, status: int) -> None:
    """Only localhost and addresses are answered for: a name may be made to point here by a page that is open."""
    for method in ("GET", "POST"):
        assert (await ask(guard_of(OWN), method, headers={"Host": host}))[0] == status


async def test_the_name_that_is_listened_on_is_answered_for() -> None:
    """The host of api.listen is one of the agent's own names."""
    guard = Guard("agent.example", None, lambda _: OWN, OWN)
    assert (await ask(guard, headers={"Host": "Agent.example:8088"}))[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "whatever"])
async def test_another_sites_page_may_not_ask(site: str) -> None:
    """Neither to read nor to change, whatever its content type."""
    for method in ("GET", "POST"):
        headers = {"Sec-Fetch-Site": site, "Content-Type": "text/plain"}
        assert (await ask(guard_of(OWN), method, headers=headers))[0] == 403


async def test_a_link_on_another_sites_page_may_be_followed() -> None:
    """A person's click leads to the status page; it cannot lead to a change, nor into a frame."""
    click = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await ask(guard_of(OWN), path="/", headers=click))[0] == 200
    assert (await ask(guard_of(OWN), "POST", headers=click))[0] == 403
    assert (await ask(guard_of(OWN), headers={**click, "Sec-Fetch-Dest": "iframe"}))[0] == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8088", 200),
        ("https://localhost:8088", 403),
        ("http://localhost:3000", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_only_the_agents_own_page_may_ask(origin: str, status: int) -> None:
    """An Origin must be this very host and port: another page of this machine is another site."""
    for method in ("GET", "POST"):
        assert (await ask(guard_of(OWN), method, headers={"Origin": origin}))[0] == status


async def test_refused_changes_are_logged_thinly(caplog: pytest.LogCaptureFixture) -> None:
    """The first is said with its reason, the hundredth is not; what is only read is never logged."""
    guard = guard_of(OTHER)
    for _ in range(100):
        await ask(guard, "POST")
        await ask(guard, headers={"Host": "evil.example"})
    assert 1 <= len(caplog.records) < 15
    assert "user 1000" in caplog.records[0].getMessage()
