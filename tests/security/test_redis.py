"""TLS to a real Redis: the same context as for HTTP, and not redis-py's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from nodepulse_core.errors import ScrapeError
from nodepulse_core.model import Access, Target, Tls
from nodepulse_exporter_redis.direct import RedisCollector
from support.certificates import encrypt_key, write_authority, write_pair
from support.programs import free_port, need
from support.servers import redis_server

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with certificates of the authority for the server and a client."""
    folder = tmp_path_factory.mktemp("redis")
    write_authority(AUTHORITY, folder / "ca.pem")
    write_authority(trustme.CA(), folder / "stranger.pem")
    write_pair(AUTHORITY.issue_cert("localhost"), folder, "server")
    write_pair(AUTHORITY.issue_cert("client.example"), folder, "client")
    encrypt_key(folder / "client.key")
    return folder


@pytest.fixture(scope="module")
def endpoint(home: Path) -> Iterator[str]:
    """Give the endpoint of a server that asks for a client certificate."""
    need("redis-server", "openssl")
    port = free_port()
    options = ["--tls-port", str(port), "--tls-ca-cert-file", str(home / "ca.pem")]
    options += ["--tls-cert-file", str(home / "server.pem"), "--tls-key-file", str(home / "server.key")]
    with redis_server(home, *options):
        yield f"rediss://localhost:{port}"


async def ask(endpoint: str, tls: Tls) -> str | None:
    """Return why the server cannot be asked; None where it can."""
    collector = RedisCollector()
    try:
        await collector.collect(Target("redis", "redis_exporter", endpoint, 15.0, 10.0, access=Access(tls=tls)))
    except ScrapeError as error:
        return str(error)
    finally:
        await collector.close()
    return None


async def test_a_client_certificate_is_shown_to_redis(endpoint: str, home: Path) -> None:
    """It is asked with the authority of `ca_file` and the certificate of `cert_file`."""
    assert await ask(endpoint, Tls(home / "ca.pem", home / "client.pem", home / "client.key")) is None


@pytest.mark.parametrize(
    ("ca", "key", "said"),
    [
        ("stranger.pem", "client.key", "its certificate is from an authority that is not trusted here"),
        ("ca.pem", "client.encrypted", "is encrypted, and no password can be given for it"),
        ("ca.pem", "server.key", "is not that of the certificate in"),
    ],
)
async def test_redis_is_refused_in_the_same_words(ca: str, key: str, said: str, endpoint: str, home: Path) -> None:
    """The reasons are those of HTTP, and nobody is asked for a password."""
    assert said in (await ask(endpoint, Tls(home / ca, home / "client.pem", home / key)) or "")


async def test_a_ca_file_is_trusted_in_place_of_the_systems(
    endpoint: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system trusts is not trusted besides."""
    pair = home / "client.pem", home / "client.key"
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "ca.pem"))
    assert await ask(endpoint, Tls(None, *pair)) is None
    assert "not trusted here" in (await ask(endpoint, Tls(home / "stranger.pem", *pair)) or "")
