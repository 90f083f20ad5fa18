"""Targets that are added at run time name no files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core.config.cases import INSTALLED, load_text
from nodepulse_core import HTTPExporter
from nodepulse_core.config import AddedTargets, check_added
from nodepulse_core.errors import ConfigError, NodePulseError

SETTINGS = load_text("server: {endpoint: http://d/}\nexporters: {a: {endpoint: http://x/}}\n").settings


def add(**given: Any) -> object:
    """Check a target as the API would."""
    whole = {"name": "app", "endpoint": "http://x/", **given}
    return check_added(whole, SETTINGS, INSTALLED, lambda name: HTTPExporter(name, default_endpoint="http://e/"))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"bearer_token_file": "/etc/shadow"}, "bearer_token_file"),
        ({"tls": {"ca_file": "/etc/shadow"}}, "tls.ca_file"),
        ({"basic_auth": {"username": "u", "password_file": "/etc/shadow"}}, "basic_auth.password_file"),
    ],
)
def test_a_file_is_refused(given: dict[str, Any], path: str) -> None:
    """Else a caller could have the agent carry any file that it may read to wherever the target points."""
    with pytest.raises(ConfigError) as caught:
        add(**given)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_a_reference_to_the_environment_is_not_expanded() -> None:
    """The text is taken as it stands."""
    target: Any = add(basic_auth={"username": "u", "password": "${HOME}"})
    assert target.access.basic_auth.password == "${HOME}"


def test_a_state_directory_that_is_none_is_an_error_with_its_name(tmp_path: Path) -> None:
    """What cannot be kept says where and why, also where not even the temporary file can be looked for."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(NodePulseError, match=r"cannot keep the targets in .*targets.json: "):
        AddedTargets(tmp_path / "state").write({"app": {"name": "app"}})
