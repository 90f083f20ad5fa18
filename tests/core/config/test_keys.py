"""Every key is described once, on its class; docs/configuration.md says the same, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest
from core.config.cases import load_text, target
from nodepulse_core.config.keys import KeyOf, all_keys
from nodepulse_core.config.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
KEYS = {path: key for path, key in all_keys(Settings) if not attrs.has(key.kind) and path != "exporters"}


def row(path: str, key: KeyOf) -> str:
    """Write the row that the page must have for a key."""
    default = key.write_default()
    if key.default is attrs.NOTHING:
        said = "required"
    elif key.otherwise:
        said = key.otherwise
    elif default in (None, {}, []):
        said = "–"
    else:
        said = f"`{default if isinstance(default, str) else json.dumps(default)}`"
    rule = ", ".join(f"`{each}`" for each in key.choices) or ("a list" if key.item else key.rule and key.rule.words)
    return f"| `{path}` | {said} | {rule} | {key.about} |"


def test_every_kind_of_key_is_described() -> None:
    """The keys that are looked at are all there are, down to the last section."""
    assert len(KEYS) > 50
    assert {"server.tls.ca_file", "exporters[].basic_auth.password", "logging.file.compress"} <= set(KEYS)
    assert all(key.about and "\n" not in key.about and "|" not in key.about for key in KEYS.values())


@pytest.mark.parametrize("path", KEYS)
def test_the_page_says_of_a_key_what_its_class_says(path: str) -> None:
    """Path, default, rule and purpose stand in the page as one row."""
    assert row(path, KEYS[path]) in PAGE.splitlines()


def test_the_page_describes_no_key_that_is_none() -> None:
    """Each row of its tables that begins with a key is one of the settings'."""
    described = re.findall(r"^\| `([a-z_.\[\]]+)` \| .* \| .* \| .* \|$", PAGE, re.MULTILINE)
    assert sorted(described) == sorted(KEYS)


@pytest.mark.parametrize("example", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_the_examples_of_the_page_load(example: str) -> None:
    """Each example is right; one of a single section is completed by the others that are required."""
    text = example
    if not re.search(r"^server:", example, re.MULTILINE):
        text += "server: {endpoint: http://d/}\n"
    if not re.search(r"^(exporters|prometheus):", example, re.MULTILINE):
        text += "exporters: [{name: node_exporter}]\n"
    loaded = load_text(text, {"APP_PASSWORD": "p", "DASHBOARD_TOKEN": "t", "HOSTNAME": "web-1"})
    assert [problem.render("") for problem in loaded.problems if "no such file" not in problem.message] == []
    if not loaded.problems:
        assert target(loaded).targets
