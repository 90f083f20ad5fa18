"""HTTPExporter: what it makes of an exposition, and which expositions it takes for its own."""

from __future__ import annotations

import pytest
from nodepulse_core import HTTPExporter
from nodepulse_core.errors import FieldError

ENDPOINT = "http://localhost:9999/metrics"
TEXT = "app_up 1 1800000000000\n"


def test_fields_make_the_snapshot_and_find_the_exporter() -> None:
    """With fields, the snapshot holds them, and an exposition with any of them is of this type."""
    exporter = HTTPExporter("app", default_endpoint=ENDPOINT, fields={"up": "app_up", "jobs": "app_jobs"})
    assert exporter.snapshot(TEXT) == {"up": 1}
    assert exporter.detect(TEXT)
    assert not exporter.detect("other_up 1 1800000000000\n")


@pytest.mark.parametrize(("made", "found"), [([{"up": 1}], True), ([], False), ({}, False), (None, False)])
def test_a_function_makes_the_snapshot_and_finds_the_exporter(made: object, found: bool) -> None:
    """With a function, an exposition is of this type when the function makes anything of it."""
    exporter = HTTPExporter("app", default_endpoint=ENDPOINT, snapshot=lambda _: made)  # type: ignore[arg-type,return-value]
    assert exporter.snapshot(TEXT) == made
    assert exporter.detect(TEXT) is found


def test_without_either_the_text_is_sent_and_nothing_is_found() -> None:
    """An exporter that says nothing of its metrics has its text sent raw, and takes no exposition for its own."""
    exporter = HTTPExporter("app", default_endpoint=ENDPOINT)
    assert exporter.snapshot(TEXT) is None
    assert not exporter.detect(TEXT)


def test_its_field_names_are_those_of_fields_or_what_it_says() -> None:
    """Fields name themselves; what a function makes is named beside it."""
    fields = HTTPExporter("app", default_endpoint=ENDPOINT, fields={"up": "app_up", "jobs": "app_jobs"})
    assert fields.field_names == ("up", "jobs")
    function = HTTPExporter("app", default_endpoint=ENDPOINT, snapshot=lambda _: {"up": 1}, field_names=["up"])
    assert (function.field_names, function.fields) == (("up",), {})


def test_its_own_detection_is_asked_first() -> None:
    """An exporter's own `detect` decides, whatever its fields find."""
    exporter = HTTPExporter("app", default_endpoint=ENDPOINT, fields={"up": "app_up"}, detect=lambda _: False)
    assert not exporter.detect(TEXT)


def test_fields_and_a_function_are_too_much() -> None:
    """An exporter that gives both is refused when it is made, with its name."""
    with pytest.raises(FieldError, match="app: give fields or snapshot, not both"):
        HTTPExporter("app", default_endpoint=ENDPOINT, fields={}, snapshot=lambda _: None)
