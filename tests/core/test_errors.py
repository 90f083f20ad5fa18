"""What errors are made of."""

from __future__ import annotations

from nodepulse_core.errors import format_names


def test_names_are_listed_and_bounded() -> None:
    """All of twenty names are listed; of more the first twenty, and how many are left; of none that there is none."""
    names = [f"t{number}" for number in range(21)]
    assert format_names([]) == "none"
    assert format_names(names[:20]) == ", ".join(names[:20])
    assert format_names(names) == f"{', '.join(names[:20])} and 1 more"
