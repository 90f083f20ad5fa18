"""Rewrites a configuration of version 2.0 to the present form; all that is not the old key stays as it was written."""

from __future__ import annotations

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from nodepulse_core.config.document import parse_document
from nodepulse_core.config.exporters import OLD, OLD_NAME
from nodepulse_core.errors import ConfigError

_STEP = "  "


def migrate(content: bytes, source: str) -> bytes | None:
    """Return the content in the present form; None where it is in that form already.

    What comes out is read again and compared with what went in. Raises ConfigError where that cannot be, or the file
    is no configuration.
    """
    document = parse_document(content, source)
    if OLD not in document.data:
        return None
    rest = {key: value for key, value in document.data.items() if key != OLD}
    wanted = {**rest, "exporters": {OLD_NAME: document.data[OLD]}}
    if "exporters" in rest:
        raise ConfigError([document.problem((OLD,), "exporters stands in this file too; keep one of them")], source)
    text = content.decode("utf-8-sig")
    pair = _find(text)
    migrated = text if pair is None else _nest(text, *pair)
    try:
        same = parse_document(migrated.encode(), source).data == wanted
    except ConfigError:
        same = False
    if not same:
        by_hand = f"rewrite it by hand: the settings below it belong under exporters, {OLD_NAME}"
        raise ConfigError(
            [document.problem((OLD,), f"it is written in a way that is not understood; {by_hand}")], source
        )
    return migrated.encode()


def _find(text: str) -> tuple[Node, Node, bool] | None:
    """Return the old key, its value, and whether they stand in a flow mapping."""
    root = YAML(typ="safe", pure=True).compose(text)
    if isinstance(root, MappingNode):
        for key, value in root.value:
            if key.value == OLD:
                return key, value, bool(root.flow_style)
    return None


def _nest(text: str, key: Node, value: Node, in_flow: bool) -> str:
    begin, end = key.start_mark.index, key.end_mark.index
    if in_flow:
        last = value.end_mark.index
        return f"{text[:begin]}exporters: {{{OLD_NAME}{text[end:last]}}}{text[last:]}"
    margin = key.start_mark.column
    first, *below = text[end : value.end_mark.index].splitlines(keepends=True) or [""]
    newline = "\r\n" if first.endswith("\r\n") else "\n"
    nested = "".join(_STEP + line if line.strip() and _indent(line) > margin else line for line in below)
    return (
        f"{text[:begin]}exporters:{newline}{' ' * margin}{_STEP}{OLD_NAME}{first}{nested}{text[value.end_mark.index :]}"
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
