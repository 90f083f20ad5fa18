"""What a body must be, and how it becomes rows."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodepulse_dashboard.delivery import check_server_id, read_delivery
from nodepulse_dashboard.errors import DeliveryError
from support.reference import SLOT, SNAPSHOT

TIME = b'"timestamp": "2025-10-30T14:00:00Z"'


def test_a_snapshot_becomes_a_row() -> None:
    """A row holds the identity, and the object as it came; without an instance, the instance is the key."""
    (row,) = read_delivery("web-1", json.dumps({"node_exporter": [SNAPSHOT]}).encode())
    assert (row.server_id, row.key, row.instance, row.timestamp) == ("web-1", "node_exporter", "node_exporter", SLOT)
    assert json.loads(row.body) == SNAPSHOT


def test_instances_are_sources_of_their_own() -> None:
    """The same key and slot with another instance is another row."""
    body = {"redis_exporter": [SNAPSHOT, {**SNAPSHOT, "instance": "sessions"}]}
    rows = read_delivery("web-1", json.dumps(body).encode())
    assert [row.instance for row in rows] == ["redis_exporter", "sessions"]


def test_objects_of_one_identity_are_one_row() -> None:
    """Several objects of one key, instance and slot make up one row; an exact repeat among them is left out."""
    time = {"timestamp": "2025-10-30T14:00:00Z"}
    first, second = {**time, "name": "a", "num_procs": 1}, {**time, "name": "b", "num_procs": 2}
    (row,) = read_delivery("web-1", json.dumps({"process_exporter": [first, second, first]}).encode())
    assert json.loads(row.body) == [first, second]


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63), 2**64 - 1, 8589934592, 0.1, 1e300])
def test_numbers_are_kept_exactly(number: float) -> None:
    """Integers of 64 bits and floats are stored as they came."""
    (row,) = read_delivery("web-1", json.dumps({"a": [{**SNAPSHOT, "x": number}]}).encode())
    stored = json.loads(row.body)["x"]
    assert stored == number
    assert type(stored) is type(number)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON"),
        (b"[]", "not an array"),
        (b"null", "not null"),
        (b"true", "not a boolean"),
        (b'{"a": [', "JSON"),
        (b'{"a": []} {}', "JSON"),
        (b'{"a": [{%b, "x": NaN}]}' % TIME, "JSON"),
        (b'{"a": [{%b, "x": -Infinity}]}' % TIME, "JSON"),
        (b'{"a": [{%b, "x": 1e999}]}' % TIME, "JSON"),
        (b'{"a": [{%b, "x": %b}]}' % (TIME, b"9" * 5000), "JSON"),
        (b'{"a": [{%b, "x": 18446744073709551616}]}' % TIME, "18446744073709551616: is no integer of 64 bits"),
        (b'{"a": [{%b, "x": -9223372036854775809}]}' % TIME, "-9223372036854775809: is no integer of 64 bits"),
        (b'{"a": "\xff"}', "JSON"),
        (b'{"a": [{%b, "x": "\\ud800"}]}' % TIME, "JSON"),
        (b'{"a": [], "a": []}', "'a': is given twice"),
        (b'{"a": [{%b, "x": 1, "x": 2}]}' % TIME, "'x': is given twice"),
        (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", "a[0]: must be an object"),
        (b"[" * 100_000, "JSON"),
        (b'{"a": ' + b'{"b":' * 900 + b"1" + b"}" * 901, "array of objects"),
        (b'{"Bad-Key": []}', "'Bad-Key': is no key"),
        (b'{"%b": []}' % (b"k" * 65), "is no key"),
        (b'{"a": {}}', "a: must be an array of objects, not an object"),
        (b'{"a": [1]}', "a[0]: must be an object, not a number"),
        (b'{"a": [{}]}', "a[0].timestamp: is missing"),
        (b'{"a": [{%b}, {"timestamp": "2025-02-30T14:00:00Z"}]}' % TIME, "a[1].timestamp: '2025-02-30T14:00:00Z'"),
        (b'{"a": [{"timestamp": "2025-10-30 14:00:00"}]}', "a[0].timestamp"),
        (b'{"a": [{"timestamp": "2025-10-30T14:00:00+02:00"}]}', "a[0].timestamp"),
        (b'{"a": [{"timestamp": "2025-10-30T14:00:00.5Z"}]}', "a[0].timestamp"),
        (b'{"a": [{"timestamp": 1761832800}]}', "a[0].timestamp"),
        (b'{"a": [{%b, "instance": 5}]}' % TIME, "a[0].instance: 5"),
        (b'{"a": [{%b, "instance": "x\'; DROP TABLE snapshots; --"}]}' % TIME, "a[0].instance"),
        (b'{"a": [{%b, "x": {"deep": 1}}]}' % TIME, "a[0].x: must be a number, a string or null, not an object"),
        (b'{"a": [{%b, "x": true}]}' % TIME, "a[0].x: must be a number, a string or null, not a boolean"),
        (b'{"a": [{%b, "": 1}]}' % TIME, "is no field's name"),
        (b'{"a": [{%b, "x\\u0000": 1}]}' % TIME, "is no field's name"),
        (b'{"a": [{%b, "x\\u001b[31m": 1}]}' % TIME, "'x\\x1b[31m'"),
        (json.dumps({"a": [{**SNAPSHOT, **{f"x{n}": n for n in range(1000)}}]}).encode(), "1000 at most"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_place(body: bytes, said: str) -> None:
    """The first thing that is wrong is named with its place; no control sign of it is repeated, and it is cut short."""
    with pytest.raises(DeliveryError) as caught:
        read_delivery("web-1", body)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("server_id", ["a", "web-1", "550e8400-e29b-41d4-a716-446655440000", "A" * 64])
def test_server_ids_are_as_in_the_configuration(server_id: str) -> None:
    """Letters, digits and hyphens within are taken."""
    assert check_server_id(server_id) == server_id


@pytest.mark.parametrize(
    "server_id", ["", "-a", "a-", "a_b", "a b", "é", "a\n", "A" * 65, "<b>", "00000000-0000-0000-0000-000000000000"]
)
def test_other_server_ids_are_refused(server_id: str) -> None:
    """Anything else is refused, the unset UUID too."""
    with pytest.raises(DeliveryError, match="server_id"):
        check_server_id(server_id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=200)
@given(st.binary(max_size=50) | JSON.map(lambda value: json.dumps({"a": [value]}).encode()))
def test_any_body_is_taken_or_refused(body: bytes) -> None:
    """Whatever the bytes are, they are read, or refused with a DeliveryError: nothing else gets out."""
    with suppress(DeliveryError):
        for row in read_delivery("web-1", body):
            assert json.loads(row.body)
