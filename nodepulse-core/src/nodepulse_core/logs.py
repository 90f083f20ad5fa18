"""The agent's log: one line an event, in logfmt or JSON, to standard output, a rotated file, or both."""

from __future__ import annotations

import gzip
import json
import logging
import logging.handlers
import re
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from attrs import frozen

from nodepulse_core.errors import NodePulseError

_ROOT = "nodepulse_core"
_BARE = re.compile(r"[A-Za-z0-9_.:/@+-]+")
_DAY = 86_400


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
        return " ".join(f"{name}={_quote(value)}" for name, value in _fields(self, record).items())


class JSONFormatter(logging.Formatter):
    """The same fields as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return json.dumps(_fields(self, record), ensure_ascii=False)


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


class _RotatingFile(logging.handlers.RotatingFileHandler):
    """A file that is rotated by size; old ones are compressed where that is wanted, and go when they are too old."""

    def __init__(self, file: LogFile) -> None:
        self._settings = file
        super().__init__(file.path, maxBytes=file.max_bytes, backupCount=file.max_backups, encoding="utf-8")

    def rotation_filename(self, default_name: str) -> str:
        return f"{default_name}.gz" if self._settings.compress else default_name

    def rotate(self, source: str, dest: str) -> None:
        if not self._settings.compress or source.endswith(".gz"):
            Path(source).replace(dest)
            return
        with open(source, "rb") as plain, gzip.open(dest, "wb") as packed:  # noqa: PTH123 - the handler's own names
            shutil.copyfileobj(plain, packed)
        Path(source).unlink()

    def doRollover(self) -> None:  # noqa: N802 - the handler's own name
        super().doRollover()
        oldest = time.time() - self._settings.max_age_days * _DAY
        for old in self._settings.path.parent.glob(f"{self._settings.path.name}.*"):
            if old.stat().st_mtime < oldest:
                old.unlink(missing_ok=True)


def set_up_logs(level: str, style: Literal["logfmt", "json"], file: LogFile | None, *, stdout: bool) -> None:
    """Send the log where it belongs; raises NodePulseError, naming the file, where that cannot be written."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)] if stdout else []
    if file is not None:
        try:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(_RotatingFile(file))
        except OSError as error:
            raise NodePulseError(f"cannot write the log to {file.path}: {error.strerror}") from error
    logger = logging.getLogger(_ROOT)
    logger.setLevel(level.upper())
    logger.propagate = False
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(JSONFormatter() if style == "json" else LogfmtFormatter())
        logger.addHandler(handler)
