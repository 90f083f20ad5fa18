"""Templates in which nothing is markup but what was made as such."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.http.markup import Markup, escape, fill, join

TEXTS = st.text(st.sampled_from("<>&\"'`=/ {}a\0\nscript"), max_size=40)


class Reader(HTMLParser):
    """Reads elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.seen.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.seen.append(data)


@given(TEXTS, TEXTS)
def test_what_is_put_in_is_text(attribute: str, text: str) -> None:
    """Whatever a value holds, a reader of HTML finds one element, its attribute and its text as they were given."""
    reader = Reader()
    reader.feed(fill('<p title="{attribute}">{text}</p>', attribute=attribute, text=text))
    reader.close()
    assert reader.seen[0] == ("p", [("title", attribute)])
    assert "".join(str(each) for each in reader.seen[1:]) == text


def test_markup_is_put_in_as_it_is() -> None:
    """What was filled is not escaped again, what stands between pieces is, and numbers are text."""
    inner = fill("<b>{text}</b>", text="1 < 2")
    assert fill("<p>{inner}{count}</p>", inner=inner, count=3) == "<p><b>1 &lt; 2</b>3</p>"
    assert join([inner, inner], " & ") == "<b>1 &lt; 2</b> &amp; <b>1 &lt; 2</b>"
    assert escape(Markup("<b>")) == "<b>"
    assert isinstance(join([]), Markup)
