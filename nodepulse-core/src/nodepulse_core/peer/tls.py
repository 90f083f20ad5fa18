"""TLS towards a peer: how it is checked, what is shown to it, and the files for both, read anew when they change."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, NoReturn

from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Tls
from nodepulse_core.peer.reasons import CertificateRefusedError, explain

_MOST_CONTEXTS = 256
_NOT_A_PAIR = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}
_Seen = tuple[tuple[int, ...], ...]


class TlsContexts:
    """The contexts of many peers: each is made once, and anew when one of its files has changed.

    A connection that is open goes on as it was made; the next one is made with the new files.
    """

    def __init__(self) -> None:
        self._made: dict[Tls, tuple[_Seen, ssl.SSLContext]] = {}

    def get(self, tls: Tls) -> ssl.SSLContext:
        """Return the context for a peer; raises NodePulseError, naming the file, where one cannot be used.

        One that was made before is not used then: what it trusts may be what its files no longer do.
        """
        seen = tuple(_look(path) for path in (tls.ca_file, tls.cert_file, tls.key_file) if path)
        made = self._made.get(tls)
        if made is None or made[0] != seen:
            self._made.pop(tls, None)
            while len(self._made) >= _MOST_CONTEXTS:
                del self._made[next(iter(self._made))]
            made = self._made[tls] = (seen, tls_context(tls))
        return made[1]


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return a new context to check a peer with, and to show it a certificate; TLS 1.2 is the least it speaks.

    Without a `ca_file` the system's authorities are trusted. Raises NodePulseError, naming the file, where one cannot
    be used; an encrypted key is such a file, and nobody is asked for its password.
    """
    if tls.insecure_skip_verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load_authorities(context, tls.ca_file)
    else:
        context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = _Handshake
    if tls.cert_file:
        _load_pair(context, tls.cert_file, tls.key_file or tls.cert_file)
    return context


class _Handshake(ssl.SSLObject):
    """What is between two peers; where a certificate is refused, it says whose that is."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefusedError(error, self.server_hostname, self._shown()) from error

    def _shown(self) -> dict[str, Any]:
        """Return what the refused certificate says; only from 3.13 on there is a public way, and that does not parse.

        Nothing of it is certain, since nobody vouches for it; without it errors say less.
        """
        try:
            shown: dict[str, Any] = self._sslobj.get_unverified_chain()[0].get_info()  # type: ignore[attr-defined]  # see above
        except (AttributeError, TypeError, IndexError, ssl.SSLError):
            return {}
        return shown


def _look(path: Path) -> tuple[int, ...]:
    try:
        state = path.stat()
    except OSError as error:
        raise NodePulseError(f"cannot read {path}: {explain(error)}") from error
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    _check_readable(path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise NodePulseError(f"{path} holds no certificate of an authority in PEM form ({explain(error)})") from error


def _load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    _check_readable(cert)
    _check_readable(key)

    def password() -> NoReturn:  # without this, OpenSSL asks the terminal
        remedy = f"write it without one, for its owner only: openssl pkey -in {key} -out …"
        raise NodePulseError(f"the key in {key} is encrypted, and no password can be given for it; {remedy}")

    try:
        context.load_cert_chain(cert, key, password)
    except ssl.SSLError as error:
        if error.reason in _NOT_A_PAIR:
            raise NodePulseError(f"the key in {key} is not that of the certificate in {cert}") from error
        if not _holds_certificate(cert):
            raise NodePulseError(f"{cert} holds no certificate in PEM form") from error
        raise NodePulseError(f"{key} holds no key in PEM form that can be used ({explain(error)})") from error


def _check_readable(path: Path) -> None:
    """Begin to read a file, since what OpenSSL says of one that cannot be read does not name it."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise NodePulseError(f"cannot read {path}: {explain(error)}") from error


def _holds_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True
