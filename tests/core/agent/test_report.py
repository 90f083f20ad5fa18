"""Whether the agent is well, and in which words it says why it is not."""

from __future__ import annotations

import re

import pytest
from attrs import evolve
from nodepulse_core.agent.report import BufferReport, DeliveryReport, TargetReport, judge
from nodepulse_core.families import Distribution
from nodepulse_core.field_memory import MissingField
from support.repository import ROOT

TARGET = TargetReport(
    name="redis",
    type="redis_exporter",
    endpoint="http://localhost:9121/metrics",
    origin="file",
    interval=15.0,
    status="running",
    last_scrape=1.0,
    last_error=None,
    failing_since=None,
    next_scrape=2.0,
    recent=(),
    scrapes=1,
    failures=0,
    samples=10,
    seconds=0.1,
    retries=0,
    skipped=0,
)
GONE = MissingField("keys", 1_800_000_000, "redis_exporter no longer has redis_db_keys")
BUFFER = BufferReport(
    path="/b",
    files=5,
    size_bytes=100,
    oldest=1,
    found=0,
    stored=5,
    delivered=0,
    quarantined=0,
    evicted=0,
    left=0,
    refused=0,
    error=None,
)
DELIVERY = DeliveryReport(
    sender="dashboard",
    endpoint="https://d",
    last_success=1.0,
    last_error=None,
    failing_since=None,
    batches=1,
    failures=0,
    requests=Distribution(0, 0.0),
)
WELL = {
    "targets": (TARGET,),
    "buffer": BUFFER,
    "delivery": DELIVERY,
    "evicted": 0,
    "quarantined": 0,
    "hanging": (),
    "dead": [],
    "stalled": [],
}


def test_all_well_is_healthy() -> None:
    """Without anything wrong there is no reason."""
    assert judge(**WELL) == ("healthy", ())  # type: ignore[arg-type]  # one dict of everything


@pytest.mark.parametrize(
    ("wrong", "status", "reason"),
    [
        (
            {"targets": (evolve(TARGET, status="failed", last_error="connection refused"),)},
            "degraded",
            "redis fails: connection refused",
        ),
        (
            {"targets": (evolve(TARGET, missing_fields=(GONE,)),)},
            "degraded",
            "redis: keys has been missing since 2027-01-15T08:00:00Z: redis_exporter no longer has redis_db_keys",
        ),
        (
            {"delivery": evolve(DELIVERY, last_error="503 Service Unavailable")},
            "degraded",
            "nothing is delivered: 503 Service Unavailable; 5 entries wait on disk",
        ),
        ({"evicted": 3}, "degraded", "3 entries that were never delivered were evicted in the last ten minutes"),
        (
            {"quarantined": 2},
            "degraded",
            "2 entries were quarantined in the last ten minutes; see: nodepulse buffer ls --quarantine",
        ),
        (
            {"buffer": evolve(BUFFER, error="No space left on device")},
            "unhealthy",
            "the buffer cannot be written: No space left on device",
        ),
        (
            {"hanging": ("redis", "redis")},
            "degraded",
            "the exporter of redis hangs in making a snapshot; mend or remove it, then restart the agent",
        ),
        ({"dead": ["drain"]}, "unhealthy", "the loop of drain has ended; restart the agent"),
        ({"stalled": ["redis"]}, "unhealthy", "the loop of redis does not get on; restart the agent"),
    ],
)
def test_each_thing_that_is_wrong_is_a_reason(wrong: dict[str, object], status: str, reason: str) -> None:
    """A target or a dashboard that is down degrades; only an agent that cannot work is unhealthy."""
    assert judge(**{**WELL, **wrong}) == (status, (reason,))  # type: ignore[arg-type]  # the same


def test_all_reasons_are_told_the_gravest_first() -> None:
    """Several things that are wrong are several reasons."""
    wrong = {"dead": ["drain"], "evicted": 3, "targets": (evolve(TARGET, status="failed", last_error="x"),)}
    status, reasons = judge(**{**WELL, **wrong})  # type: ignore[arg-type]  # the same
    assert status == "unhealthy"
    assert [reason.split()[0] for reason in reasons] == ["the", "redis", "3"]


def test_many_missing_fields_are_few_reasons() -> None:
    """The first three fields of a target are named, the others counted."""
    target = evolve(TARGET, missing_fields=tuple(evolve(GONE, name=f"field_{number}") for number in range(30)))
    _, reasons = judge(**{**WELL, "targets": (target,)})  # type: ignore[arg-type]  # the same
    assert [reason.split()[1] for reason in reasons] == ["field_0", "field_1", "field_2", "27"]
    assert reasons[-1] == "redis: 27 more fields are missing; /health names them"


def test_every_reason_is_explained_to_operators() -> None:
    """docs/operating.md has one row for each reason that there is, with its state, and no row for one that is not."""
    document = (ROOT / "docs" / "operating.md").read_text()
    table = re.findall(r"^\| (degraded|unhealthy) \| (.+?) \|", document, re.MULTILINE)
    places = {r"\*NAME\*": ".+", r"\*N\*": r"\d+", "…": ".*"}
    patterns = []
    for state, words in table:
        pattern = re.escape(words)
        for place, anything in places.items():
            pattern = pattern.replace(place, anything)
        patterns.append((state, pattern))
    wrong = {
        "dead": ["drain"],
        "stalled": ["redis"],
        "buffer": evolve(BUFFER, error="No space left on device"),
        "targets": (evolve(TARGET, status="failed", last_error="x"),),
        "delivery": evolve(DELIVERY, last_error="503"),
        "evicted": 3,
        "quarantined": 2,
        "hanging": ("redis",),
    }
    found = []
    missing = ("targets", (evolve(TARGET, missing_fields=(GONE,)),))
    for key, value in (*wrong.items(), missing):
        status, (reason,) = judge(**{**WELL, key: value})  # type: ignore[arg-type]  # the same
        found += [(status, words) for state, words in patterns if re.match(words, reason)]
    assert sorted(found) == sorted(patterns)
    assert len(found) == len(wrong) + 1
