"""What crosses stages, and what of it may be shown."""

from __future__ import annotations

import pytest
from nodepulse_core.model import Access, BasicAuth, Destination, Target, Tls, show_endpoint


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("http://localhost:9100/metrics", "http://localhost:9100/metrics"),
        ("https://user:secret@example.org/in?token=secret#secret", "https://example.org/in"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("host:", "host:"),
        ("http://[broken", "…"),
    ],
)
def test_an_endpoint_is_shown_without_secrets(endpoint: str, shown: str) -> None:
    """User, password, query and fragment are left out."""
    assert show_endpoint(endpoint) == shown


def test_what_is_printed_of_a_target_holds_no_secret() -> None:
    """Neither the query of an endpoint, nor a header, nor a password is in a repr."""
    access = Access(headers={"X-Key": "hunter2"}, basic_auth=BasicAuth("u", "hunter2"))
    endpoint = "https://example.org/in?key=hunter2"
    target = Target("app", "prometheus", endpoint, 15.0, 3.0, access=access)
    shown = repr((target, Destination(endpoint, access=access)))
    assert "hunter2" not in shown
    assert shown.count("endpoint='https://example.org/in?…'") == 2


def test_tls_is_set_once_anything_is_asked_for() -> None:
    """Who connects without TLS, or as the server likes, does so only where nothing is configured."""
    assert not Tls().is_set
    assert Tls(insecure_skip_verify=True).is_set
