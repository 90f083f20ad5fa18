"""The files that a configuration names: what must be there, and what others should not be able to read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nodepulse_core.config.expand import Expanded
from nodepulse_core.config.paths import KeyPath
from nodepulse_core.config.settings import BasicAuthSettings, ExporterSettings, Server, Settings, TlsSettings
from nodepulse_core.errors import NodePulseError
from nodepulse_core.peer.tls import tls_context

Note = Callable[[KeyPath, str], None]
_SECRET_HEADER = re.compile(r"authorization|cookie|token|key|secret|password", re.IGNORECASE)


def check_tls(tls: TlsSettings, path: KeyPath, note: Note) -> None:
    """Note what of `tls` is incomplete, or names a file that is not there."""
    if (tls.cert_file is None) != (tls.key_file is None):
        note(path, "cert_file and key_file go together")
    for key in ("ca_file", "cert_file", "key_file"):
        file: Path | None = getattr(tls, key)
        if file is not None and (lack := _lack(file)):
            note((*path, key), lack)


def warn_of_files(settings: Settings, paths: Sequence[KeyPath], source: Path, warn: Note) -> None:
    """Warn of secret files that are missing, or that others than their owner may read; no content is read."""
    for path, file in _secret_files(settings, paths):
        if lack := _lack(file):
            warn(path, f"{lack}; what needs it fails until it is there")
        elif readers := _readers(file):
            warn(path, f"{file} can be read by {readers}; protect it with: chmod 600 {file}")
    for path, peer in peers(settings, paths):
        if fault := _find_fault(peer.tls):
            warn((*path, "tls"), f"{fault}; what needs it fails until it is mended")
    secret = next(_secrets(settings, paths), None)
    if secret and (readers := _readers(source)):
        advice = f"write ${{VAR}} for it, or protect the file with: chmod 600 {source}"
        warn(secret, f"this secret can be read by {readers}; {advice}")


def peers(settings: Settings, paths: Sequence[KeyPath]) -> Iterator[tuple[KeyPath, Server | ExporterSettings]]:
    """Yield everything that requests go to, with its place."""
    yield ("server",), settings.server
    yield from zip(paths, settings.exporters, strict=True)


def _secret_files(settings: Settings, paths: Sequence[KeyPath]) -> Iterator[tuple[KeyPath, Path]]:
    for path, peer in peers(settings, paths):
        if peer.bearer_token_file is not None:
            yield (*path, "bearer_token_file"), peer.bearer_token_file
        if peer.tls.key_file is not None:
            yield (*path, "tls", "key_file"), peer.tls.key_file
        if (auth := _auth(peer)) and auth.password_file is not None:
            yield (*path, "basic_auth", "password_file"), auth.password_file
    if settings.api.token_file is not None:
        yield ("api", "token_file"), settings.api.token_file


def _secrets(settings: Settings, paths: Sequence[KeyPath]) -> Iterator[KeyPath]:
    """Yield where a secret itself stands in the file."""
    for path, peer in peers(settings, paths):
        for name, value in peer.headers.items():
            if _SECRET_HEADER.search(name) and not isinstance(value, Expanded):
                yield (*path, "headers", name)
        auth = _auth(peer)
        if auth and auth.password is not None and not isinstance(auth.password, Expanded):
            yield (*path, "basic_auth", "password")


def _auth(peer: Server | ExporterSettings) -> BasicAuthSettings | None:
    return peer.basic_auth if isinstance(peer, ExporterSettings) else None


def _find_fault(tls: TlsSettings) -> str | None:
    """Return why files that are there cannot be used for TLS; it is no problem, since they may be just replaced."""
    files = [file for file in (tls.ca_file, tls.cert_file, tls.key_file) if file is not None]
    if not files or any(map(_lack, files)):
        return None
    try:
        tls_context(tls.tls())
    except NodePulseError as error:
        return None if isinstance(error.__cause__, PermissionError) else str(error)
    return None


def _lack(file: Path) -> str | None:
    """Return why a file is of no use; None where it is there, or this user cannot tell."""
    try:
        return None if stat.S_ISREG(file.stat().st_mode) else f"{file} is no regular file"
    except PermissionError:
        return None
    except OSError as error:
        return f"{file}: {os.strerror(error.errno or 0).lower()}"


def _readers(file: Path) -> str | None:
    """Return who else may read a file; None where nobody may, or it cannot be told."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return None
    if not stat.S_ISREG(mode):
        return None
    return "everybody" if mode & stat.S_IROTH else "its group" if mode & stat.S_IRGRP else None
