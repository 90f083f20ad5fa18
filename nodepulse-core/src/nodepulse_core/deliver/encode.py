"""A batch as the body of a POST."""

from __future__ import annotations

import gzip
import importlib
from itertools import groupby
from operator import attrgetter

import orjson

from nodepulse_core.model import Batch, Compression

_LEVEL = 6


def encode_batch(batch: Batch) -> bytes:
    """Return the JSON of a batch: each key with an array of its objects, oldest first."""
    by_key = sorted(batch.snapshots, key=attrgetter("key"))  # stable: the order of slots stays
    parts = (
        orjson.dumps(key) + b":[" + b",".join(snapshot.json for snapshot in snapshots if snapshot.json) + b"]"
        for key, snapshots in groupby(by_key, key=attrgetter("key"))
    )
    return b"{" + b",".join(parts) + b"}"


def compress(body: bytes, compression: Compression) -> bytes:
    """Return the body in that content encoding; the same for the same body."""
    if compression == "gzip":
        return gzip.compress(body, compresslevel=_LEVEL, mtime=0)
    if compression == "zstd":
        return bytes(importlib.import_module("zstandard").ZstdCompressor().compress(body))
    return body
