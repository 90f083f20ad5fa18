"""What every command is given: the configuration and the plugins, each read when it is asked for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import ConfigError

GOOD = "server: {endpoint: 'http://localhost:1'}\nexporters: [{name: app, endpoint: 'http://localhost:1'}]\n"


def context(home: Path, **environ: str) -> Context:
    """Return the context of a configuration in a directory."""
    return Context(home / "nodepulse.yml", environ)


def test_what_is_disabled_comes_from_environment_and_configuration(tmp_path: Path) -> None:
    """Names in the environment are separated by commas or spaces; those of the configuration are added, expanded."""
    (tmp_path / "nodepulse.yml").write_text(GOOD + "plugins: {disabled: [c, '${D}']}\n")
    made = context(tmp_path, NODEPULSE_DISABLED_PLUGINS=" a,b ,, ", D="d")
    assert made.host.disabled == {"a", "b", "c", "d"}
    assert made.host is made.host


@pytest.mark.parametrize(
    ("text", "warned"),
    [(None, 0), (GOOD, 0), ("plugins: {disabled: 5}\n", 0), ("disabled: [\n", 1), ("nonsense: [", 0)],
)
def test_a_configuration_that_is_not_there_or_wrong_disables_nothing(
    tmp_path: Path, text: str | None, warned: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that has the word, and is no YAML, is warned of; all else is left to who needs the file."""
    if text is not None:
        (tmp_path / "nodepulse.yml").write_text(text)
    assert context(tmp_path).host.disabled == set()
    assert len([each for each in caplog.records if each.levelno == logging.WARNING]) == warned


def test_a_configuration_is_read_again_each_time(tmp_path: Path) -> None:
    """A reload sees what the file says now."""
    made = context(tmp_path)
    for endpoint in ("http://localhost:1", "http://localhost:2"):
        (tmp_path / "nodepulse.yml").write_text(GOOD.replace("http://localhost:1", endpoint))
        assert made.load().settings.server.endpoint == endpoint


def test_whether_there_is_a_configuration_is_known_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is asked for counts as there, so that who reads it says that it is not."""
    monkeypatch.chdir(tmp_path)
    assert not Context(None, {"HOME": str(tmp_path)}).has_configuration()
    assert context(tmp_path).has_configuration()
    with pytest.raises(ConfigError, match="it cannot be read: No such file"):
        context(tmp_path).load()
    (tmp_path / "nodepulse.yml").write_text("nonsense: [")
    assert Context(None, {"HOME": str(tmp_path)}).has_configuration()
