"""Rewrites a configuration of version 2.0 to the present form, and keeps its comments, order and quotes."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

_OLD = "prometheus"
_NEW = "exporters"
_NAME = "node_exporter"


def migrate(text: str) -> str | None:
    """Return the text in the present form; None where it is in that form already. The text must be loadable."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    tree: Any = yaml.load(text)
    if not isinstance(tree, CommentedMap) or _OLD not in tree:
        return None
    position = list(tree).index(_OLD)
    exporters = CommentedMap({_NAME: CommentedMap() if tree[_OLD] is None else tree[_OLD]})
    comments = tree.ca.items.pop(_OLD, None)
    del tree[_OLD]
    tree.insert(position, _NEW, exporters)
    if comments is not None and not isinstance(exporters[_NAME].ca.comment, list):
        tree.ca.items[_NEW] = comments
    stream = io.StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()
