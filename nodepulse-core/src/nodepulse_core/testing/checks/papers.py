"""What a person reads of a plugin: its README, and the configurations that it shows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from nodepulse_core.errors import ConfigError
from nodepulse_core.exporter import field_names_of
from nodepulse_core.testing.subject import Subject
from nodepulse_core.testing.verdict import SkippedError, UnmetError

_YAML = re.compile(r"^```ya?ml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SERVER = "server: {endpoint: 'http://127.0.0.1:1/in'}\n"


class _AnyVariable(Mapping[str, str]):
    """An environment in which every variable is set, to a text that is nothing."""

    def __getitem__(self, name: str) -> str:
        return "set"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def sample_configurations_load(subject: Subject) -> None:
    """Load the shortest configuration of the exporter, and each one that its README shows."""
    _load(subject, f"{_SERVER}exporters:\n  - {{name: {subject.plugin.name}}}\n", "the shortest configuration")
    for number, block in enumerate(_YAML.findall(subject.readme or ""), start=1):
        if re.search(r"^exporters:", block, re.MULTILINE):
            server = "" if re.search(r"^server:", block, re.MULTILINE) else _SERVER
            _load(subject, server + block, f"the YAML block {number} of README.md")


def fields_are_documented(subject: Subject) -> None:
    """Look in the README for the line that installs it, the exporter's name, and every field."""
    readme = _readme(subject)
    declared = field_names_of(subject.exporter)
    fields = list(declared) or [
        name for text in (subject.texts if subject.recorded else ()) for each in subject.objects(text) for name in each
    ]
    _find(readme, [f"pip install {subject.plugin.distribution}", subject.plugin.name, *dict.fromkeys(fields)])


def plugin_is_documented(subject: Subject) -> None:
    """Look in the README for the line that installs it."""
    _find(_readme(subject), [f"pip install {subject.plugin.distribution}"])


def _readme(subject: Subject) -> str:
    if subject.readme is None:
        raise SkippedError("it is installed, and its README is not; check its source tree: plugins check PATH")
    if not subject.readme:
        raise UnmetError("there is no README.md", "Write one: what it is, how it is installed, its fields, a sample.")
    return subject.readme


def _find(readme: str, wanted: list[str]) -> None:
    missing = [each for each in wanted if not re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", readme)]
    if missing:
        raise UnmetError(
            f"README.md does not have {', '.join(missing)}",
            "Add them; a table of fields and the metrics they come from is what operators look for.",
        )


def _load(subject: Subject, text: str, what: str) -> None:
    from nodepulse_core.config import load_settings, make_targets  # noqa: PLC0415 - YAML is read only where it is needed

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nodepulse.yml"
        path.write_text(text)
        try:
            loaded = load_settings(path, _AnyVariable())
            make_targets(loaded, subject.registry.names(), subject.registry.load)
        except ConfigError as error:
            told = str(error).replace(f"{path}:", "line ")
            raise UnmetError(f"{what} does not load: {told}", "Mend it: people paste what they see.") from error
