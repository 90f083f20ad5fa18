"""From what the configuration says about a peer to what a request carries; secrets are read from their files here."""

from __future__ import annotations

import base64
import string
from collections.abc import Iterable
from pathlib import Path

from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Access, BasicAuth
from nodepulse_core.peer.reasons import explain

_LONGEST_SECRET = 64 * 1024
_SHORTEST_SECRET = 6
_TOKEN = frozenset(string.ascii_letters + string.digits + string.punctuation)


def request_headers(access: Access) -> dict[str, str]:
    """Return the headers of a request. A token or password file is read each time, so what is new is used at once.

    Raises NodePulseError, naming the file and never its content, where it cannot be read.
    """
    headers = dict(access.headers)
    if access.basic_auth:
        pair = f"{access.basic_auth.username}:{read_password(access.basic_auth)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if access.bearer_token_file:
        headers["Authorization"] = f"Bearer {_read_token(access.bearer_token_file)}"
    return headers


def read_password(auth: BasicAuth) -> str:
    """Return the password, from its file where it stands in one, without the line's end; empty where there is none.

    Raises NodePulseError, naming the file and never its content, where it cannot be read.
    """
    return _read_secret(auth.password_file, "password") if auth.password_file else auth.password


def hide_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return foreign text without what a request carried: a peer may say back what it was sent.

    A bearer token is known by itself, too. What is shorter than 6 characters is left: it is in many words.
    """
    words = {word for secret in secrets for word in (secret, secret.partition(" ")[2])}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_SECRET:
            text = text.replace(word, "…")
    return text


def _read_token(path: Path) -> str:
    token = _read_secret(path, "token").strip()
    if not token:
        raise NodePulseError(f"cannot read the token in {path}: it is empty")
    # What is no token must not reach a header: a library that refuses it may quote it.
    if not all(character in _TOKEN for character in token):
        raise NodePulseError(f"cannot read the token in {path}: it must be one line of ASCII, without spaces")
    return token


def _read_secret(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_SECRET + 1)
        if len(content) > _LONGEST_SECRET:
            raise NodePulseError(f"cannot read the {what} in {path}: it is longer than {_LONGEST_SECRET} bytes")
        return content.decode().rstrip("\r\n")
    except OSError as error:
        raise NodePulseError(f"cannot read the {what} in {path}: {explain(error)}") from error
    except UnicodeDecodeError:
        raise NodePulseError(f"cannot read the {what} in {path}: it is not UTF-8") from None
