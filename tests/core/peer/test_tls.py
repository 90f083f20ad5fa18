"""Contexts to check peers with: made from files, named where they are of no use, and made anew when they change."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from attrs import frozen
from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Tls
from nodepulse_core.peer.tls import TlsContexts, tls_context
from support.certificates import encrypt_key, write_authority, write_pair


@frozen
class Files:
    """An authority's certificate, a client's certificate and key, and the key of another client."""

    ca: Path
    cert: Path
    key: Path
    other_key: Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Write them."""
    authority = trustme.CA()
    cert, key = write_pair(authority.issue_cert("client.example"), tmp_path, "client")
    _, other_key = write_pair(authority.issue_cert("other.example"), tmp_path, "other")
    return Files(write_authority(authority, tmp_path / "ca.pem"), cert, key, other_key)


def test_a_peer_is_checked_unless_that_is_turned_off(files: Files) -> None:
    """Certificate and host name are checked by default; a `ca_file` is trusted in place of the system's authorities."""
    for tls in (Tls(), Tls(ca_file=files.ca), Tls(cert_file=files.cert, key_file=files.key)):
        context = tls_context(tls)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert len(tls_context(Tls(ca_file=files.ca)).get_ca_certs()) == 1
    unchecked = tls_context(Tls(insecure_skip_verify=True))
    assert (unchecked.verify_mode, unchecked.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (lambda f: Tls(ca_file=f.ca.with_name("none")), "cannot read {dir}/none: no such file or directory"),
        (lambda f: Tls(ca_file=f.ca.parent), "cannot read {dir}: is a directory"),
        (lambda f: Tls(ca_file=f.key), "{dir}/client.key holds no certificate of an authority in PEM form"),
        (
            lambda f: Tls(cert_file=f.cert, key_file=f.other_key),
            "the key in {dir}/other.key is not that of the certificate in {dir}/client.pem",
        ),
        (lambda f: Tls(cert_file=f.key, key_file=f.key), "{dir}/client.key holds no certificate in PEM form"),
        (lambda f: Tls(cert_file=f.cert, key_file=f.ca), "{dir}/ca.pem holds no key in PEM form"),
        (
            lambda f: Tls(cert_file=f.cert, key_file=f.key.with_name("none")),
            "cannot read {dir}/none: no such file or directory",
        ),
    ],
)
def test_a_file_of_no_use_is_named(tls: Callable[[Files], Tls], said: str, files: Files) -> None:
    """The error names the one file that is wrong, and says what is."""
    with pytest.raises(NodePulseError) as caught:
        tls_context(tls(files))
    assert str(caught.value).startswith(said.format(dir=files.ca.parent))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file to another user")
def test_a_file_of_another_user_is_named(files: Files) -> None:
    """OpenSSL does not say which of certificate and key may not be read; the error does."""
    files.key.chmod(0)
    os.chown(files.ca.parent, 65534, 65534)
    code = (
        "import os, sys; from pathlib import Path; from nodepulse_core.peer.tls import tls_context\n"
        "from nodepulse_core.model import Tls\n"
        "os.setuid(65534); cert, key = map(Path, sys.argv[1:])\n"
        "try: tls_context(Tls(cert_file=cert, key_file=key))\n"
        "except Exception as error: print(error)\n"
    )
    for parent in files.key.parents[:4]:  # pytest's folders are the tester's own
        parent.chmod(parent.stat().st_mode | 0o011)
    files.cert.chmod(0o644)
    said = subprocess.run(
        [sys.executable, "-c", code, str(files.cert), str(files.key)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == f"cannot read {files.key}: permission denied"


def test_an_encrypted_key_is_refused_and_nobody_is_asked(files: Files) -> None:
    """On a terminal, too, there is no prompt; the error says how to write a key that can be used."""
    encrypted = encrypt_key(files.key)
    with pytest.raises(NodePulseError) as caught:
        tls_context(Tls(cert_file=files.cert, key_file=encrypted))
    assert str(caught.value) == (
        f"the key in {encrypted} is encrypted, and no password can be given for it; "
        f"write it without one, for its owner only: openssl pkey -in {encrypted} -out …"
    )


def test_a_context_is_made_once_and_anew_when_a_file_changes(files: Files) -> None:
    """The same context is given while its files stay; replaced ones are used at the next question."""
    contexts = TlsContexts()
    tls = Tls(files.ca, files.cert, files.key)
    first = contexts.get(tls)
    assert contexts.get(tls) is first
    assert contexts.get(Tls(ca_file=files.ca)) is not first
    write_authority(trustme.CA(organization_name="Another"), files.ca)
    second = contexts.get(tls)
    assert second is not first
    assert "Another" in str(second.get_ca_certs())


def test_what_was_trusted_is_not_trusted_on_when_its_file_is_of_no_use(files: Files) -> None:
    """A broken or missing file is an error for as long as it is so; the context from before is not fallen back to."""
    contexts = TlsContexts()
    tls = Tls(ca_file=files.ca)
    contexts.get(tls)
    held = files.ca.read_bytes()
    files.ca.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(NodePulseError, match=r"ca\.pem holds no certificate"):
            contexts.get(tls)
    files.ca.unlink()
    with pytest.raises(NodePulseError, match=r"cannot read .*ca\.pem: no such file"):
        contexts.get(tls)
    files.ca.write_bytes(held)
    assert contexts.get(tls).verify_mode == ssl.CERT_REQUIRED


def test_contexts_are_bounded(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reloads have left behind does not add up: the oldest goes."""
    monkeypatch.setattr("nodepulse_core.peer.tls._MOST_CONTEXTS", 2)
    contexts = TlsContexts()
    kinds = [Tls(ca_file=files.ca), Tls(files.ca, files.cert, files.key), Tls(insecure_skip_verify=True)]
    first, second, _ = [contexts.get(each) for each in kinds]
    assert contexts.get(kinds[1]) is second
    assert contexts.get(kinds[0]) is not first
