"""From what the configuration says about a peer to what a request carries, and why a peer cannot be reached."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import string
from pathlib import Path

from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Access, BasicAuth, Tls

_LONGEST_SECRET = 64 * 1024
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


def tls_context(tls: Tls) -> ssl.SSLContext | None:
    """Return the context to check a peer with; None: the system's default will do.

    Raises NodePulseError where a certificate or key cannot be loaded.
    """
    if tls == Tls():
        return None
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(path) for path in (tls.ca_file, tls.cert_file, tls.key_file) if path)
        raise NodePulseError(f"cannot load {files}: {error}") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def explain(error: OSError) -> str:
    """Return in the system's words why a connection failed, without the address that asyncio adds to them."""
    if isinstance(error, ssl.SSLError):  # its numbers are not the system's; OpenSSL's own words are, where it has any
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"its certificate cannot be trusted: {getattr(error, 'verify_message', '') or error.strerror or error}"
            )
        return f"TLS failed: {getattr(error, 'reason', '') or error.strerror or error}"
    if isinstance(error, socket.gaierror):  # nor are these
        return str(error.strerror).lower()
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
