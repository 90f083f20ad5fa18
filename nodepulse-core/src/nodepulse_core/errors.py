"""Errors that NodePulse raises on purpose, each with a sentence a person can act on.

Everything that a user, an exporter, a dashboard or a disk can do wrong arrives as one of these.
Anything else that is raised is a defect, and only then a traceback is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import frozen

_MOST_NAMES = 20


class NodePulseError(Exception):
    """The root of all errors raised on purpose; its text is for the user."""

    exit_status = 1


@frozen
class Problem:
    """One thing wrong in a configuration: where, on which key, and why."""

    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None

    def render(self, source: str) -> str:
        """Write `file:line:column: path: message`, leaving out what is not known."""
        place = source if self.line is None else f"{source}:{self.line}:{self.column}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(NodePulseError):
    """A configuration that cannot be used; carries every problem found in it.

    Exit status 78 is EX_CONFIG of sysexits.h.
    """

    exit_status = 78

    def __init__(self, problems: Sequence[Problem], source: str) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(problem.render(source) for problem in self.problems))


class ExpositionError(NodePulseError):
    """Text that is not the Prometheus text format 0.0.4; says on which line."""


class FieldError(NodePulseError):
    """A field of a snapshot that is written wrongly in its exporter."""


class ScrapeError(NodePulseError):
    """A scrape that gave no usable exposition; the text is the reason."""


class StorageError(NodePulseError):
    """A buffer that cannot be opened, read or written."""


class EntryError(StorageError):
    """An entry on disk that is torn, altered or no entry at all."""


class PluginError(NodePulseError):
    """A plugin that cannot be used; names its distribution and version."""


class UnavailableError(NodePulseError):
    """An exporter that cannot be asked now; it says nothing about what it would have been asked."""


class UsageError(NodePulseError):
    """A command that was called in a way that makes no sense."""

    exit_status = 2


def format_names(names: Collection[str]) -> str:
    """Return names as an error lists them: the first twenty, how many more there are, or none."""
    shown = ", ".join(list(names)[:_MOST_NAMES])
    rest = len(names) - _MOST_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown or "none"
