"""The configuration as a JSON Schema (draft 2020-12), so that editors complete and check it while it is written.

Made from the settings' classes; it is as strict as a schema can be. What concerns several keys, files and installed
exporters only `nodepulse config check` can say.
"""

from __future__ import annotations

from typing import Any

import attrs

from nodepulse_core.config.exporters import OLD, OLD_NAME
from nodepulse_core.config.keys import KeyOf, keys_of
from nodepulse_core.config.rules import REFERENCE, RULES
from nodepulse_core.config.settings import Discovery, ExporterSettings, Settings

Schema = dict[str, Any]


def make_schema() -> Schema:
    """Return the schema, as plain data."""
    whole = _section(Settings)
    named = _section(ExporterSettings)
    exporter = {**named, "properties": {**named["properties"]}, "type": ["object", "null"]}
    exporter.pop("required")
    whole["properties"]["exporters"] = {
        "description": whole["properties"]["exporters"]["description"],
        "anyOf": [
            {"type": ["array", "null"], "items": {"$ref": "#/$defs/listed"}},
            {
                "type": "object",
                "propertyNames": RULES[_name_kind()].schema,
                "properties": {"discovery": {"$ref": "#/$defs/discovery"}},
                "additionalProperties": {"$ref": "#/$defs/named"},
            },
        ],
    }
    whole["properties"]["discovery"] = {"$ref": "#/$defs/discovery"}
    whole["properties"][OLD] = {
        "$ref": "#/$defs/named",
        "description": f"the form of version 2.0: the settings of {OLD_NAME}",
        "deprecated": True,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of NodePulse",
        **whole,
        "$defs": {
            "listed": {**named, "description": "one target"},
            "named": {**exporter, "description": "one target, under its name"},
            "discovery": _section(Discovery),
        },
    }


def _name_kind() -> Any:
    return next(key.kind for key in keys_of(ExporterSettings) if key.name == "name")


def _section(kind: type) -> Schema:
    keys = list(keys_of(kind))
    required = [key.name for key in keys if key.default is attrs.NOTHING]
    return {
        "description": str(kind.__doc__).partition("\n")[0],
        "type": "object" if required else ["object", "null"],
        "properties": {key.name: _key(key) for key in keys},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _key(key: KeyOf) -> Schema:
    schema = _kind(key.kind)
    if key.default is None:
        schema = {"anyOf": [schema, {"type": "null"}]}
    otherwise = f"; default: {key.otherwise}" if key.otherwise else ""
    schema = {**schema, "description": key.about + otherwise}
    default = key.write_default()
    return schema if default is None else {**schema, "default": default}


def _kind(kind: Any) -> Schema:
    key = KeyOf("", kind, None, "", None)
    if attrs.has(kind):
        return _section(kind)
    if key.item is not None:
        return {"type": ["array", "null"], "items": _kind(key.item)}
    if key.choices:
        return {"anyOf": [{"enum": list(key.choices)}, {"type": "string", "pattern": REFERENCE}]}
    return dict(RULES[kind].schema)
