"""Snapshots in SQLite: each once, in a file that only its owner reads, never larger than it may be."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodepulse_dashboard.delivery import Row, read_delivery
from nodepulse_dashboard.errors import StoreError
from nodepulse_dashboard.store import Added, Source, Span, Store
from support.reference import SLOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a database that is not there yet."""
    return tmp_path / "state" / "dashboard.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """Give an empty store."""
    made = Store(path)
    yield made
    made.close()


def row(slot: int, body: str = '{"x":1}', server_id: str = "web-1", key: str = "a") -> Row:
    """Return a row of a target that has its exporter's name."""
    return Row(server_id, key, key, slot, body)


def test_a_row_is_stored_once_and_never_changed(store: Store) -> None:
    """The first row of an identity stays, whatever comes later under the same identity."""
    assert store.add([row(SLOT, '{"x":1}')], 1) == Added(1, 0)
    assert store.add([row(SLOT, '{"x":2}'), row(SLOT + 1)], 2) == Added(1, 1)
    (source,) = store.sources()
    assert store.body(source, SLOT) == '{"x":1}'
    assert store.add([], 3) == Added(0, 0)


def test_only_its_owner_reads_it(store: Store) -> None:
    """The database and its side files are 0600, in a directory that is 0700."""
    store.add([row(SLOT)], 1)
    files = list(store.path.parent.iterdir())
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_what_add_returned_for_survives_a_kill(path: Path) -> None:
    """Rows whose `add` has returned are there after the process was killed."""
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from nodepulse_dashboard.store import Store; from nodepulse_dashboard.delivery import Row;"
        f"Store(Path(sys.argv[1])).add([Row('w', 'a', 'a', {SLOT}, '{{}}')], 1); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    store = Store(path)
    assert [source.snapshots for source in store.sources()] == [1]
    store.close()


def test_what_add_returned_for_is_on_the_disk(store: Store) -> None:
    """Every commit is synced before it returns: a write-ahead log alone would lose the last ones in a power cut."""
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_source_counts_what_it_has(store: Store) -> None:
    """A source tells its snapshots, its newest slot and arrival, and how far its newest slots are apart."""
    store.add([row(SLOT), row(SLOT + 15), row(SLOT - 600), row(SLOT + 45)], 7)
    assert store.sources() == [Source("web-1", "a", "a", 4, SLOT + 45, 7, 15)]
    store.add([row(SLOT, server_id="web-2")], 9)
    assert store.sources("web-2") == [Source("web-2", "a", "a", 1, SLOT, 9, None)]
    assert store.sources("nobody") == []


def test_a_span_gives_the_last_of_each_piece(store: Store) -> None:
    """Of each piece of time the newest snapshot comes, in order; one that is too large for charts does not."""
    begin = SLOT // 60 * 60
    store.add([row(begin + second) for second in (0, 15, 30, 60, 75, 300)] + [row(begin + 90, '"' + "x" * 99 + '"')], 1)
    (source,) = store.sources()
    found = store.bodies(source, Span(begin, begin + 200, 60), max_size=50)
    assert [slot - begin for slot, _ in found] == [30]
    found = store.bodies(source, Span(begin, begin + 200, 30), max_size=50)
    assert [slot - begin for slot, _ in found] == [15, 30, 75]
    assert store.first(source, begin + 1) == begin + 15
    assert store.first(source, begin + 301) is None


def test_old_rows_are_forgotten(store: Store) -> None:
    """What arrived before a time is deleted, and a source without snapshots goes with them."""
    store.add([row(SLOT), row(SLOT + 1)], 10)
    store.add([row(SLOT, key="b")], 20)
    assert store.forget(20) == 2
    assert [source.key for source in store.sources()] == ["b"]
    assert store.forget(20) == 0


def test_the_oldest_are_forgotten_first(store: Store) -> None:
    """A piece of what arrived first goes; what arrived later stays."""
    store.add([row(SLOT + second) for second in range(1000)], 10)
    store.add([row(SLOT, key="b")], 5)
    store.add([row(SLOT, key="c")], 20)
    assert store.forget_oldest() == 1000
    assert [(source.key, source.snapshots) for source in store.sources()] == [("a", 1), ("c", 1)]


def test_it_never_grows_above_its_size(path: Path) -> None:
    """What does not fit is refused whole; after some was forgotten there is room again."""
    store = Store(path, max_size=512 * 1024)
    large = '"' + "x" * 20_000 + '"'
    for slot in range(10):
        store.add([row(SLOT + slot, large), row(SLOT + slot, large, key="b")], slot)
    with pytest.raises(StoreError, match="full"):
        store.add([row(SLOT + slot, large) for slot in range(10, 20)], 10)
    assert [source.snapshots for source in store.sources()] == [10, 10]
    assert path.stat().st_size <= 512 * 1024
    before = store.size()
    assert before > 400 * 1024
    store.forget_oldest()
    assert store.size() < before / 2
    assert store.add([row(SLOT, large)], 1).stored == 1
    store.close()


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """A database of a newer version, of another program, or no database at all is refused and not touched."""
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="another version"):
        Store(path)
    other = path.with_name("other.sqlite")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        Store(other)
    text = path.with_name("text")
    text.write_text("no database at all, but a text that somebody needs" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(text)
    assert text.read_text().startswith("no database")


def test_a_path_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """A directory, or a path below a file, is refused with the system's reason."""
    with pytest.raises(StoreError, match="directory"):
        Store(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open the database"):
        Store(tmp_path / "file" / "dashboard.sqlite")


@settings(max_examples=30)
@given(data=st.data())
def test_any_order_and_repetition_gives_the_same_rows(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Snapshots may come split, repeated and in any order: the rows are those of sending each once."""
    identities = data.draw(st.sets(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 9)), min_size=1))
    posts = data.draw(st.lists(st.lists(st.sampled_from(sorted(identities)), min_size=1, max_size=5), max_size=8))
    store = Store(tmp_path_factory.mktemp("rows") / "dashboard.sqlite")
    for each in [*posts, sorted(identities)]:
        body: dict[str, list[dict[str, object]]] = {}
        for key, second in dict.fromkeys(each):
            body.setdefault(key, []).append({"timestamp": f"2025-10-30T14:00:0{second}Z", "value": second})
        store.add(read_delivery("web-1", json.dumps(body).encode()), 1)
    assert {source.key: source.snapshots for source in store.sources()} == {
        key: len([1 for each, _ in identities if each == key]) for key, _ in identities
    }
    store.close()
