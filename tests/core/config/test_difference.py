"""In which keys two configurations differ."""

from __future__ import annotations

from pathlib import Path

from nodepulse_core.config import Settings, differing_keys
from nodepulse_core.config.settings import Agent, BufferSettings, Count, ExporterSettings, Name, Server, URLText

ONE = Settings(Server(URLText("http://localhost/")))


def test_equal_settings_do_not_differ() -> None:
    """Two that say the same have no differing key."""
    assert differing_keys(ONE, Settings(Server(URLText("http://localhost/")))) == ()


def test_every_differing_key_is_named_by_its_whole_path() -> None:
    """Keys are dotted, in the order of the settings, down to the value that differs."""
    other = Settings(
        Server(URLText("https://localhost/")),
        agent=Agent(state_dir=Path("/elsewhere")),
        buffer=BufferSettings(batch_size=Count(20)),
    )
    assert differing_keys(ONE, other) == ("server.endpoint", "agent.state_dir", "buffer.batch_size")


def test_exporters_are_left_out() -> None:
    """They are compared as targets."""
    assert differing_keys(ONE, Settings(ONE.server, exporters=(ExporterSettings(Name("one")),))) == ()
