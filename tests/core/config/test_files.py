"""Files that a configuration names: missing ones, and secrets that others may read."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from core.config.cases import SECRET
from nodepulse_core.config import load_settings
from support.certificates import write_pair


def warnings(home: Path, text: str, mode: int = 0o600, environ: dict[str, str] | None = None) -> list[str]:
    """Return the warnings of a configuration in a file of a mode, without what they begin with."""
    path = home / "nodepulse.yml"
    path.write_text(text)
    path.chmod(mode)
    found = [warning.render("f") for warning in load_settings(path, environ or {}).warnings]
    return [text.replace(str(home), "~").split(": ", 1)[1] for text in found]


def secret_file(home: Path, mode: int) -> Path:
    """Make a file with a secret."""
    path = home / "secret"
    path.write_text(SECRET)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(("mode", "who"), [(0o640, "its group"), (0o644, "everybody"), (0o604, "everybody")])
@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ("server: {endpoint: http://d/, bearer_token_file: FILE}\nexporters: {a: }", "server.bearer_token_file"),
        ("server: {endpoint: http://d/, tls: {cert_file: /dev/null/../null, key_file: FILE}}\nexporters: {a: }", None),
        ("server: {endpoint: http://d/}\nexporters: {a: {bearer_token_file: FILE}}", "exporters.a.bearer_token_file"),
        (
            "server: {endpoint: http://d/}\nexporters: [{name: a, basic_auth: {username: b, password_file: FILE}}]",
            "exporters[0].basic_auth.password_file",
        ),
        ("server: {endpoint: http://d/}\nexporters: {a: }\napi: {token_file: FILE}", "api.token_file"),
    ],
)
def test_a_secret_file_that_others_read_is_said(
    keys: str, path: str | None, mode: int, who: str, tmp_path: Path
) -> None:
    """The warning names the file, who may read it, and the command that ends it; never what it holds."""
    secret = secret_file(tmp_path, mode)
    if path is None:  # a client certificate goes with its key
        certificate = tmp_path / "certificate"
        certificate.touch()
        keys, path = keys.replace("/dev/null/../null", str(certificate)), "server.tls.key_file"
    text = keys.replace("FILE", str(secret))
    said = [warning for warning in warnings(tmp_path, text) if warning.startswith(f"{path}:")]
    assert said == [f"{path}: ~/secret can be read by {who}; protect it with: chmod 600 ~/secret"]
    secret.chmod(0o600)
    assert not any(warning.startswith(f"{path}:") for warning in warnings(tmp_path, text))


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ("basic_auth: {username: a, password: hunter2}", "basic_auth.password"),
        ("headers: {Authorization: hunter2}", "headers.Authorization"),
        ("headers: {X-Api-Key: hunter2}", "headers.X-Api-Key"),
    ],
)
def test_a_secret_in_a_file_that_others_read_is_said(settings: str, key: str, tmp_path: Path) -> None:
    """A password or token in the configuration itself is worth a warning; one from the environment is not."""
    text = f"server: {{endpoint: http://d/}}\nexporters: {{a: {{{settings}}}}}\n"
    said = (
        "this secret can be read by everybody; write ${VAR} for it, or protect the file with: chmod 600 ~/nodepulse.yml"
    )
    assert warnings(tmp_path, text, 0o644) == [f"exporters.a.{key}: {said}"]
    assert warnings(tmp_path, text, 0o600) == []
    assert warnings(tmp_path, text.replace("hunter2", "'${S}'"), 0o644, {"S": SECRET}) == []


def test_harmless_headers_are_no_secrets(tmp_path: Path) -> None:
    """A file without secrets may be read by anybody."""
    text = "server: {endpoint: http://d/, headers: {Accept: text/plain}}\nexporters: {a: }\n"
    assert warnings(tmp_path, text, 0o644) == []


def test_tls_files_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    """It is a warning, since a pair may be just replaced; of a pair that can be used, nothing is said."""
    authority = trustme.CA()
    cert, key = write_pair(authority.issue_cert("a.example"), tmp_path, "a")
    _, other = write_pair(authority.issue_cert("b.example"), tmp_path, "b")
    text = (
        "server: {endpoint: http://d/}\n"
        "exporters: [{name: a, endpoint: http://x/, tls: {cert_file: CERT, key_file: KEY}}]"
    )
    assert warnings(tmp_path, text.replace("CERT", str(cert)).replace("KEY", str(key))) == []
    assert warnings(tmp_path, text.replace("CERT", str(cert)).replace("KEY", str(other))) == [
        "exporters[0].tls: the key in ~/b.key is not that of the certificate in ~/a.pem; "
        "what needs it fails until it is mended"
    ]
