"""`nodepulse buffer`, as an operator calls it: what it shows, what it changes, and what it refuses."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from nodepulse_core.buffer import Store, decode, locked, name_file
from nodepulse_core.buffer.entry_file import encode
from nodepulse_core.cli.main import main
from nodepulse_core.model import Entry
from support.entries import BODY, NOW, entry

Run = Callable[..., tuple[int, str, str]]
ENTRIES = [entry(NOW + second, target) for second in (0, 1) for target in ("node", "redis")]
CONTENT = {f"{each.target}/{name_file(each.window)}": encode(each, "node_exporter", BODY) for each in ENTRIES}


def call_main(path: Path, *arguments: str) -> int:
    """Run a command on a buffer; return its exit status."""
    try:
        main(["buffer", "--path", str(path), *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give a buffer in which four entries wait, and one of node is quarantined."""
    made = Store(tmp_path / "buffer", "never")
    made.create()
    aside = entry(NOW - 1)
    for each in (aside, *ENTRIES):
        made.write(each, encode(each, "node_exporter", BODY))
    made.quarantine(aside, "refused by json: 400 Bad Request")
    return made


@pytest.fixture
def run(store: Store, capfd: pytest.CaptureFixture[str]) -> Run:
    """Give what runs a command on that buffer, and returns its status and what it said."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = call_main(store.path, *arguments)
        said = capfd.readouterr()
        return status, said.out, said.err

    return call


def damage(store: Store) -> None:
    """Append a byte to the first entry of node."""
    path = store.path / "node" / name_file(entry(NOW).window)
    path.write_bytes(path.read_bytes() + b"x")


def waiting(store: Store) -> list[Entry]:
    """Return what waits, oldest first."""
    return sorted(store.scan().entries)


def test_ls_lists_what_waits_and_what_was_put_aside(run: Run) -> None:
    """Oldest first; a quarantined entry with its reason."""
    status, out, _ = run("ls")
    assert status == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["2027-01-15T08:00:00Z", "node"],
        ["2027-01-15T08:00:00Z", "redis"],
        ["2027-01-15T08:00:01Z", "node"],
        ["2027-01-15T08:00:01Z", "redis"],
    ]
    _, out, _ = run("ls", "--quarantine")
    assert out.splitlines()[1].endswith("refused by json: 400 Bad Request")


def test_stat_counts(run: Run, store: Store) -> None:
    """In words and as JSON, with what is no entry."""
    (store.path / "notes").touch()
    status, out, err = run("stat")
    assert status == 0
    assert "4 entries wait, 1 are quarantined" in out
    assert f"no entry, left alone: {store.path / 'notes'}" in err
    about = json.loads(run("stat", "--json")[1])
    assert (about["entries"], about["quarantined"], about["oldest"]) == (4, 1, "2027-01-15T08:00:00Z")
    assert about["size_bytes"] == sum(map(len, CONTENT.values()))


def test_show_writes_one_exposition(run: Run) -> None:
    """The newest, or the one of a slot; what is not there is said."""
    assert run("show", "node")[:2] == (0, BODY.decode())
    assert run("show", "node", "2027-01-15T08:00:00Z")[0] == 0
    status, _, err = run("show", "mysql")
    assert (status, "no entry of 'mysql' waits" in err) == (1, True)


def test_verify_names_what_is_not_whole(run: Run, store: Store) -> None:
    """Status 0 while all are whole, 1 with the damaged one named."""
    assert run("verify")[:2] == (0, "4 entries are whole, 0 are not\n")
    damage(store)
    status, out, err = run("verify")
    assert (status, out) == (1, "3 entries are whole, 1 are not\n")
    assert err.startswith("node 2027-01-15T08:00:00Z: it has")


def test_retry_puts_quarantined_entries_back(run: Run, store: Store) -> None:
    """The entry waits again, whole, and its reason is gone."""
    assert run("retry", "--target", "redis")[:2] == (0, f"0 entries wait again in {store.path}\n")
    assert run("retry")[:2] == (0, f"1 entries wait again in {store.path}\n")
    assert waiting(store) == [entry(NOW - 1), *ENTRIES]
    assert store.read(entry(NOW - 1)).text == BODY.decode()
    assert not [path for path in (store.path / ".quarantine").rglob("*") if path.is_file()]


def test_retry_overwrites_nothing(run: Run, store: Store) -> None:
    """An entry whose slot is taken stays quarantined, is named, and makes the status 1."""
    store.write(entry(NOW - 1), b"up 0\n")
    status, out, err = run("retry")
    assert (status, out.split()[0]) == (1, "0")
    assert "node 2027-01-15T07:59:59Z: stays quarantined: its slot has an entry already" in err
    assert store.read(entry(NOW - 1)).text == "up 0\n"


@pytest.mark.parametrize("name", ["out.tar", "out.tar.gz"])
def test_an_export_is_a_tar(name: str, run: Run, tmp_path: Path) -> None:
    """Every file is there as it was, under target and name, readable by its owner, of the slot's time."""
    assert run("export", str(tmp_path / name))[0] == 0
    with tarfile.open(tmp_path / name) as tar:
        found = {member.name: member for member in tar}
        assert {name: tar.extractfile(name).read() for name in found} == CONTENT  # type: ignore[union-attr]  # files
    assert {(member.mode, int(member.mtime) - NOW) for member in found.values()} == {(0o600, 0), (0o600, 1)}


def test_an_export_is_a_directory_that_is_a_buffer(run: Run, tmp_path: Path) -> None:
    """It has the layout of a buffer, so a buffer's own reader finds the same entries in it, whole."""
    assert run("export", str(tmp_path / "out"), "--target", "redis")[0] == 0
    copy = Store(tmp_path / "out")
    assert waiting(copy) == [each for each in ENTRIES if each.target == "redis"]
    assert all(copy.read(each).text == BODY.decode() for each in copy.scan().entries)
    assert {path.stat().st_mode & 0o777 for path in copy.path.rglob("*.prom")} == {0o600}


def test_an_export_goes_to_standard_output(store: Store, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """What is on standard output is the tar and nothing else."""
    assert call_main(store.path, "export", "-", "--quarantine") == 0
    with tarfile.open(fileobj=io.BytesIO(capfdbinary.readouterr().out)) as tar:
        (member,) = tar
        content = tar.extractfile(member)
        assert content is not None
        assert decode(entry(NOW - 1), content.read()).text == BODY.decode()


def test_an_export_names_what_it_leaves_out(run: Run, store: Store, tmp_path: Path) -> None:
    """A damaged entry is not passed on; the others are, and the status is 1."""
    damage(store)
    status, _, err = run("export", str(tmp_path / "out.tar"))
    assert status == 1
    assert "node 2027-01-15T08:00:00Z: left out: it has" in err
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert len(tar.getnames()) == 3


@pytest.mark.parametrize("name", ["out", "out.tar"])
def test_an_export_overwrites_nothing(name: str, run: Run, tmp_path: Path) -> None:
    """A destination that is there stays as it is; one that cannot be made is said."""
    (tmp_path / name).write_text("kept")
    status, _, err = run("export", str(tmp_path / name))
    assert (status, "is there already; nothing was exported" in err) == (1, True)
    assert (tmp_path / name).read_text() == "kept"
    status, _, err = run("export", str(tmp_path / "none" / name))
    assert (status, "No such file or directory" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--target", "node"], [each for each in ENTRIES if each.target == "redis"]),
        (["--target", "node", "--target", "redis"], []),
        (["--all"], []),
        (["--older-than", "10s"], [each for each in ENTRIES if each.slot > NOW]),
        (["--older-than", "10s", "--target", "redis"], [each for each in ENTRIES if each != ENTRIES[1]]),
        (["--all", "--quarantine"], ENTRIES),
    ],
)
def test_drop_removes_what_it_is_told(
    arguments: list[str], left: list[Entry], run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By target, by age, by both, or all; either those that wait or those that are quarantined."""
    monkeypatch.setattr("time.time", lambda: NOW + 11.0)  # the first slot is 11 s old, the second 10 s
    assert run("drop", *arguments, "--yes")[0] == 0
    assert waiting(store) == left
    assert len(store.scan().quarantined) == (0 if "--quarantine" in arguments else 1)


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 4), ("", 4)])
def test_drop_asks_first(answer: str, left: int, run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal only a yes removes anything; no answer is a no."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    status, _, _ = run("drop", "--all")
    assert len(waiting(store)) == left
    assert status == (130 if left else 0)


def test_drop_does_not_guess(run: Run, store: Store) -> None:
    """Without a choice, with a contradicting one, or where nobody can be asked, nothing is removed."""
    for arguments in (["--yes"], ["--all", "--target", "node", "--yes"], ["--all"]):
        assert run("drop", *arguments)[0] == 2
    status, _, err = run("drop", "--target", "mysql", "--yes")
    assert (status, "no entries of mysql are in" in err) == (1, True)
    assert run("drop", "--older-than", "soon")[0] == 2
    assert waiting(store) == ENTRIES


@pytest.mark.parametrize("arguments", [["retry"], ["drop", "--all", "--yes"], ["export", "OUT"]])
def test_what_changes_a_buffer_is_refused_while_an_agent_runs(
    arguments: list[str], run: Run, store: Store, tmp_path: Path
) -> None:
    """The refusal names the process; nothing is changed or made; looking is allowed."""
    with locked(store.path):
        status, _, err = run(*(str(tmp_path / "out") if each == "OUT" else each for each in arguments))
        assert status == 1
        assert "is in use by process" in err
        assert run("ls")[0] == 0
    assert waiting(store) == ENTRIES
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["ls"], ["stat"], ["verify"], ["show", "node"], ["retry"], ["export", "-"]])
def test_a_buffer_that_is_not_there_is_said(
    command: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No command makes a buffer that it was to look into."""
    assert call_main(tmp_path / "none", *command) == 1
    assert "there is no buffer" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
