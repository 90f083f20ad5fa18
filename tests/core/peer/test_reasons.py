"""Why a peer cannot be reached, in words for who has to mend it."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
from nodepulse_core.peer.reasons import CertificateRefusedError, explain, explain_loss


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name or service not known"),
        (OSError("Multiple exceptions: …"), "Multiple exceptions: …"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TLS failed: "),
    ],
)
def test_why_a_connection_failed(error: OSError, said: str) -> None:
    """The reason is in the system's words, without the address; a TLS error's number is not taken for the system's."""
    assert explain(error).startswith(said)
    assert "not permitted" not in explain(error)


def test_a_certificate_that_cannot_be_trusted_is_called_so() -> None:
    """A failed verification says why, and is no `operation not permitted`."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    assert explain(error) == "its certificate cannot be trusted: self-signed certificate"


def refused(code: int, words: str, **shown: object) -> CertificateRefusedError:
    """Return the refusal of a certificate that says this of itself, by OpenSSL's number and words."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, words
    return CertificateRefusedError(error, "localhost", shown)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused(62, "", subjectAltName=(("DNS", "a.example"),)), "its certificate is for a.example, not localhost"),
        (
            refused(62, "", subjectAltName=tuple(("DNS", f"{each}.example") for each in "abcde")),
            "its certificate is for a.example, b.example, c.example and 2 more, not localhost",
        ),
        (refused(64, "", subjectAltName=(("DNS", "a\n\x1b[2J"),)), r"its certificate is for a\n\x1b[2J, not localhost"),
        (refused(62, "", version=3), "its certificate is for no host that it names, not localhost"),
        (refused(62, ""), "its certificate is for another host, not localhost"),
        (refused(10, "", notAfter="Jan  1 00:00:00 2020 GMT"), "its certificate expired on 2020-01-01"),
        (
            refused(10, "", notAfter="Jan  1 00:00:00 3000 GMT"),
            "the certificate of an authority that signed its own has expired",
        ),
        (refused(10, ""), "its certificate has expired"),
        (
            refused(20, "", version=3),
            "its certificate is from an authority that is not trusted here; "
            "tls.ca_file names a file with those to trust",
        ),
        (refused(66, "EE certificate key too weak"), "its certificate cannot be trusted: EE certificate key too weak"),
    ],
)
def test_why_a_certificate_was_refused(error: CertificateRefusedError, said: str) -> None:
    """The reason says what of the certificate is wrong; what it says of itself cannot begin a line of its own."""
    assert explain(error) == str(error) == said


def test_the_reason_is_that_of_the_system_under_a_librarys() -> None:
    """What a library puts around an error does not hide it, whether it says so with `from` or not."""
    for cause, said in (
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (refused(62, "", version=3), "its certificate is for no host that it names, not localhost"),
    ):
        outer = RuntimeError("Error 111 connecting to localhost:6379")
        outer.__cause__ = cause
        assert explain(outer) == said
        outer.__cause__, outer.__suppress_context__, outer.__context__ = None, False, cause
        assert explain(outer) == said
        outer.__suppress_context__ = True
        assert explain(outer) == "Error 111 connecting to localhost:6379"


def test_a_connection_that_is_lost_over_tls_may_have_been_refused() -> None:
    """Only where TLS was spoken, and did not say what is wrong, a client certificate is thought of."""
    lost = ConnectionResetError(errno.ECONNRESET, "x")
    assert explain_loss(lost, "http") == "connection reset by peer"
    assert explain_loss(lost, "https") == (
        "connection reset by peer; so it may look where it misses, or does not accept, a client certificate "
        "(tls.cert_file)"
    )
    assert explain_loss(refused(10, ""), "https") == "its certificate has expired"


def test_an_error_without_words_is_named() -> None:
    """No reason is empty."""
    assert explain(TimeoutError()) == "no answer in time"
    assert explain(RuntimeError()) == "RuntimeError"
