"""How a command talks to the running agent: its address, its token, and its errors as sentences."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from nodepulse_core.cli.context import Context
from nodepulse_core.errors import ConfigError, NodePulseError, UsageError
from nodepulse_core.peer.reasons import explain

_SECONDS = 10.0
_LONGEST_ANSWER = 64 * 1024**2
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - where it listens on all, it is asked on loopback
_ERRORS = range(400, 600)
_UNAVAILABLE = 503


class NoAgentError(NodePulseError):
    """No agent answers where one is due; says where, and how to start it."""


class RefusedError(NodePulseError):
    """An answer other than 2xx: its status, and every reason, one a line."""

    def __init__(self, status: int, reason: str, problems: list[str]) -> None:
        super().__init__("\n".join([reason, *(f"  {problem}" for problem in problems)]))
        self.status = status


@frozen
class Client:
    """Asks one agent. Each request is a connection of its own."""

    url: str
    """`http://127.0.0.1:8088`."""
    token: str | None = field(default=None, repr=False)

    def get(self, path: str) -> Any:
        """Return the JSON of a GET; raises NoAgentError and RefusedError."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: object = None, seconds: float = _SECONDS) -> Any:
        """Return the JSON that a request is answered with, None where there is none; raises NoAgentError, RefusedError.

        A 503 with a report is an answer too: an agent that is unhealthy says why.
        """
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=seconds)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return _read(response.status, response.read(_LONGEST_ANSWER), self.url)
        except TimeoutError as error:
            raise NoAgentError(f"the agent at {self.url} does not answer within {seconds:g}s") from error
        except OSError as error:
            reason = f"no agent answers at {self.url}: {explain(error)}; start one with: nodepulse start"
            raise NoAgentError(reason) from error
        except http.client.HTTPException as error:
            raise NoAgentError(f"what answers at {self.url} is no agent: {type(error).__name__}") from error
        finally:
            connection.close()


def make_client(context: Context, url: str | None) -> Client:
    """Return what asks the agent at a URL, or else the one that the configuration describes, with its token.

    Raises NodePulseError where the configuration turns the API off, or the token cannot be read. The default address
    is asked where no configuration is found, or is for other users' eyes; one that is wrong is no hindrance where a
    URL is given.
    """
    from nodepulse_core.config import Api  # noqa: PLC0415 - YAML is read only where it is needed

    if url is not None:
        _check_url(url)
    try:
        api = context.load().settings.api if url is None or context.has_configuration() else Api()
    except ConfigError as error:
        if url is None and not _is_kept_from_us(context, error):
            raise
        api = Api()
    if url is None and not api.enabled:
        raise NoAgentError("the agent does not listen: the configuration says api.enabled: false")
    host, _, port = api.listen.rpartition(":")
    configured = f"http://{_EVERYWHERE.get(host, host)}:{port}"
    token = None if api.token_file is None else _read_token(api.token_file)
    return Client((url or configured).rstrip("/"), token)


def _is_kept_from_us(context: Context, error: ConfigError) -> bool:
    """Tell whether nobody named a configuration, and there is none, or none that this user may read."""
    return not context.names_configuration and (
        not context.has_configuration() or isinstance(error.__cause__, PermissionError)
    )


def quote_name(name: str) -> str:
    """Return a name as it stands in a path."""
    return quote(name, safe="")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
    except ValueError:
        right = False
    if not right:
        raise UsageError(f"{url!r} is no agent's URL; write it like http://127.0.0.1:8088")


def _read_token(path: Any) -> str | None:
    """Return the token; None where this user may not read it: on this machine he may not need it."""
    try:
        return str(path.read_text()).strip()
    except OSError:
        return None
    except UnicodeDecodeError:
        raise NodePulseError(f"{path} holds no token: it is not text") from None


def _read(status: int, body: bytes, url: str) -> Any:
    try:
        value = json.loads(body) if body else None
    except ValueError as error:
        raise NoAgentError(f"what answers at {url} is no agent: its answer is no JSON") from error
    if status in _ERRORS and isinstance(value, Mapping) and "error" in value:
        raise RefusedError(status, str(value["error"]), [str(each) for each in value.get("problems", ())])
    if status in _ERRORS and status != _UNAVAILABLE:
        raise NoAgentError(f"what answers at {url} is no agent: it says {status}")
    return value
