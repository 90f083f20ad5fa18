"""What a person asks to have installed or removed: a plugin's short name or its distribution, and nothing else.

A name becomes a word of an installer's command, so what is no plain name is refused: an option, a path or a URL above
all, since an installer would run whatever code is found there.
"""

from __future__ import annotations

import re

from attrs import frozen

from nodepulse_core.errors import UsageError
from nodepulse_core.plugins import name_distribution

_OURS = "nodepulse"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = re.compile(
    rf"(?P<name>{_PART})(?:\[(?P<extras>{_PART}(?:,{_PART})*)\])?(?P<version>(?:===?|~=|!=|<=?|>=?)[A-Za-z0-9.*+!]+)?"
)
_LONGEST = 200


@frozen
class Requirement:
    """A distribution by its normalized name, with the extras and the version that were asked for."""

    name: str
    extras: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}{f'[{self.extras}]' if self.extras else ''}{self.version}"


def normalize(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_requirement(text: str) -> Requirement:
    """Read `mysql`, `mysql_exporter`, `nodepulse-exporter-mysql`, each with `[extra]` and `==1.2` if need be.

    Raises UsageError where it is something else.
    """
    match = _REQUIREMENT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise UsageError(
            f"{text[:_LONGEST]!r} is no name of a plugin; write it like mysql, nodepulse-exporter-mysql or mysql==1.2. "
            "Options, paths and URLs are not taken: use the installer itself for those"
        )
    name = match["name"]
    whole = normalize(name) if _OURS in name.lower() else normalize(name_distribution(name))
    return Requirement(whole, match["extras"] or "", match["version"] or "")
