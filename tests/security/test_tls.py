"""TLS to the dashboard and to targets, against real servers: who is trusted, who is not, and in which words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from attrs import frozen
from nodepulse_core.clock import SystemClock
from nodepulse_core.collect import TargetHTTP
from nodepulse_core.deliver import HTTPSender
from nodepulse_core.errors import NodePulseError, ScrapeError
from nodepulse_core.model import Access, Batch, Destination, Entry, Snapshot, Target, Tls, Window
from nodepulse_core.sender import Accepted, Later
from support.certificates import LONG_AGO, SecureServer, encrypt_key, secure_server, write_authority, write_pair

BATCH = Batch("s1", (Snapshot(Entry(Window(1_700_000_000, "s1"), "app"), "app", ({},), b"{}", ""),))
AUTHORITY = trustme.CA()
STRANGER = trustme.CA()
Ask = Callable[[SecureServer, Tls], Awaitable[str | None]]
"""Asks a server by one of the two ways, and returns why that failed; None where it did not."""


@frozen
class Files:
    """Certificates of the authority, of another, and a client's pair by each."""

    ca: Path
    stranger: Path
    mine: tuple[Path, Path]
    strangers: tuple[Path, Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Write them."""
    return Files(
        write_authority(AUTHORITY, tmp_path / "ca.pem"),
        write_authority(STRANGER, tmp_path / "stranger.pem"),
        write_pair(AUTHORITY.issue_cert("client.example"), tmp_path, "client"),
        write_pair(STRANGER.issue_cert("client.example"), tmp_path, "stranger-client"),
    )


@pytest.fixture(params=["target", "dashboard"])
async def ask(request: pytest.FixtureRequest) -> AsyncIterator[Ask]:
    """Give each of the two ways, with the connections that it keeps."""
    http = TargetHTTP("test")
    senders: dict[tuple[int, Tls], HTTPSender] = {}

    async def scrape(server: SecureServer, tls: Tls) -> str | None:
        try:
            await http.get(Target("app", "prometheus", server.endpoint, 15.0, 10.0, access=Access(tls=tls)))
        except ScrapeError as error:
            return str(error)
        return None

    async def send(server: SecureServer, tls: Tls) -> str | None:
        destination = Destination(server.endpoint, timeout=10.0, access=Access(tls=tls))
        try:
            sender = senders.setdefault((server.port, tls), HTTPSender(destination, "test", SystemClock()))
        except NodePulseError as error:  # the agent does not start
            return str(error)
        answer = await sender.send(BATCH)
        assert isinstance(answer, Accepted | Later), "nothing about TLS makes a batch be thrown away"
        return answer.reason if isinstance(answer, Later) else None

    yield scrape if request.param == "target" else send
    for sender in senders.values():
        await sender.close()
    await http.close()


async def test_the_right_authority_is_trusted(ask: Ask, files: Files) -> None:
    """A certificate for the host by the authority of `ca_file` is all that it takes."""
    with secure_server(AUTHORITY.issue_cert("localhost")) as server:
        assert await ask(server, Tls(ca_file=files.ca)) is None
    assert len(server.asked) == 1


async def test_a_client_certificate_is_shown(ask: Ask, files: Files) -> None:
    """A server that asks for one gets that of `cert_file`."""
    with secure_server(AUTHORITY.issue_cert("localhost"), clients_of=AUTHORITY) as server:
        assert await ask(server, Tls(files.ca, *files.mine)) is None
    assert server.clients == ["client.example"]


async def test_no_certificate_is_checked_where_that_is_turned_off(ask: Ask) -> None:
    """`insecure_skip_verify` takes any certificate, of any host."""
    with secure_server(STRANGER.issue_cert("other.example")) as server:
        assert await ask(server, Tls(insecure_skip_verify=True)) is None


def _expired(*names: str) -> trustme.LeafCert:
    return AUTHORITY.issue_cert(*names, not_before=LONG_AGO[0], not_after=LONG_AGO[1])


UNTRUSTED = "its certificate is from an authority that is not trusted here; tls.ca_file names"
MAY_ASK = "it broke off the TLS handshake; it may ask for a client certificate"
REFUSED: dict[str, tuple[dict[str, object], Callable[[Files], Tls], str]] = {
    "wrong authority": ({}, lambda f: Tls(ca_file=f.stranger), UNTRUSTED),
    "the system's authorities": ({}, lambda _: Tls(), UNTRUSTED),
    "expired": (
        {"cert": _expired("localhost")},
        lambda f: Tls(ca_file=f.ca),
        "its certificate expired on 2020-01-01",
    ),
    "not yet valid": (
        {"cert": AUTHORITY.issue_cert("localhost", not_before=LONG_AGO[1].replace(year=2900))},
        lambda f: Tls(ca_file=f.ca),
        "its certificate cannot be trusted: certificate is not yet valid",
    ),
    "another host's": (
        {"cert": AUTHORITY.issue_cert("other.example")},
        lambda f: Tls(ca_file=f.ca),
        "its certificate is for other.example, not localhost",
    ),
    "no client certificate": (
        {"clients_of": AUTHORITY},
        lambda f: Tls(ca_file=f.ca),
        "it asks for a client certificate; set tls.cert_file and tls.key_file",
    ),
    "no client certificate in TLS 1.2": (
        {"clients_of": AUTHORITY, "newest": ssl.TLSVersion.TLSv1_2},
        lambda f: Tls(ca_file=f.ca),
        MAY_ASK,
    ),
    "client certificate of a stranger": (
        {"clients_of": AUTHORITY},
        lambda f: Tls(f.ca, *f.strangers),
        "it does not accept the client certificate of tls.cert_file: it does not know its authority",
    ),
    "key of another": (
        {},
        lambda f: Tls(f.ca, f.mine[0], f.strangers[1]),
        "the key in {dir}/stranger-client.key is not that of the certificate in {dir}/client.pem",
    ),
    "encrypted key": (
        {},
        lambda f: Tls(f.ca, f.mine[0], encrypt_key(f.mine[1])),
        "the key in {dir}/client.encrypted is encrypted, and no password can be given for it",
    ),
    "no TLS": ({"cert": None}, lambda f: Tls(ca_file=f.ca), "it does not speak TLS; is it http instead of https?"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_peer_that_is_not_to_be_trusted_gets_nothing(what: str, ask: Ask, files: Files) -> None:
    """Nothing is sent; the reason says in plain words what is wrong, and with which file or name."""
    given, tls, said = REFUSED[what]
    options: dict[str, object] = {"cert": AUTHORITY.issue_cert("localhost"), **given}
    with secure_server(**options) as server:  # type: ignore[arg-type]  # as the table says
        reason = await ask(server, tls(files))
    assert said.format(dir=files.ca.parent) in (reason or ""), reason
    assert "_ssl.c" not in (reason or "")
    assert server.asked == []


async def test_where_it_went_wrong_is_said(ask: Ask, files: Files) -> None:
    """The reason names the peer."""
    with secure_server(AUTHORITY.issue_cert("other.example")) as server:
        reason = await ask(server, Tls(ca_file=files.ca))
    assert f"localhost:{server.port}" in (reason or "")


async def test_files_that_are_replaced_are_used_at_once(ask: Ask, files: Files) -> None:
    """A client certificate and an authority that take another's place need no restart, and no reload."""
    tls = Tls(files.ca, *files.mine)
    with secure_server(AUTHORITY.issue_cert("localhost"), clients_of=AUTHORITY) as server:
        assert await ask(server, tls) is None
        write_pair(AUTHORITY.issue_cert("renewed.example"), files.ca.parent, "client")
        assert await ask(server, tls) is None
        assert server.clients == ["client.example", "renewed.example"]
        write_authority(STRANGER, files.ca)
        assert UNTRUSTED in (await ask(server, tls) or "")
        write_authority(AUTHORITY, files.ca)
        assert await ask(server, tls) is None


async def test_a_dashboards_redirect_is_not_followed_and_its_query_not_shown(files: Files) -> None:
    """No credential goes to where a peer points, by either way; what it points to may hold what it was sent."""
    tls = Tls(ca_file=files.ca)
    access = Access(headers={"X-Key": "hunter2"}, tls=tls)
    http = TargetHTTP("test")
    with (
        secure_server(AUTHORITY.issue_cert("localhost")) as elsewhere,
        secure_server(AUTHORITY.issue_cert("localhost")) as server,
    ):
        server.status = 307
        server.headers = {"Location": f"{elsewhere.endpoint}?key=hunter2", "Set-Cookie": "session=1; Secure"}
        target = Target("app", "prometheus", server.endpoint, 15.0, 10.0, access=access)
        sender = HTTPSender(Destination(server.endpoint, access=access), "test", SystemClock())
        for _ in range(2):
            with pytest.raises(ScrapeError, match=r"it redirects \(307\)") as caught:
                await http.get(target)
            answer = await sender.send(BATCH)
            assert isinstance(answer, Later)
            assert f"it redirects to {elsewhere.endpoint}, which is not followed" in answer.reason
            assert "hunter2" not in answer.reason + str(caught.value)
        await asyncio.gather(http.close(), sender.close())
    assert elsewhere.asked == []
    assert len(server.asked) == 4
    assert not any("Cookie" in headers for _, headers in server.asked)


async def test_proxies_and_netrc_of_the_environment_are_not_used(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the shell sets for other programs sends nothing elsewhere, and adds no credentials."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login root password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for each in (name, name.upper()):
            monkeypatch.setenv(each, "http://127.0.0.1:1")
    tls = Tls(ca_file=files.ca)
    http = TargetHTTP("test")
    with secure_server(AUTHORITY.issue_cert("localhost")) as secure, secure_server(None) as plain:
        for server, endpoint in ((secure, secure.endpoint), (plain, plain.endpoint.replace("https", "http"))):
            target = Target("app", "prometheus", endpoint, 15.0, 10.0, access=Access(tls=tls))
            assert await http.get(target) == b"up 1\n"
            sender = HTTPSender(Destination(endpoint, access=Access(tls=tls)), "test", SystemClock())
            assert isinstance(await sender.send(BATCH), Accepted)
            await sender.close()
            assert len(server.asked) == 2
            assert not any("Authorization" in headers for _, headers in server.asked)
    await http.close()


async def test_what_a_dashboard_says_back_of_what_it_was_sent_is_hidden(files: Files, tmp_path: Path) -> None:
    """An answer that quotes a header, the token or the query does not bring a secret into the log."""
    token = tmp_path / "token"
    token.write_text("hunter2")
    sent = Access(headers={"X-Key": "hunter3"}, bearer_token_file=token, tls=Tls(ca_file=files.ca))
    with secure_server(AUTHORITY.issue_cert("localhost")) as server:
        server.status = 401
        server.answer = lambda *_: b"no such key: hunter2, hunter3, hunter4" + b"." * 170 + b"hunter2"
        sender = HTTPSender(Destination(f"{server.endpoint}?key=hunter4", access=sent), "test", SystemClock())
        answer = await sender.send(BATCH)
        await sender.close()
    assert isinstance(answer, Later)
    assert "no such key: …, …, …" in answer.reason
    assert "hunt" not in answer.reason
