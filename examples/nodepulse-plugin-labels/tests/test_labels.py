"""Labels as they are written, and what is said of those that are written wrongly."""

import pytest
from nodepulse_plugin_labels.labels import parse_labels


def test_labels_keep_their_order() -> None:
    """Labels are separated by commas; spaces around names and values do not count, equal signs in values do."""
    text = " role = database,environment=production , note=a=b,"
    assert list(parse_labels(text).items()) == [("role", "database"), ("environment", "production"), ("note", "a=b")]


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_nothing_is_no_labels(text: str) -> None:
    """Without text there are no labels, and nothing is wrong."""
    assert parse_labels(text) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("role", "'role' is no label; write it like role=database"),
        ("role=", "'role=' is no label"),
        ("Role=db", "'Role' is no name"),
        ("=db", "'' is no name"),
        ("timestamp=now", "'timestamp' is the agent's own"),
        ("role=a,role=b", "'role' is given twice"),
    ],
)
def test_a_wrong_label_is_named(text: str, said: str) -> None:
    """The error names the variable and what is wrong with it."""
    with pytest.raises(ValueError, match="NODEPULSE_LABELS: ") as raised:
        parse_labels(text)
    assert said in str(raised.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Several wrong labels are one error."""
    with pytest.raises(ValueError, match=r"'a' is no label.*; 'B' is no name"):
        parse_labels("a,B=1,c=2")
