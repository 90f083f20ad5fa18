"""What a check says of a plugin: it passes, it fails with what to do, or it cannot be made and says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Literal, TypeVar

from attrs import frozen

from nodepulse_core.errors import NodePulseError, PluginError
from nodepulse_core.plugins.guard import guarded

S = TypeVar("S")
Status = Literal["passed", "failed", "skipped"]


class UnmetError(NodePulseError):
    """Something that does not hold of a plugin; the remedy says what its author does about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


class SkippedError(NodePulseError):
    """A check that cannot be made here; the text says why, and what would make it."""


@frozen
class Check(Generic[S]):
    """One thing that is to hold: its name, what it is in a sentence, and a function that raises where it does not."""

    name: str
    sentence: str
    call: Callable[[S], None]


@frozen
class Verdict:
    """How one check ended. `message` is the problem or the reason; `remedy` is what to do about a problem."""

    check: str
    sentence: str
    status: Status
    message: str = ""
    remedy: str = ""


def judge(check: Check[S], subject: S) -> Verdict:
    """Make a check; whatever a plugin's code raises within is a failure of that check."""

    def call() -> UnmetError | SkippedError | None:
        try:
            check.call(subject)
        except (UnmetError, SkippedError) as error:
            return error
        return None

    try:
        ended = guarded(call)
    except PluginError as error:
        return Verdict(check.name, check.sentence, "failed", str(error), "Mend that, then check again.")
    if isinstance(ended, UnmetError):
        return Verdict(check.name, check.sentence, "failed", str(ended), ended.remedy)
    if ended is not None:
        return Verdict(check.name, check.sentence, "skipped", str(ended))
    return Verdict(check.name, check.sentence, "passed")


def judge_all(checks: Sequence[Check[S]], subject: S) -> list[Verdict]:
    """Make checks in order. Where the first fails, the others cannot be made."""
    first, *rest = checks
    verdicts = [judge(first, subject)]
    if verdicts[0].status == "failed":
        reason = f"the check {first.name} failed"
        return verdicts + [Verdict(each.name, each.sentence, "skipped", reason) for each in rest]
    return verdicts + [judge(each, subject) for each in rest]
