"""From an entry to its snapshot, whatever the file, the exporter and the transforms do."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from nodepulse_core.deliver import SnapshotMaker, Unfit
from nodepulse_core.errors import EntryError, PluginError, StorageError, UnavailableError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.model import Entry, Snapshot, StoredScrape, Target
from support.delivery import entry

TEXT = "redis_up 1 1800000000000\n"
TYPES = {"redis_exporter"}


def maker(
    snapshot: Callable[[str], Any] | None = None,
    *,
    read: Callable[[Entry], StoredScrape] = lambda _: StoredScrape("redis_exporter", TEXT),
    target: Target | None = None,
    transform: Callable[[dict[str, Any], Target], Any] = lambda value, _: value,
    check: Callable[..., None] = lambda *_: None,
) -> SnapshotMaker:
    """Return a maker that knows redis_exporter, and a target of the name redis_exporter unless told otherwise."""
    known = target or Target("redis_exporter", "redis_exporter", "", 15, 3, payload="snapshot")
    exporter = HTTPExporter("redis_exporter", default_endpoint="", snapshot=snapshot)

    def find(target: Target) -> Exporter | None:
        return exporter if target.type in TYPES else None

    return SnapshotMaker(read=read, target={known.name: known}.get, exporter=find, transform=transform, check=check)


def made(maker: SnapshotMaker, name: str = "redis_exporter") -> Snapshot:
    """Return the snapshot of an entry of that target."""
    snapshot = maker.make(entry(0, name))
    assert isinstance(snapshot, Snapshot), snapshot
    return snapshot


def unfit(maker: SnapshotMaker, name: str = "redis_exporter") -> Unfit:
    """Return why there is no snapshot."""
    snapshot = maker.make(entry(0, name))
    assert isinstance(snapshot, Unfit), snapshot
    return snapshot


def test_an_object_begins_with_its_slot() -> None:
    """The timestamp is the slot, in UTC, and what the exporter says of the time is not sent."""
    snapshot = made(maker(lambda _: {"redis_up": 1, "timestamp": "now"}))
    assert json.loads(snapshot.json) == {"timestamp": "2027-01-15T08:00:00Z", "redis_up": 1}
    assert (snapshot.key, snapshot.text) == ("redis_exporter", TEXT)


def test_a_target_that_is_not_named_as_its_type_names_itself() -> None:
    """Its key is the type; its own name is the instance, whatever the exporter calls so."""
    target = Target("sessions", "redis_exporter", "", 15, 3, payload="snapshot")
    snapshot = made(maker(lambda _: {"instance": "forged"}, target=target), "sessions")
    assert snapshot.key == "redis_exporter"
    assert snapshot.objects[0]["instance"] == "sessions"


def test_a_generic_target_is_sent_raw_under_its_own_name() -> None:
    """What no exporter describes is sent as its text; its key is its name, and it has no instance."""
    target = Target("custom_app", "prometheus", "", 15, 3)
    snapshot = made(maker(target=target, read=lambda _: StoredScrape("prometheus", TEXT)), "custom_app")
    assert snapshot.key == "custom_app"
    assert json.loads(snapshot.json) == {"timestamp": "2027-01-15T08:00:00Z", "raw_text": TEXT}


def test_a_check_is_told_what_the_exporter_made() -> None:
    """It gets the objects before any transform, with target, slot and text; a raw target has nothing to check."""
    told: list[tuple[Any, ...]] = []

    def check(target: Target, slot: int, exporter: Exporter, objects: Any, text: str) -> None:
        told.append((target.name, slot, exporter.name, objects, text))

    made(maker(lambda _: {"redis_up": 1}, transform=lambda *_: {}, check=check))
    assert told == [("redis_exporter", entry(0, "").slot, "redis_exporter", [{"redis_up": 1}], TEXT)]
    made(maker(lambda _: None, check=check))
    made(maker(target=Target("redis_exporter", "redis_exporter", "", 15, 3, payload="raw"), check=check))
    assert len(told) == 1


def test_several_objects_are_several() -> None:
    """A list of objects is that many objects under one key, each with the slot."""
    snapshot = made(maker(lambda _: [{"name": "a"}, {"name": "b"}]))
    assert [each["name"] for each in json.loads(b"[" + snapshot.json + b"]")] == ["a", "b"]


def test_the_payload_raw_leaves_the_exporter_alone() -> None:
    """A target that is configured to be sent raw is, though its exporter has a snapshot."""
    target = Target("redis_exporter", "redis_exporter", "", 15, 3, payload="raw")
    assert "raw_text" in made(maker(lambda _: pytest.fail("it was called"), target=target)).objects[0]


def test_a_removed_target_is_sent_as_what_it_was() -> None:
    """An entry whose target is no longer configured is delivered by the type that its file says."""
    assert made(maker(lambda _: {"redis_up": 1}), "old_cache").objects[0]["instance"] == "old_cache"


def test_a_target_of_another_type_now_is_sent_as_what_it_was() -> None:
    """What was scraped as redis is delivered as redis, although the name belongs to another type since."""
    target = Target("cache", "memcached_exporter", "", 15, 3, payload="snapshot")
    assert made(maker(lambda _: {"redis_up": 1}, target=target), "cache").key == "redis_exporter"


def test_a_file_that_nobody_knows_is_left() -> None:
    """A file without a type, of no target and no exporter, is not ours to put aside: it stays where it is."""
    left = unfit(maker(read=lambda _: StoredScrape(None, TEXT)), "stranger")
    assert left.fate == "leave"
    assert "'stranger' is no configured target" in left.reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({1: "a"}, "Dict key must be str"),
        ({"deep": {"er": {2: "a"}}}, "Dict key must be str"),
        ({"name": "\ud800"}, "surrogates not allowed"),
        ({"\ud800": 1}, "surrogates not allowed"),
        ({"n": 2**64}, "Integer exceeds 64-bit range"),
        ({"n": -(2**63) - 1}, "Integer exceeds 64-bit range"),
        ({"n": object()}, "not JSON serializable"),
        ({"n": 1j}, "not JSON serializable"),
        ("text", "returned no dict and no list of dicts"),
        ([{"n": 1}, None], "returned no dict and no list of dicts"),
    ],
)
def test_what_json_cannot_say_is_put_aside(value: Any, reason: str) -> None:
    """An object that strict JSON refuses makes its entry unfit, with the reason and the exporter's name."""
    aside = unfit(maker(lambda _: value))
    assert aside.fate == "quarantine"
    assert reason in aside.reason
    assert "redis_exporter" in aside.reason


def test_no_number_is_null_and_whole_ones_are_integers() -> None:
    """NaN and infinities are null, and 8589934592.0 is 8589934592, at every depth."""
    snapshot = made(maker(lambda _: {"a": math.nan, "b": [math.inf, {"c": 8589934592.0}]}))
    assert snapshot.json.endswith(b'"a":null,"b":[null,{"c":8589934592}]}')
    assert snapshot.objects[0]["b"][1] == {"c": 8589934592}


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), KeyboardInterrupt(), RecursionError()])
def test_an_exporter_that_raises_is_a_reason(error: BaseException) -> None:
    """Whatever the exporter's snapshot raises puts that entry aside, and ends nothing else."""

    def snapshot(_: str) -> dict[str, Any]:
        raise error

    assert type(error).__name__ in unfit(maker(snapshot)).reason


def test_a_transform_changes_what_is_sent() -> None:
    """What the transforms return is sent in the object's place; they see the target."""
    snapshot = made(maker(lambda _: {"a": 1}, transform=lambda value, target: {**value, "by": target.name}))
    assert json.loads(snapshot.json) == {"timestamp": "2027-01-15T08:00:00Z", "a": 1, "by": "redis_exporter"}


def test_a_transform_that_fails_sends_nothing() -> None:
    """What a transform was to take out is not sent after all: the entry is put aside with the transform's reason."""

    def transform(_: dict[str, Any], __: Target) -> dict[str, Any]:
        raise PluginError("redact of acme 1.0: nodepulse_transform raised KeyError: 'x'")

    assert unfit(maker(lambda _: {}, transform=transform)).reason.startswith("redact of acme 1.0")


def test_a_torn_file_is_put_aside() -> None:
    """A file that is not whole is unfit for the reason that reading it gave."""

    def read(_: Entry) -> StoredScrape:
        raise EntryError("its checksum does not match: it was altered")

    assert unfit(maker(read=read)) == Unfit(entry(0, "redis_exporter"), "its checksum does not match: it was altered")


def test_a_machine_that_cannot_read_now_puts_nothing_aside() -> None:
    """Where the buffer says that it cannot read now, the entry is sound: the error goes to who can wait."""

    def read(_: Entry) -> StoredScrape:
        raise StorageError("cannot read redis_exporter of slot 1800000000: too many open files")

    with pytest.raises(StorageError, match="too many open files"):
        maker(read=read).make(entry(0, "redis_exporter"))


def test_an_exporter_that_cannot_be_asked_now_costs_no_entry() -> None:
    """Nothing is known against the entry: it is left on disk, not put aside."""

    def unavailable(_: str) -> Any:
        raise UnavailableError("its process cannot be started")

    unfit = maker(unavailable).make(entry(0, "redis_exporter"))
    assert isinstance(unfit, Unfit)
    assert (unfit.fate, unfit.reason) == ("leave", "its process cannot be started")
