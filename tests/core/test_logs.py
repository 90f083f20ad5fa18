"""The log: one line an event whatever is said, rotated and bounded, and never the end of who writes it."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.errors import NodePulseError
from nodepulse_core.logs import JSONFormatter, LogFile, LogfmtFormatter, log_to_stderr, set_up_logs

log = logging.getLogger("nodepulse_core.collect.loop")
MESSAGES = [
    "two\nlines level=error",
    "carriage\rreturn",
    'quotes " and \\ backslashes',
    "\x1b[2J an escape",
    "\x9b2J the same in one character",
    "a line\u2028separator\u0085next",
    "\u202eturned round\u2066",
    "a lone surrogate \udcff",
    "nul \x00",
    "",
    "ordinary=word",
]


def record(message: str) -> logging.LogRecord:
    """Return a record of a moment that is known."""
    made = logging.LogRecord("nodepulse_core.agent", logging.WARNING, __file__, 1, "%s", (message,), None)
    made.created = 1_800_000_000.0625
    return made


def start(style: Literal["logfmt", "json"] = "logfmt", level: str = "info", **file: object) -> Path | None:
    """Set the log up, to a file where one is described, else to standard output."""
    made = None
    if file:
        made = LogFile(**{"max_bytes": 1000, "max_backups": 2, "max_age_days": 7, "compress": False, **file})  # type: ignore[arg-type]  # as given
    set_up_logs(level, style, made, stdout=made is None)
    return made.path if made else None


def test_logfmt_says_time_level_logger_and_message() -> None:
    """A line has the UTC time in milliseconds, the level, the logger without the package's name, and the message."""
    assert LogfmtFormatter().format(record("all is well")) == (
        'time=2027-01-15T08:00:00.062Z level=warning logger=agent msg="all is well"'
    )
    assert LogfmtFormatter().format(record("fine")).endswith(" msg=fine")


def test_json_says_the_same_as_one_object() -> None:
    """JSON has the same fields."""
    assert json.loads(JSONFormatter().format(record("all is well"))) == {
        "time": "2027-01-15T08:00:00.062Z",
        "level": "warning",
        "logger": "agent",
        "msg": "all is well",
    }


@pytest.mark.parametrize("formatter", [LogfmtFormatter(), JSONFormatter()], ids=["logfmt", "json"])
@given(message=st.one_of(st.sampled_from(MESSAGES), st.text(st.characters())))
def test_no_message_begins_a_line_or_gives_a_terminal_orders(formatter: logging.Formatter, message: str) -> None:
    """Whatever is said, it is one printable line that UTF-8 can write, and the message can be read back from it."""
    line = formatter.format(record(message))
    assert len(line.splitlines()) == 1
    assert not [each for each in line if each < " " or "\x7f" <= each <= "\x9f" or "\u2028" <= each <= "\u202e"]
    assert line.encode()
    if isinstance(formatter, JSONFormatter):
        assert json.loads(line)["msg"] == message
    else:
        said = line.partition(" msg=")[2]
        assert (json.loads(said) if said.startswith('"') else said) == message
        assert line.count(" level=") == 1 or '" level=' not in line.replace('\\"', "")


def test_a_traceback_is_a_field_of_its_line() -> None:
    """An exception's traceback stays on the line of its event."""
    try:
        int("boom\n")
    except ValueError:
        made = record("a defect")
        made.exc_info = sys.exc_info()
    line = LogfmtFormatter().format(made)
    assert len(line.splitlines()) == 1
    assert "error=" in line
    assert "ValueError: invalid literal" in line


def test_levels_are_obeyed_and_others_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own log begins at the configured level; others' comes in the same form, from warnings on."""
    start(level="debug")
    log.debug("ours")
    logging.getLogger("some_plugin").info("theirs")
    logging.getLogger("some_plugin").warning("their warning")
    start(level="error")
    log.warning("not said")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" logger=")[2] for line in lines] == [
        "collect.loop msg=ours",
        'some_plugin msg="their warning"',
    ]


def test_output_may_be_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `both`, each line goes to standard output and to the file; a second set-up doubles nothing."""
    file = LogFile(tmp_path / "deep" / "np.log", 1000, 2, 7, compress=False)
    for _ in range(2):
        set_up_logs("info", "json", file, stdout=True)
    log.info("once")
    assert capsys.readouterr().out == file.path.read_text()
    assert len(file.path.read_text().splitlines()) == 1


def test_the_file_is_for_its_user_and_group(tmp_path: Path) -> None:
    """Others may not read the log, nor what rotation makes of it."""
    path = start(path=tmp_path / "np.log", compress=True)
    assert path is not None
    for _ in range(40):
        log.info("x" * 100)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o640}


@pytest.mark.parametrize("compress", [False, True])
def test_rotation_bounds_the_log_and_loses_no_line_of_what_is_kept(tmp_path: Path, *, compress: bool) -> None:
    """The newest lines are there in order, in files no larger than the limit, and no more files than are wanted."""
    path = start(path=tmp_path / "np.log", compress=compress)
    assert path is not None
    for number in range(100):
        log.info("number %d", number)
    names = ["np.log", *(f"np.log.{index}{'.gz' * compress}" for index in (1, 2))]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
    contents = []
    for name in reversed(names):
        packed = (tmp_path / name).read_bytes()
        text = gzip.decompress(packed) if name.endswith(".gz") else packed
        assert len(text) <= 1000
        contents += text.decode().splitlines()
    numbers = [int(line.rpartition(" ")[2].strip('"')) for line in contents]
    assert numbers == list(range(100 - len(numbers), 100))
    assert len(numbers) > 20


def test_what_is_too_old_goes_and_nothing_else(tmp_path: Path) -> None:
    """At the start and at each rotation, old files of the rotation go; files of other names are not ours."""
    old = time.time() - 8 * 86_400
    theirs = ["np.log.notes", "np.log.1.bak", "other.log.1", "np.log.x1"]
    for name in [*theirs, "np.log.1", "np.log.2.gz", "np.log.17"]:
        (tmp_path / name).write_text("old")
        os.utime(tmp_path / name, (old, old))
    (tmp_path / "np.log.3").write_text("young")
    start(path=tmp_path / "np.log")
    assert {file.name for file in tmp_path.iterdir()} == {*theirs, "np.log", "np.log.3"}
    os.utime(tmp_path / "np.log.3", (old, old))
    for _ in range(20):
        log.info("x" * 100)
    assert not (tmp_path / "np.log.3").exists()


@pytest.mark.parametrize("where", ["file/np.log", "folder"])
def test_a_path_that_cannot_be_written_is_said_at_the_start(tmp_path: Path, where: str) -> None:
    """Where the log cannot be opened the error names the file and the reason."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        NodePulseError, match=f"cannot write the log to {tmp_path / where}: (File exists|Is a directory)"
    ):
        start(path=tmp_path / where)


class Disk(io.StringIO):
    """A stream that fails while it is told to."""

    full = False

    def write(self, text: str) -> int:
        """Write, or fail as a full disk does."""
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_lines_that_are_lost_are_counted_and_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log that cannot be written ends nothing: it is said once, and again, with a count, when it is over."""
    disk = Disk()
    monkeypatch.setattr(sys, "stdout", disk)
    start()
    log.info("before")
    disk.full = True
    for _ in range(5):
        log.info("lost")
    disk.full = False
    log.info("after")
    log.info("later")
    assert [line.rpartition("=")[2] for line in disk.getvalue().splitlines()] == ["before", "after", "later"]
    assert capsys.readouterr().err.splitlines() == [
        "nodepulse: cannot write the log to standard output: No space left on device; lines are lost until it can be "
        "written again",
        "nodepulse: the log is written to standard output again; 5 lines were lost",
    ]


def test_a_defect_of_who_logs_is_no_lost_disk(capsys: pytest.CaptureFixture[str]) -> None:
    """A message that cannot be formatted is shown as the defect it is, and the next one is written."""
    start()
    (handler,) = (each for each in logging.getLogger().handlers if each.name == "nodepulse_core")
    handler.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "%d", ("no number",), None))
    log.info("next")
    captured = capsys.readouterr()
    assert "Logging error" in captured.err
    assert "lines are lost" not in captured.err
    assert captured.out.endswith("msg=next\n")


def test_a_command_says_warnings_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside the agent a warning is a sentence on standard error, and less is not said."""
    log_to_stderr()
    log.info("not said")
    log.warning("mind this")
    assert capsys.readouterr() == ("", "warning: mind this\n")
