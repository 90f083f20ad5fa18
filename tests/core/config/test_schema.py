"""The JSON Schema: every key with description and default, and as strict as the settings where it can be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from core.config.cases import HERE, find_cases
from nodepulse_core.config import make_schema
from nodepulse_core.config.document import parse_document
from nodepulse_core.config.keys import all_keys
from nodepulse_core.config.settings import Settings

SCHEMA = make_schema()
GOOD = [*find_cases("good", "*.yml"), *sorted((HERE.parents[2] / "examples").glob("*.yml"))]

# The wrong files that a schema can know to be wrong; the rest is about several keys, files, plugins or the environment.
BREAKING = [
    "basic-auth", "choice", "count", "enabled-is-a-word", "exporters-are-no-collection",
    "exporters-hold-no-mappings", "exporters-mapping-holds-no-mappings", "exporters-mapping-name", "headers",
    "list", "listen-without-brackets", "listen", "merged-key-is-wrong", "name-missing", "name",
    "old-form-is-no-mapping", "path", "ports", "section-is-no-mapping", "server-empty", "server-endpoint-null",
    "server-id", "server-missing", "size-is-a-fraction", "size", "string-is-a-number", "unknown-key",
    "url-with-password", "url", "variable-holds-a-secret", "variable-is-no-number",
]  # fmt: skip
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
WORDS = {
    "$ref", "$schema", "$defs", "title", "description", "deprecated", "default", "type", "properties",
    "required", "additionalProperties", "propertyNames", "items", "anyOf", "enum", "pattern", "minimum",
    "maximum", "minLength",
}  # fmt: skip


def faults(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Yield where a value breaks a schema; knows just the words that `make_schema` uses, and fails on any other."""
    assert set(schema) <= WORDS
    if "$ref" in schema:
        yield from faults(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], value, path)
    if "anyOf" in schema and all(any(True for _ in faults(each, value, path)) for each in schema["anyOf"]):
        yield f"{path}: fits nowhere"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not in {schema['enum']}"
    names = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", KINDS)
    if not any(isinstance(value, KINDS[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names):
        yield f"{path}: no {names}"
    elif isinstance(value, dict):
        yield from mapping_faults(schema, value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(schema.get("items", {}), item, f"{path}[{index}]")
    elif isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) < schema.get("minLength", 0):
            yield f"{path}: does not match"
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: out of range"


def mapping_faults(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    """Yield where a mapping breaks a schema."""
    yield from (f"{path}: lacks {name}" for name in schema.get("required", []) if name not in value)
    for name, item in value.items():
        yield from faults(schema.get("propertyNames", {}), name, f"{path}.{name}")
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
        if inner is False:
            yield f"{path}.{name}: unknown"
        else:
            yield from faults(inner, item, f"{path}.{name}")


def find(path: str) -> dict[str, Any]:
    """Return what the schema says of a key, whichever way leads there."""
    schema = SCHEMA
    for name in path.replace("exporters[]", "$listed").split("."):
        if name == "$listed":
            schema = SCHEMA["$defs"]["listed"]
            continue
        if "properties" not in schema:
            schema = next(each for each in schema["anyOf"] if "properties" in each)
        schema = schema["properties"][name]
        if "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_it_is_plain_json_of_the_draft() -> None:
    """It can be written as JSON, and names its draft."""
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("path", "key"), list(all_keys(Settings)), ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_key_has_its_description_and_default(path: str, key: Any) -> None:
    """What stands on the settings' classes stands in the schema."""
    if path in {"exporters", "discovery"}:  # they have two forms each
        return
    said = find(path)
    assert said["description"].startswith(key.about)
    assert said.get("default") == key.write_default()
    if key.otherwise:
        assert said["description"].endswith(f"default: {key.otherwise}")


def test_what_is_required_is_said() -> None:
    """A required key is one without a default; in the mapping form the name is the key."""
    assert SCHEMA["required"] == ["server"]
    assert SCHEMA["properties"]["server"]["required"] == ["endpoint"]
    assert SCHEMA["$defs"]["listed"]["required"] == ["name"]
    assert "required" not in SCHEMA["$defs"]["named"]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_right_fits(path: Any) -> None:
    """No file that loads is marked as wrong in an editor."""
    assert list(faults(SCHEMA, parse_document(path.read_bytes(), "f").data)) == []


@pytest.mark.parametrize("name", BREAKING)
def test_what_is_wrong_does_not_fit(name: str) -> None:
    """A file whose errors a schema can know is marked as wrong in an editor."""
    assert list(faults(SCHEMA, parse_document((HERE / "bad" / f"{name}.bad.yml").read_bytes(), "f").data))


def test_sections_are_closed() -> None:
    """An unknown key is marked wherever it stands."""
    sections = [path for path, key in all_keys(Settings) if attrs.has(key.kind)]
    for path in sections:
        said = find(path)
        closed = said if "properties" in said else next(each for each in said["anyOf"] if "properties" in each)
        assert closed["additionalProperties"] is False
