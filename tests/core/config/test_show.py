"""Every value and its origin; secrets masked, whatever they are."""

from __future__ import annotations

import json

import pytest
from core.config.cases import load_text
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.config import show
from nodepulse_core.config.keys import all_keys
from nodepulse_core.config.settings import Settings

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="${}\"'\\"))
SECRETS = TEXT.map(lambda text: f"hunter2{text}")  # so that it is no part of anything else that is shown


def rows(text: str, environ: dict[str, str] | None = None) -> dict[str, tuple[object, str]]:
    """Return value and origin by path."""
    return {row.path: (row.value, row.origin) for row in show(load_text(text, environ))}


def test_every_value_has_its_origin() -> None:
    """A line and column of the file, the environment, or the default."""
    text = (
        "server: {endpoint: http://d/, timeout: 1m30s}\n"
        "agent: {server_id: '${NUMBER}', state_dir: '${SECRET}'}\n"
        "exporters:\n  - {name: a, endpoint: http://x/}\nbuffer: {max_bytes: 1000}\n"
    )
    shown = rows(text)
    assert shown["server.endpoint"] == ("http://d/", "nodepulse.yml:1:10")
    assert shown["server.timeout"] == ("1m30s", "nodepulse.yml:1:31")
    assert shown["agent.server_id"] == ("10", "nodepulse.yml:2:9 (environment)")
    assert shown["exporters[0].endpoint"] == ("http://x/", "nodepulse.yml:4:15")
    assert shown["buffer.max_bytes"] == ("1000B", "nodepulse.yml:5:10")
    assert shown["buffer.min_free_bytes"] == ("256MiB", "default")
    assert shown["discovery.scan_interval"] == ("5m", "default")
    assert shown["plugins.disabled"] == ([], "default")


def test_in_the_mapping_form_paths_are_those_of_the_file() -> None:
    """A name has the place of its key; discovery stands where the file has it."""
    shown = rows(
        "server: {endpoint: http://d/}\nexporters:\n  a: {endpoint: http://x/}\n  discovery: {enabled: true}\n"
    )
    assert shown["exporters.a.name"] == ("a", "nodepulse.yml:3:3")
    assert shown["exporters.discovery.enabled"] == (True, "nodepulse.yml:4:15")


def test_no_key_is_missing() -> None:
    """With everything configured, every key of the settings has its row."""
    text = "server: {endpoint: http://d/}\nexporters: [{name: a, endpoint: http://x/, basic_auth: {username: u}}]\n"
    shown = {path.replace("[0]", "[]") for path in rows(text)}
    sections = {"server", "agent", "exporters", "discovery", "buffer", "api", "logging", "plugins"}
    keys = {path for path, key in all_keys(Settings) if key.rule or key.choices or path == "plugins.disabled"}
    assert keys - sections <= shown


@given(SECRETS)
def test_no_secret_is_shown_whatever_it_is(secret: str) -> None:
    """Passwords and headers are masked, and what the environment holds is shown as it is written."""
    text = (
        f"server: {{endpoint: 'http://d/?t=${{S}}', headers: {{X-A: '${{S}}', X-B: {json.dumps(secret)}}}}}\n"
        f"exporters:\n  - {{name: a, endpoint: 'http://x/${{S}}', headers: {{C: {json.dumps(secret)}}},\n"
        f"     basic_auth: {{username: '${{S}}', password: {json.dumps(secret)}}}}}\n"
        f"  - {{name: b, endpoint: 'http://x/', basic_auth: {{username: u, password: '${{S}}'}}}}\n"
        "plugins: {disabled: ['${S}']}\n"
    )
    escaped = "".join(f"%{ord(character):02X}" if character in "@#" else character for character in secret)
    loaded = load_text(text, {"S": escaped})
    assert loaded.problems == ()
    for said in (repr(show(loaded)), repr(loaded), str(loaded.settings)):
        assert secret not in said
        assert escaped not in said
    shown = {row.path: row.value for row in show(loaded)}
    assert shown["exporters[0].basic_auth.password"] == "********"
    assert shown["server.endpoint"] == "http://d/?t=${S}"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("http://d/in", "http://d/in"),
        ("http://d/in?key=hunter2&n=1", "http://d/in?key=********&n=********"),
        ("http://d/in?hunter2", "http://d/in?********"),
        ("http://d/in?key=${S}&k=hunter2&${S}=a=b", "http://d/in?key=${S}&k=********&${S}=********"),
        ("http://d/in?key=x${S}", "http://d/in?key=********"),
    ],
)
def test_the_query_of_a_url_is_masked(written: str, shown: str) -> None:
    """It may hold a key; a reference to the environment is shown as it is written."""
    text = f"server: {{endpoint: '{written}'}}\nexporters: [{{name: a, endpoint: '{written}'}}]"
    found = rows(text, {"S": "hunter2"})
    assert found["server.endpoint"][0] == found["exporters[0].endpoint"][0] == shown
