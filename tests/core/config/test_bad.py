"""Wrong configurations, one file for each error, with the exact words that it gives; and files that are right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nodepulse_core.config as room
import pytest
from core.config.cases import SECRET, find_cases, load_text, read_case, target
from nodepulse_core.errors import ConfigError

BAD = find_cases("bad", "*.bad.yml")
GOOD = find_cases("good", "*.yml")

# The modules whose sentences are problems and warnings, and the sentences that no file can bring about.
SPEAKING = ("checks", "document", "exporters", "expand", "files", "load", "structure", "targets", "tree")
NOT_FOR_A_FILE = {
    "no configuration found": "there is no file: test_document",
    "looked in .*; write one with: nodepulse config init": "there is no file: test_document",
    "it cannot be read: .*": "a file that cannot be opened: test_document",
    "a directory": "no file at all: test_document",
    "no regular file": "the same",
    "it is larger than 256 KiB, which no configuration is": "a file of that size: test_document",
    ".* can be read by .*; protect it with: chmod 600 .*": "it depends on the mode of a file: test_files",
    ".*; what needs it fails until it is mended": "it depends on what certificates hold: test_files",
    "write \\$\\{VAR\\} for it, or protect the file with: chmod 600 .*": "the same",
    "this secret can be read by .*; .*": "the same",
    "a character": "a refused character behind the end of the text, which ruamel does not give now",
}


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.removesuffix(".bad.yml"))
def test_what_is_wrong_is_said(path: Path) -> None:
    """A wrong file gives all of its errors, each with place, path and reason, in exactly these words."""
    case = read_case(path)
    assert case.errors, f"{path.name} expects nothing"
    with pytest.raises(ConfigError) as caught:
        target(load_text(path.read_bytes()))
    assert str(caught.value).splitlines() == [f"nodepulse.yml:{line}" for line in case.errors]
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_worth_a_warning_is_said(path: Path) -> None:
    """A file that is right loads, with exactly the warnings that it names."""
    loaded = load_text(path.read_bytes())
    warnings = [warning.render("") for warning in (*loaded.warnings, *target(loaded).warnings)]
    assert warnings == [f":{line}" for line in read_case(path).warnings]


def sentences(path: Path) -> Iterator[str]:
    """Yield as patterns the text of a module that is a sentence or a part of one: of three words or more."""
    tree = ast.parse(path.read_text())
    inner = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in node.values]
            text = "".join(parts).replace("\\ ", " ")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            text = re.escape(node.value).replace("\\ ", " ")
        else:
            continue
        if text.count(" ") >= 2:
            yield text


@pytest.mark.parametrize("module", SPEAKING)
def test_every_sentence_has_a_file(module: str) -> None:
    """No error or warning stands in the source that no file of these tests makes."""
    said = [line for path in (*BAD, *GOOD) for case in [read_case(path)] for line in (*case.errors, *case.warnings)]
    spoken = set(sentences(Path(str(room.__file__)).with_name(f"{module}.py")))
    assert spoken
    unheard = {text for text in spoken - set(NOT_FOR_A_FILE) if not any(re.search(text, line) for line in said)}
    assert unheard == set()
