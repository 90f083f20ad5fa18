"""Labels as they are written in the environment: `environment=production,role=database`."""

import re

VARIABLE = "NODEPULSE_LABELS"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = {"timestamp", "instance", "raw_text"}


def parse_labels(text: str) -> dict[str, str]:
    """Return labels by name, in their order; raises ValueError with everything that is wrong."""
    labels: dict[str, str] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (each.strip() for each in part.partition("="))
        if not value:
            problems.append(f"{part!r} is no label; write it like role=database")
        elif not _NAME.fullmatch(name):
            problems.append(f"{name!r} is no name; names match {_NAME.pattern}")
        elif name in _TAKEN:
            problems.append(f"{name!r} is the agent's own")
        elif name in labels:
            problems.append(f"{name!r} is given twice")
        else:
            labels[name] = value
    if problems:
        raise ValueError(f"{VARIABLE}: {'; '.join(problems)}")
    return labels
