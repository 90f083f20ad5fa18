"""From plain data to settings: strictly, with every problem noted once."""

from __future__ import annotations

import attrs
from attrs import frozen
from nodepulse_core.config.document import parse_document
from nodepulse_core.config.rules import Count, Duration
from nodepulse_core.config.structure import Structure
from nodepulse_core.errors import Problem


@frozen
class Inner:
    """A section."""

    count: Count = attrs.field(default=Count(1))
    items: tuple[Count, ...] = ()


@frozen
class Outer:
    """A section with another in it."""

    needed: str
    wait: Duration | None = None
    inner: Inner = attrs.field(factory=Inner)


def take(text: str, problems: tuple[Problem, ...] = ()) -> tuple[Outer | None, list[str]]:
    """Take a section from YAML, and return it with the problems that were noted."""
    document = parse_document(text.encode(), "f")
    structure = Structure(document, (), problems)
    taken = structure.take(Outer, document.data, ())
    return taken, [problem.render("f") for problem in structure.problems]


def test_what_is_right_is_taken() -> None:
    """Values come as their rules make them; a section without anything in it is its defaults."""
    assert take("needed: a\nwait: 1m\ninner: {items: [1, 2]}\n") == (
        Outer("a", Duration(60.0), Inner(Count(1), (Count(1), Count(2)))),
        [],
    )
    assert take("needed: a\ninner:\n") == (Outer("a"), [])


def test_what_is_wrong_is_left_out_and_the_rest_is_taken() -> None:
    """So that what concerns several keys can be checked although one of them is wrong."""
    taken, said = take("needed: a\nwait: 1\ninner: {count: 0}\nother: 1\n")
    assert taken == Outer("a")
    assert len(said) == 3


def test_without_what_is_required_nothing_is_taken() -> None:
    """A required key that is wrong or missing leaves nothing to go on with."""
    assert take("needed: 1\n") == (None, ["f:1:1: needed: expected a string; found 1 (put it in quotes)"])
    assert take("wait: 1m\n") == (None, ["f:1:1: needed: this key is required, and is missing"])


def test_a_place_with_a_problem_is_not_looked_at_again() -> None:
    """What reading found wrong is said once."""
    known = Problem("it is odd", "wait", 2, 1)
    assert take("needed: a\nwait: ~1\n", (known,))[1] == ["f:2:1: wait: it is odd"]
