"""Why a peer cannot be reached, in words for who has to mend it."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN_NAMES = 3
_LONGEST_NAME = 100
_EXPIRED = 10
_NOT_THE_HOST = {62, 64}
_UNTRUSTED: Mapping[int, str] = {  # OpenSSL's X509_V_ERR_…
    2: "an authority that is not trusted here",
    18: "itself: no authority has signed it",
    19: "an authority that is not trusted here",
    20: "an authority that is not trusted here",
    21: "an authority that is not trusted here",
}
_CERTIFICATE_REFUSED = "it does not accept the client certificate of tls.cert_file"
_NO_TLS = "it does not speak TLS; is it http instead of https?"
_NO_VERSION = "it speaks no version of TLS that is safe; 1.2 is the least"
_REASONS: Mapping[str, str] = {  # OpenSSL's, as Python names them
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate; set tls.cert_file and tls.key_file",
    "TLSV1_ALERT_UNKNOWN_CA": f"{_CERTIFICATE_REFUSED}: it does not know its authority",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": f"{_CERTIFICATE_REFUSED}: it has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": f"{_CERTIFICATE_REFUSED}: it was revoked",
    "SSLV3_ALERT_BAD_CERTIFICATE": f"{_CERTIFICATE_REFUSED}, or asks for one; see tls.cert_file and tls.key_file",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _CERTIFICATE_REFUSED,
    "TLSV1_ALERT_ACCESS_DENIED": _CERTIFICATE_REFUSED,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it broke off the TLS handshake; it may ask for a client certificate "
    "(tls.cert_file and tls.key_file), or speak no cipher that is safe",
    "TLSV1_UNRECOGNIZED_NAME": "it serves no host of this name",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": _NO_VERSION,
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
}


class CertificateRefusedError(ssl.SSLCertVerificationError):
    """A peer's certificate that was refused, with what it says; its text is why, in plain words."""

    def __init__(self, error: ssl.SSLCertVerificationError, host: str | None, shown: Mapping[str, Any]) -> None:
        """Take OpenSSL's error, the host that was asked for, and the certificate as `getpeercert` tells one."""
        super().__init__(error.errno, error.strerror)
        self.verify_code = error.verify_code
        self.verify_message = error.verify_message
        self._host = host
        self._shown = shown

    def __str__(self) -> str:
        code = self.verify_code
        if code in _NOT_THE_HOST:
            return f"its certificate is for {_names(self._shown)}, not {self._host}"
        if code == _EXPIRED:
            return _expired(self._shown)
        if code in _UNTRUSTED:
            return f"its certificate is from {_UNTRUSTED[code]}; tls.ca_file names a file with those to trust"
        return f"its certificate cannot be trusted: {self.verify_message}"


def explain(error: BaseException) -> str:
    """Return why a connection or a file failed: the system's words, or plain ones, without the address around them."""
    error = _root(error)
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error)
    if isinstance(error, socket.gaierror):  # its number is not the system's
        return str(error.strerror).lower()
    if isinstance(error, TimeoutError) and not error.errno:
        return "no answer in time"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def explain_loss(error: BaseException, scheme: str) -> str:
    """Return why a connection that was made was lost before an answer.

    A server may break off over the client certificate only after it seemed to be accepted, and its reason be lost with
    the connection.
    """
    said = explain(error)
    if scheme == "https" and not isinstance(_root(error), ssl.SSLError):
        return f"{said}; so it may look where it misses, or does not accept, a client certificate (tls.cert_file)"
    return said


def _explain_tls(error: ssl.SSLError) -> str:
    if isinstance(error, CertificateRefusedError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        words = getattr(error, "verify_message", "") or error.strerror or error
        return f"its certificate cannot be trusted: {words}"
    reason = getattr(error, "reason", None) or ""
    plain = reason.replace("_", " ").lower()
    return _REASONS.get(reason) or f"TLS failed: {plain or error.strerror or error}"


def _root(error: BaseException) -> BaseException:
    """Return the error of the system or of TLS that a library has put its own around."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError | socket.gaierror):
            return cause
    return next((cause for cause in _causes(error) if isinstance(cause, OSError) and cause.errno), error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _names(shown: Mapping[str, Any]) -> str:
    names = [str(name) for _, name in shown.get("subjectAltName", ())]
    if not names:
        return "no host that it names" if shown else "another host"
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(map(_one_word, names[:_SHOWN_NAMES])) + more


def _one_word(name: str) -> str:
    """Return a name that nobody vouches for as it is fit for one line of a log."""
    return name[:_LONGEST_NAME].encode("unicode_escape").decode()


def _expired(shown: Mapping[str, Any]) -> str:
    until = str(shown.get("notAfter", ""))
    try:
        moment = ssl.cert_time_to_seconds(until)
    except ValueError:
        return "its certificate has expired"
    if moment > time.time():
        return "the certificate of an authority that signed its own has expired"
    return f"its certificate expired on {time.strftime('%Y-%m-%d', time.gmtime(moment))}"
