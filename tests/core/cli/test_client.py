"""How a command talks to what may be an agent, or anything else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nodepulse_core.cli.client import Client, NoAgentError, RefusedError, make_client, quote_name
from nodepulse_core.cli.context import Context
from nodepulse_core.config_file import read_content
from nodepulse_core.errors import ConfigError


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Answer one connection with some bytes; give the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def http(status: str, body: str) -> bytes:
    """Return an answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_an_answer_is_read() -> None:
    """JSON comes back as it is; an answer without a body is None; an unhealthy agent's report is an answer."""
    for status, body, value in [
        ("200 OK", '{"a": 1}', {"a": 1}),
        ("204 No", "", None),
        ("503 No", '{"a": 2}', {"a": 2}),
    ]:
        with answering(http(status, body)) as url:
            assert Client(url).get("/health") == value


def test_a_refusal_has_all_its_reasons() -> None:
    """The error, then each problem on a line of its own."""
    with answering(http("400 No", '{"error": "it is wrong", "problems": ["name: x", "type: y"]}')) as url:
        with pytest.raises(RefusedError, match="it is wrong\n  name: x\n  type: y") as caught:
            Client(url).get("/")
        assert caught.value.status == 400


@pytest.mark.parametrize("answer", [http("200 OK", "<html>"), http("404 No", '"x"'), b"SSH-2.0-OpenSSH\r\n", b""])
def test_what_is_no_agent_is_said(answer: bytes) -> None:
    """Another web server, or no web server at all, is named as what it is."""
    with answering(answer) as url, pytest.raises(NoAgentError, match="agent"):
        Client(url).get("/health")


def test_an_agent_that_hangs_is_not_waited_for() -> None:
    """After its time it is said that it does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NoAgentError, match=r"does not answer within 0\.1s"):
            Client(url).ask("GET", "/health", seconds=0.1)


def test_the_token_is_not_shown() -> None:
    """Not even where a client is printed."""
    assert "secret" not in repr(Client("http://x", "secret-token"))


def test_a_name_stays_one_part_of_a_path() -> None:
    """Whatever is typed as a name leads to no other place."""
    assert quote_name("a/../b?c") == "a%2F..%2Fb%3Fc"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with a configuration whose agent listens elsewhere."""
    config = tmp_path / ".nodepulse" / "nodepulse.yml"
    config.parent.mkdir()
    config.write_text(
        "{server: {endpoint: 'http://d'}, exporters: [{name: app, endpoint: 'http://a'}], api: {listen: '127.0.0.1:9'}}"
    )
    return tmp_path


def test_the_agent_of_the_configuration_is_asked(home: Path) -> None:
    """Its address is the configured one, unless a URL is given."""
    context = Context(config=None, environ={"HOME": str(home)})
    assert make_client(context, None).url == "http://127.0.0.1:9"
    assert make_client(context, "http://127.0.0.1:10/").url == "http://127.0.0.1:10"


def test_without_a_configuration_the_default_address_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is found the agent may be there all the same; one that was named and is not there is an error."""
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path)}
    assert make_client(Context(config=None, environ=environ), None).url == "http://127.0.0.1:8088"
    nowhere = tmp_path / "nowhere.yml"
    for named in (Context(nowhere, environ), Context(None, environ | {"NODEPULSE_CONFIG": str(nowhere)})):
        with pytest.raises(ConfigError, match="nowhere"):
            make_client(named, None)


def test_a_configuration_for_other_eyes_is_no_hindrance(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on a machine may ask how its agent is, also who may not read its configuration; a wrong one is said."""
    context = Context(config=None, environ={"HOME": str(home)})
    (home / ".nodepulse" / "nodepulse.yml").write_text("server: [")
    with pytest.raises(ConfigError):
        make_client(context, None)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root, as whom tests may run, reads everything
    with pytest.raises(ConfigError, match="Permission denied"):
        read_content(home / ".nodepulse" / "nodepulse.yml")
    assert make_client(context, None).url == "http://127.0.0.1:8088"
