"""What an exporter shows to others: no secret, and text as Prometheus wants it."""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess

from nodepulse_core.exporter import HTTP_SCHEMES, schemes_of
from nodepulse_core.model import Access, BasicAuth
from nodepulse_core.testing.checks.scraping import call_once, closed_port, list_endpoints, within
from nodepulse_core.testing.subject import Subject
from nodepulse_core.testing.verdict import SkippedError, UnmetError

_SECRET = "hunter2-kit-secret"  # noqa: S105 - it is looked for, and keeps nothing
_LIMIT = 60.0
_LINTED = 3


def no_secret_is_shown(subject: Subject) -> None:
    """Scrape in vain with secrets, and look for them in what is raised, logged and shown."""
    access = Access(headers={"X-Key": _SECRET}, basic_auth=BasicAuth("nodepulse", _SECRET))
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    root.handlers = [handler]  # what is logged for this goes nowhere else
    root.setLevel(logging.DEBUG)
    try:
        with closed_port() as port:
            for endpoint in list_endpoints(subject, port):
                target = subject.target(endpoint, access=access)
                ended = within(lambda target=target: call_once(subject.exporter, target))  # type: ignore[misc]  # bound now
                shown = {"an error": f"{ended} {ended!r}", "repr(target)": repr(target), "the log": log.getvalue()}
                _look(shown | {"repr(exporter)": repr(subject.exporter)} | _kept(subject))
    finally:
        root.handlers = handlers
        root.setLevel(level)


def passes_promtool(subject: Subject) -> None:
    """Have promtool read what the exporter collects by itself; names that the upstream exporter has are its own."""
    if subject.made is None and set(schemes_of(subject.exporter)) <= set(HTTP_SCHEMES):
        raise SkippedError("it collects nothing by itself")
    if subject.made is None:
        raise SkippedError("no text that it collects was given; have the suite's made() return one")
    promtool = shutil.which("promtool")
    if promtool is None:
        raise SkippedError("promtool is not installed; on Debian it is in the package prometheus")
    text = subject.made()
    ran = subprocess.run(  # noqa: S603 - the promtool of this machine
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=_LIMIT
    )
    said = (ran.stdout + ran.stderr).strip().splitlines()
    upstream = {name for path in subject.recorded for name in re.findall(r"^(\w+)", path.read_text(), re.MULTILINE)}
    ours = [line for line in said if line.split(" ")[0] not in upstream]
    if ran.returncode not in (0, _LINTED) or (ran.returncode and ours):
        raise UnmetError(
            f"promtool says: {'; '.join(ours[:3] or said[:3])}",
            "Mend the family's name, type or help as it says: https://prometheus.io/docs/practices/naming/",
        )


def _kept(subject: Subject) -> dict[str, str]:
    """Return the texts of what the exporter keeps, two levels deep: collectors, clients, connections."""
    shown = {}
    for name, value in getattr(subject.exporter, "__dict__", {}).items():
        shown[f"repr of its {name}"] = repr(value)
        for each in value.values() if isinstance(value, dict) else ():
            shown[f"repr of its {name}"] += repr(getattr(each, "__dict__", ""))
    return shown


def _look(shown: dict[str, str]) -> None:
    for where, text in shown.items():
        if _SECRET in text:
            raise UnmetError(
                f"{where} shows a password or a header",
                "Keep target.access out of messages and reprs: attrs' field(repr=False), and a text of your own.",
            )
