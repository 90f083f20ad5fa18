"""The examples as the documents show them: by inclusion, and all of them in the gallery."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.repository import EXAMPLES, ROOT

SMALLEST = "examples/nodepulse-exporter-nginx"
DOCUMENTS = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("examples/*/README.md")]
)
_SHOWN = re.compile(r"<!-- from (\S+) -->\n```\w*\n(.*?)```$", re.DOTALL | re.MULTILINE)


def shown(document: Path) -> list[tuple[str, str]]:
    """Return the path and the text of every block that a document says is from a file."""
    return _SHOWN.findall(document.read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_shows_is_in_the_file(document: Path) -> None:
    """A block under `<!-- from PATH -->` is, line for line, a part of that file; no such mark lacks its block."""
    found = shown(document)
    assert len(found) == document.read_text().count("<!-- from ")
    for path, text in found:
        assert f"\n{text}" in "\n" + (ROOT / path).read_text(), f"{document.name} shows another text than {path} has"


def test_the_readme_shows_the_smallest_plugin_whole() -> None:
    """The README shows the entry point and the whole module of the smallest example."""
    module = f"{SMALLEST}/src/nodepulse_exporter_nginx.py"
    blocks = dict(shown(ROOT / "README.md"))
    assert "nodepulse.exporters" in blocks[f"{SMALLEST}/pyproject.toml"]
    assert blocks[module] == (ROOT / module).read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_in_the_gallery(example: Path) -> None:
    """The gallery has a row for each example, with a link to its folder and what it shows."""
    rows = re.findall(
        r"^\| \[(\S+)\]\(\.\./examples/(\S+)/\) \| (.+) \|$", (ROOT / "docs/gallery.md").read_text(), re.MULTILINE
    )
    assert [(name, folder) for name, folder, says in rows if says].count((example.name, example.name)) == 1


def test_the_gallery_links_to_what_is_there() -> None:
    """Every relative link of the gallery leads to a file or folder."""
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "docs/gallery.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
