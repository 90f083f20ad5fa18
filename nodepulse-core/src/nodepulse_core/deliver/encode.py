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
    pieces: list[bytes] = []  # joined once: a body may be of many MiB
    for key, snapshots in groupby(by_key, key=attrgetter("key")):
        pieces += (b"," if pieces else b"{", orjson.dumps(key), b":[")
        for place, snapshot in enumerate(each for each in snapshots if each.json):
            pieces += (b",", snapshot.json) if place else (snapshot.json,)
        pieces.append(b"]")
    return b"".join((*(pieces or (b"{",)), b"}"))


def compress(body: bytes, compression: Compression) -> bytes:
    """Return the body in that content encoding; the same for the same body."""
    if compression == "gzip":
        return gzip.compress(body, compresslevel=_LEVEL, mtime=0)
    if compression == "zstd":
        return bytes(importlib.import_module("zstandard").ZstdCompressor().compress(body))
    return body
