"""A target as a frame carries it, secrets included: it goes to the child by a pipe that nobody else reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from nodepulse_core.model import Access, BasicAuth, Retry, Target, Tls


def write_target(target: Target) -> dict[str, Any]:
    """Return a target as JSON has it, without where it may be: the agent checks that, and makes the requests."""
    return attrs.asdict(target, filter=lambda field, _: field.name != "reach", value_serializer=_write)


def _write(_: object, __: object, value: Any) -> Any:
    return str(value) if isinstance(value, Path) else dict(value) if isinstance(value, dict) else value


def read_target(given: dict[str, Any]) -> Target:
    """Return the target of `write_target`."""
    access = given["access"]
    auth, tls = access["basic_auth"], access["tls"]
    return Target(
        **{
            **given,
            "retry": Retry(**given["retry"]),
            "access": Access(
                headers=access["headers"],
                basic_auth=BasicAuth(**_with_paths(auth, "password_file")) if auth else None,
                bearer_token_file=_with_paths(access, "bearer_token_file")["bearer_token_file"],
                tls=Tls(**_with_paths(tls, "ca_file", "cert_file", "key_file")),
            ),
        }
    )


def _with_paths(given: dict[str, Any], *keys: str) -> dict[str, Any]:
    return given | {key: None if given[key] is None else Path(given[key]) for key in keys}
