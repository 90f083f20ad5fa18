"""The configuration files of these tests: each says at its top, in comments, what is expected of it."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from nodepulse_core import HTTPExporter
from nodepulse_core.config import Loaded, Targets, make_targets
from nodepulse_core.config.document import parse_document
from nodepulse_core.config.load import check_document
from nodepulse_core.errors import PluginError

HERE = Path(__file__).parent
SECRET = "hunter2"
ENVIRON = {"SECRET": SECRET, "EMPTY": "", "NUMBER": "10", "BYTES": "caf\udce9"}
PORTS = {"node_exporter": 9100, "postgres_exporter": 9187, "redis_exporter": 9121}
INSTALLED = ["broken_exporter", *PORTS]


@frozen
class Case:
    """A file, and the lines it says are expected, without its name."""

    path: Path
    errors: list[str]
    warnings: list[str]


def read_case(path: Path) -> Case:
    """Read what is expected of a file, from comment lines that begin with `error:` and `warning:`."""
    lines = path.read_bytes().decode(errors="replace").replace("\ufeff", "").splitlines()
    said = {kind: [line[len(mark) :] for line in lines if line.startswith(mark := f"# {kind}: ")] for kind in _KINDS}
    return Case(path, said["error"], said["warning"])


_KINDS = ("error", "warning")


def find_cases(folder: str, pattern: str) -> list[Path]:
    """Return the files of a folder."""
    return sorted((HERE / folder).glob(pattern))


def load_text(text: str | bytes, environ: dict[str, str] | None = None) -> Loaded:
    """Check a configuration that is no file."""
    content = text.encode() if isinstance(text, str) else text
    return check_document(parse_document(content, "nodepulse.yml"), ENVIRON if environ is None else environ)


def target(loaded: Loaded) -> Targets:
    """Make the targets with four exporters installed, of which one is broken."""
    return make_targets(loaded, INSTALLED, _load)


def _load(type_: str) -> HTTPExporter:
    if type_ not in PORTS:
        raise PluginError(f"{type_} of nodepulse-exporter-broken 1.0 is broken: ImportError: no such module")
    return HTTPExporter(type_, default_endpoint=f"http://localhost:{PORTS[type_]}/metrics")
