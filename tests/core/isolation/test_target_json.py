"""A target as a frame carries it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from nodepulse_core.isolation.target_json import read_target, write_target
from nodepulse_core.model import Access, BasicAuth, Retry, Target, Tls
from nodepulse_core.reach import Reach

WHOLE = Target(
    name="orders_db",
    type="postgres_exporter",
    endpoint="postgresql://localhost",
    interval=30.0,
    timeout=5.5,
    payload="snapshot",
    retry=Retry(3, "constant"),
    access=Access(
        headers={"X-Scope": "a"},
        basic_auth=BasicAuth("u", "hunter2", Path("/etc/secret")),
        bearer_token_file=Path("/etc/token"),
        tls=Tls(Path("/ca"), Path("/cert"), Path("/key"), insecure_skip_verify=True),
    ),
    max_body_size=1000,
    sample_limit=7,
    isolation="process",
    max_memory=2**26,
)


@pytest.mark.parametrize("target", [WHOLE, Target("a", "b", "http://c", interval=1.0, timeout=1.0)])
def test_a_target_comes_back_whole(target: Target) -> None:
    """Every value, secrets and paths included, is the same on the other side."""
    assert read_target(orjson.loads(orjson.dumps(write_target(target)))) == target


def test_where_it_may_be_stays_with_the_agent() -> None:
    """The agent makes the requests, and judges where to."""
    target = Target("a", "b", "http://c", interval=1.0, timeout=1.0, reach=Reach())
    assert "reach" not in write_target(target)
    assert read_target(write_target(target)).reach is None
