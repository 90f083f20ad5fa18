"""From what the configuration says about a peer to what a request carries, and why a peer cannot be reached."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path

from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Access, BasicAuth, Tls


def request_headers(access: Access) -> dict[str, str]:
    """Return the headers of a request. A token or password file is read each time, so what is new is used at once.

    Raises NodePulseError, naming the file and never its content, where it cannot be read.
    """
    headers = dict(access.headers)
    if access.basic_auth:
        pair = f"{access.basic_auth.username}:{read_password(access.basic_auth)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if access.bearer_token_file:
        headers["Authorization"] = f"Bearer {_read_secret(access.bearer_token_file, 'token')}"
    return headers


def read_password(auth: BasicAuth) -> str:
    """Return the password, from its file where it stands in one, without the line's end; empty where there is none.

    Raises NodePulseError, naming the file and never its content, where it cannot be read.
    """
    return _read_secret(auth.password_file, "password") if auth.password_file else auth.password


def _read_secret(path: Path, what: str) -> str:
    try:
        return path.read_text().strip()
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
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
