"""The body of a POST."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard
from nodepulse_core.deliver.encode import compress, encode_batch
from nodepulse_core.model import Batch, Compression
from support.delivery import entry, snapshot


def test_each_key_has_an_array_oldest_first() -> None:
    """Snapshots of one key stand together in the order of the batch; one of several objects adds several."""
    made = Batch(
        "web-1",
        (
            snapshot(entry(0, "redis"), b'{"n":1}'),
            snapshot(entry(0, "node"), b'{"n":2},{"n":3}'),
            snapshot(entry(15, "redis"), b'{"n":4}'),
        ),
    )
    assert json.loads(encode_batch(made)) == {"node": [{"n": 2}, {"n": 3}], "redis": [{"n": 1}, {"n": 4}]}


def test_a_snapshot_without_objects_leaves_no_comma() -> None:
    """An exporter that has nothing to say keeps its key, with an array that is valid JSON."""
    made = Batch("web-1", (snapshot(entry(0, "process"), b""), snapshot(entry(15, "process"), b'{"n":1}')))
    assert json.loads(encode_batch(made)) == {"process": [{"n": 1}]}
    assert encode_batch(Batch("web-1", made.snapshots[:1])) == b'{"process":[]}'
    assert encode_batch(Batch("web-1", ())) == b"{}"


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_a_compressed_body_is_the_same_when_it_is_read(compression: Compression) -> None:
    """Each encoding decodes to the body, and the same body is encoded to the same bytes."""
    body = b'{"node":[]}' * 1000
    sent = compress(body, compression)
    assert sent == compress(body, compression)
    read = {"none": bytes, "gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress}[compression]
    assert read(sent) == body
    assert compression == "none" or len(sent) < len(body) / 10
