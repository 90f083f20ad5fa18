"""Snapshots in SQLite: one row each, one writer, and nothing reported as stored that a power cut could take."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from attrs import frozen

from nodepulse_dashboard.defaults import MAX_DATABASE
from nodepulse_dashboard.delivery import Row
from nodepulse_dashboard.errors import StoreError

MAX_SOURCES = 10_000
_SCHEMA_VERSION = 1
_FORGOTTEN_AT_ONCE = 1000
_IDENTITY = "server_id = ? AND key = ? AND instance = ?"
# The smaller of the last two steps: one slot that is missing does not make it longer.
_INTERVAL = """(
    SELECT min(step) FROM (
        SELECT timestamp - lead(timestamp) OVER (ORDER BY timestamp DESC) AS step FROM (
            SELECT timestamp FROM snapshots AS each
            WHERE each.server_id = sources.server_id AND each.key = sources.key AND each.instance = sources.instance
            ORDER BY timestamp DESC LIMIT 3)))"""


@frozen
class Added:
    """What became of a delivery's snapshots: stored now, or known since an earlier one."""

    stored: int
    known: int


@frozen
class Source:
    """One target of one server. `snapshots` counts those that are kept; times are seconds since the epoch.

    `interval` is how many seconds its newest slots are apart; None while there is but one.
    """

    server_id: str
    key: str
    instance: str
    snapshots: int
    newest: int
    received: int
    interval: int | None


@frozen
class Span:
    """A time from `since` to `until`, both within it, in pieces of `width` seconds of which each gives one snapshot."""

    since: int
    until: int
    width: int


class Store:
    """A database of snapshots. Blocking, so it is called in threads: one that writes and one that reads.

    Every method raises StoreError, with the reason, where the database cannot do what is asked.
    """

    def __init__(self, path: Path, *, max_size: int = MAX_DATABASE, patience: float = 2.0) -> None:
        """Open the database, and make it where there is none: readable by its owner only.

        It is never made larger than `max_size` bytes. `patience` is how many seconds another process's lock is
        waited for.
        """
        self.path = path
        self.max_size = max_size
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # SQLite gives its side files the same permissions.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(f"cannot open the database {path}: {error.strerror}") from error
        with self._reported("open"):
            self._writer = self._connect(patience)
            try:
                self._prepare()
                page = self._writer.execute("PRAGMA page_size").fetchone()[0]
                self._writer.execute(f"PRAGMA max_page_count = {max_size // page}")
                self._reader = self._connect(patience)
                self._reader.execute("PRAGMA query_only = ON")
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Close the database."""
        self._reader.close()
        self._writer.close()

    def add(self, rows: Iterable[Row], received: int) -> Added:
        """Store all rows that are not there yet, all or none; once it returns they are on the disk."""
        values = [
            (row.server_id, row.key, row.instance, row.timestamp, received, len(row.body.encode()), row.body)
            for row in rows
        ]
        with self._reported("store snapshots in"), self._transaction():
            stored = self._writer.executemany(
                "INSERT INTO snapshots (server_id, key, instance, timestamp, received, size, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (server_id, key, instance, timestamp) DO NOTHING",
                values,
            ).rowcount
        stored = max(stored, 0)  # it is -1 where there was nothing to execute
        return Added(stored, len(values) - stored)

    def forget(self, received_before: int) -> int:
        """Delete a piece of what arrived before that time; return how many snapshots, 0 when none is left."""
        with self._reported("delete old snapshots from"), self._transaction():
            return self._writer.execute(
                "DELETE FROM snapshots WHERE id IN (SELECT id FROM snapshots WHERE received < ? LIMIT ?)",
                (received_before, _FORGOTTEN_AT_ONCE),
            ).rowcount

    def forget_oldest(self) -> int:
        """Delete a piece of what arrived first; return how many snapshots, 0 when none is left."""
        with self._reported("delete old snapshots from"), self._transaction():
            return self._writer.execute(
                "DELETE FROM snapshots WHERE id IN (SELECT id FROM snapshots ORDER BY received LIMIT ?)",
                (_FORGOTTEN_AT_ONCE,),
            ).rowcount

    def size(self) -> int:
        """Return how many bytes the snapshots and their indexes take, without what a file keeps as room for more."""
        with self._reported("measure"):
            pages, free, page = (
                self._writer.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * page)

    def sources(self, server_id: str | None = None) -> list[Source]:
        """Return the sources of one server, or of all, in the order of their names; MAX_SOURCES at most."""
        where, values = ("", []) if server_id is None else ("WHERE server_id = ?", [server_id])
        with self._reported("read"):
            found = self._reader.execute(
                f"SELECT server_id, key, instance, snapshots, newest, received, {_INTERVAL} FROM sources"  # noqa: S608 - our own text
                f" {where} ORDER BY server_id, key, instance LIMIT {MAX_SOURCES}",
                values,
            )
            return [Source(*row) for row in found]

    def body(self, source: Source, timestamp: int) -> str | None:
        """Return the body of one snapshot, or None where it is gone."""
        with self._reported("read"):
            row = self._reader.execute(
                f"SELECT body FROM snapshots WHERE {_IDENTITY} AND timestamp = ?",  # noqa: S608 - our own text
                (source.server_id, source.key, source.instance, timestamp),
            ).fetchone()
        return row[0] if row else None

    def first(self, source: Source, since: int) -> int | None:
        """Return the first slot at or after a time, or None."""
        with self._reported("read"):
            row = self._reader.execute(
                f"SELECT min(timestamp) FROM snapshots WHERE {_IDENTITY} AND timestamp >= ?",  # noqa: S608 - our own text
                (source.server_id, source.key, source.instance, since),
            ).fetchone()
        return row[0] if row else None

    def bodies(self, source: Source, span: Span, max_size: int) -> list[tuple[int, str]]:
        """Return slots and bodies in the order of time: of each piece of the span the last snapshot.

        Bodies above `max_size` bytes are passed over.
        """
        identity = (source.server_id, source.key, source.instance)
        with self._reported("read"):
            return self._reader.execute(
                f"SELECT timestamp, body FROM snapshots WHERE {_IDENTITY} AND size <= ? AND timestamp IN ("  # noqa: S608 - our own text
                f" SELECT max(timestamp) FROM snapshots WHERE {_IDENTITY} AND timestamp BETWEEN ? AND ?"
                " GROUP BY timestamp / ?) ORDER BY timestamp",
                (*identity, max_size, *identity, span.since, span.until, span.width),
            ).fetchall()

    def _connect(self, patience: float) -> sqlite3.Connection:
        # Transactions are ours alone; the app sees to it that each connection has one thread at a time.
        connection = sqlite3.connect(self.path, timeout=patience, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _prepare(self) -> None:
        mode = self._writer.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"cannot open the database {self.path}: its file system allows no write-ahead log")
        with self._transaction():
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _statements(
                    files("nodepulse_dashboard").joinpath("schema.sql").read_text(encoding="utf-8")
                ):
                    self._writer.execute(statement)
                self._writer.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            elif version != _SCHEMA_VERSION:
                raise StoreError(
                    f"cannot open the database {self.path}: it is another program's, or another version's; "
                    "give another with --database"
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # a full disk may have ended it already
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"cannot {what} the database {self.path}: {error}") from error


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements, since executescript would commit halfway."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
