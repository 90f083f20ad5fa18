"""The agent's log: one line an event, in logfmt or JSON, to standard output, a rotated file, or both.

A message may hold anything that a target, a dashboard or a plugin said: it can neither begin a second line nor send
a terminal its orders. A log that cannot be written never ends the agent; the lines that were lost are counted.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import logging.handlers
import os
import re
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from attrs import frozen

from nodepulse_core.errors import NodePulseError

_ROOT = "nodepulse_core"
_BARE = re.compile(r"[A-Za-z0-9_.:/@+-]+")
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON leaves as it is, though a terminal obeys it, or a reader breaks a line at it, or UTF-8 has no bytes for."""
_DAY = 86_400
_MODE = 0o640


@frozen
class LogFile:
    """A log file and its rotation: bytes, number of old files, days that old files are kept, gzip or not."""

    path: Path
    max_bytes: int
    max_backups: int
    max_age_days: int
    compress: bool


class LogfmtFormatter(logging.Formatter):
    """`time=… level=info logger=collect.loop msg="…"`; quotes and control characters are escaped as in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return _escape(" ".join(f"{name}={_quote(value)}" for name, value in _fields(self, record).items()))


class JSONFormatter(logging.Formatter):
    """The same fields as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return _escape(json.dumps(_fields(self, record), ensure_ascii=False))


class _CommandFormatter(logging.Formatter):
    """`warning: …`, as a command says it to who called it."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, str]:
    moment = datetime.fromtimestamp(record.created, UTC)
    fields = {
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name.removeprefix(f"{_ROOT}."),
        "msg": record.getMessage(),
    }
    if record.exc_info:
        fields["error"] = formatter.formatException(record.exc_info)
    return fields


def _quote(value: str) -> str:
    return value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def _escape(line: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


class _Counting(logging.Handler):
    """Counts the lines that could not be written; says on standard error when that begins and when it ends."""

    where: str
    lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        before = self.lost
        super().emit(record)
        if before and self.lost == before:
            _say(f"the log is written to {self.where} again; {before} lines were lost")
            self.lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the handler's own name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError) and not getattr(getattr(self, "stream", None), "closed", False):
            super().handleError(record)  # a defect of who logs
            return
        self.lost += 1
        if self.lost == 1:
            reason = getattr(error, "strerror", None) or error
            _say(f"cannot write the log to {self.where}: {reason}; lines are lost until it can be written again")


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # that may be gone too
        print(f"nodepulse: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the log itself is what fails


class _Stream(_Counting, logging.StreamHandler[TextIO]):
    """Standard output, which may be a pipe whose reader has gone."""

    where = "standard output"


class _RotatingFile(_Counting, logging.handlers.RotatingFileHandler):
    """A file that is rotated by size; old ones are compressed where that is wanted, and go when they are too old."""

    def __init__(self, file: LogFile) -> None:
        self.where = str(file.path)
        self._settings = file
        self._old = re.compile(re.escape(file.path.name) + r"\.\d+(\.gz)?")
        super().__init__(file.path, maxBytes=file.max_bytes, backupCount=file.max_backups, encoding="utf-8")
        self._remove_old()

    def _open(self) -> Any:
        return open(
            self.baseFilename, self.mode, encoding="utf-8", opener=lambda path, flags: os.open(path, flags, _MODE)
        )

    def rotation_filename(self, default_name: str) -> str:
        return f"{default_name}.gz" if self._settings.compress else default_name

    def rotate(self, source: str, dest: str) -> None:
        if not self._settings.compress:
            Path(source).replace(dest)
            return
        with open(source, "rb") as plain, gzip.open(dest, "wb", compresslevel=6) as packed:  # noqa: PTH123 - the handler's own names
            shutil.copyfileobj(plain, packed)
        shutil.copymode(source, dest)
        Path(source).unlink()

    def doRollover(self) -> None:  # noqa: N802 - the handler's own name
        super().doRollover()
        self._remove_old()

    def _remove_old(self) -> None:
        """Remove what rotation left more than `max_age_days` ago; files of other names are not ours."""
        oldest = time.time() - self._settings.max_age_days * _DAY
        for old in self._settings.path.parent.iterdir():
            if self._old.fullmatch(old.name) and old.stat().st_mtime < oldest:
                old.unlink(missing_ok=True)


def set_up_logs(level: str, style: Literal["logfmt", "json"], file: LogFile | None, *, stdout: bool) -> None:
    """Send the log where it belongs; raises NodePulseError, naming the file, where that cannot be written.

    What other libraries and plugins log goes there too, from warnings on.
    """
    handlers: list[logging.Handler] = [_Stream(sys.stdout)] if stdout else []
    if file is not None:
        try:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(_RotatingFile(file))
        except OSError as error:
            raise NodePulseError(f"cannot write the log to {file.path}: {error.strerror}") from error
    _replace_handlers(handlers, JSONFormatter() if style == "json" else LogfmtFormatter(), level.upper())
    logging.captureWarnings(True)


def log_to_stderr() -> None:
    """Send warnings to standard error, as a command says them that is no agent."""
    _replace_handlers([logging.StreamHandler(sys.stderr)], _CommandFormatter(), "WARNING")


def _replace_handlers(handlers: list[logging.Handler], formatter: logging.Formatter, level: str) -> None:
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.name == _ROOT]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.set_name(_ROOT)
        handler.setFormatter(formatter)
        root.addHandler(handler)
    logging.getLogger(_ROOT).setLevel(level)
