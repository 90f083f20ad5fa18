"""Where the database is, unless somebody says otherwise."""

from __future__ import annotations

from pathlib import Path

from nodepulse_dashboard.defaults import default_database


def test_the_database_is_in_the_users_state_directory() -> None:
    """$XDG_STATE_HOME is obeyed where it is an absolute path, as its specification says."""
    assert default_database({"XDG_STATE_HOME": "/x"}) == Path("/x/nodepulse/dashboard.sqlite")
    home = Path("~/.local/state/nodepulse/dashboard.sqlite").expanduser()
    assert default_database({}) == home
    assert default_database({"XDG_STATE_HOME": "relative"}) == home
