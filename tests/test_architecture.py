"""The rules of the architecture, as tables: which module may import which, and by which doors libraries enter."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "nodepulse-core" / "src"
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("nodepulse-*/pyproject.toml"))

# Each row may import the rows above it, and itself where it says so. A module is found by its longest prefix.
ROWS: list[tuple[str, set[str]]] = [
    ("words", {"errors", "units", "reach", "model", "clock", "config_file", "foreign"}),
    ("contracts", {"exposition", "families", "fields", "exporter", "sender", "hookspecs", "peer"}),
    ("contracts", {"blocking", "calls", "connections", "own", "promql", "field_memory", "collect.resolver"}),
    ("contracts", {"deliver.strict", "deliver.encode", "deliver.retry_after"}),  # what is on the wire
    ("settings", {"config", "plugins"}),
    ("stages", {"collect.schedule", "collect.scrape", "collect.scan", "buffer", "deliver.snapshot", "deliver.backoff"}),
    ("stages", {"deliver.guard", "deliver.http_sender", "deliver.pending"}),
    ("stages", {"drift", "health", "logs", "notify", "watch.process", "watch.progress", "watch.watch"}),
    ("loops", {"collect", "deliver"}),
    ("whole", {"agent", "isolation", "watch"}),
    ("edges", {"cli", "http", "testing", "pytest_plugin", "__main__"}),
]
ORDER = ["words", "contracts", "settings", "stages", "loops", "whole", "edges"]

# What a row may not import although it stands above it, or may although it is its own.
STRANGERS = {"stages"}
KNOWN_TO_EACH_OTHER = {
    ("deliver.pending", "buffer"),  # what is pending is said in terms of what the buffer holds
    ("collect.scan", "collect.scrape"),  # a look at a port is a scrape
}
NOT_FOR_STAGES_AND_LOOPS = "settings"

# A library, and the only modules that may import it.
DOORS: dict[str, set[str]] = {
    "pluggy": {"hookspecs", "plugins"},
    "importlib.metadata": {"plugins.metadata"},
    "ruamel": {"config"},
    "cattrs": {"config"},
    "click": {"cli", "hookspecs"},
    "aiohttp": {"collect.scrape", "collect.resolver", "deliver.http_sender", "http"},
    "yarl": {"collect.scrape", "deliver.http_sender", "http"},
    "rich": {"cli.screen", "cli.top"},
    "orjson": {"deliver", "cli", "http", "isolation"},
}


def row_of(module: str) -> str:
    """Return the row of a module of the core, by its path below the package; rooms count as their `__init__` does."""
    found = [(len(prefix), row) for row, prefixes in ROWS for prefix in prefixes if _under(module, prefix)]
    assert found, f"{module} stands in no row of the table; give it one"
    return max(found)[1]


def _under(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def imports(path: Path) -> Iterator[str]:
    """Yield the full names of what a module imports at run time, wherever in it that stands."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write the whole name"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults(source: Path) -> list[str]:
    """Return every import below a source root that breaks a rule of the tables."""
    package = source / "nodepulse_core"
    found = []
    modules = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    for module, path in sorted(modules.items()):
        if module == "__init__":
            continue
        for name in sorted(set(imports(path))):
            for library, doors in DOORS.items():
                if _under(name, library) and not any(_under(module, door) for door in doors):
                    found.append(f"{module} imports {name}; {library} enters by {', '.join(sorted(doors))} only")
            target = name.removeprefix("nodepulse_core.")
            if target in {name, module} or target not in modules:
                continue
            found += [f"{module} imports {target}: {why}" for why in _why_not(module, target, path.name)]
    return found


def _why_not(module: str, target: str, file: str) -> Iterator[str]:
    same_room = module.split(".", maxsplit=1)[0] == target.split(".", maxsplit=1)[0]
    if same_room and (file == "__init__.py" or row_of(module) not in STRANGERS or module.startswith("buffer.")):
        return
    mine, other = row_of(module), row_of(target)
    # A room's public names are those of its stages and loops; who stands below it takes them by the room.
    if (module, target) in KNOWN_TO_EACH_OTHER:
        return
    if mine in {"stages", "loops"} and other == NOT_FOR_STAGES_AND_LOOPS:
        yield f"{mine} are handed their settings, they never look them up"
    elif ORDER.index(other) > ORDER.index(mine):
        yield f"{mine} stand above {other}"
    elif mine == other and mine in STRANGERS:
        yield f"{mine} are strangers to each other"


def test_the_core_keeps_the_rules() -> None:
    """No module of the core breaks the table of rows or the table of doors."""
    assert faults(CORE) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model.py", "from nodepulse_core.exporter import Exporter"),
        ("exposition.py", "import nodepulse_core.agent.agent"),
        ("collect/schedule.py", "from nodepulse_core.deliver.backoff import FIRST"),
        ("deliver/backoff.py", "from nodepulse_core.config import Settings"),
        ("agent/agent.py", "from nodepulse_core.cli import main"),
        ("buffer/index.py", "import aiohttp"),
        ("collect/loop.py", "from ruamel.yaml import YAML"),
        ("agent/agent.py", "from importlib.metadata import version"),
    ],
)
def test_a_broken_rule_is_found(module: str, line: str, tmp_path: Path) -> None:
    """A forbidden import that is planted in a copy of the core is found: the check can fail."""
    for path in (CORE / "nodepulse_core").rglob("*.py"):
        copy = tmp_path / path.relative_to(CORE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    planted = tmp_path / "nodepulse_core" / module
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    assert any(fault.startswith(module.removesuffix(".py").replace("/", ".")) for fault in faults(tmp_path))


@pytest.mark.parametrize("path", sorted(CORE.rglob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_room_hands_names_on_and_does_nothing_else(path: Path) -> None:
    """An `__init__` holds a docstring, imports, `__all__` and the version, and nothing else."""
    for node in ast.parse(path.read_text()).body:
        named = isinstance(node, ast.Assign) and {ast.unparse(each) for each in node.targets} <= {
            "__all__",
            "__version__",
        }
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert named or text or isinstance(node, ast.ImportFrom), ast.unparse(node)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda path: path.name)
def test_modules_stay_small(distribution: Path) -> None:
    """No module is longer than 300 lines: one concept a file."""
    long = {path: len(path.read_text().splitlines()) for path in (distribution / "src").rglob("*.py")}
    assert [path for path, lines in long.items() if lines > 300] == []


@pytest.mark.parametrize(
    "distribution",
    sorted([*ROOT.glob("nodepulse-exporter-*"), *ROOT.glob("examples/nodepulse-*")]),
    ids=lambda path: path.name,
)
def test_plugins_use_what_a_third_party_may_use(distribution: Path) -> None:
    """The plugins of this repository, and the examples, import nothing of the core but its public names."""
    modules = list((distribution / "src").rglob("*.py"))
    assert modules
    used = {each for path in modules for each in imports(path) if each.startswith("nodepulse_core")}
    import nodepulse_core  # noqa: PLC0415 - its public names are what is looked at

    assert used <= {"nodepulse_core", *(f"nodepulse_core.{public}" for public in nodepulse_core.__all__)}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("nodepulse_core.buffer", ("aiohttp", "ruamel", "cattrs", "click")),
        ("nodepulse_core.cli.plugins", ("aiohttp", "ruamel", "cattrs", "sqlite3")),
        ("nodepulse_exporter_node", ("aiohttp", "click")),
        ("nodepulse_exporter_redis", ("aiohttp", "redis")),
        ("nodepulse_exporter_postgres", ("aiohttp", "asyncpg")),
    ],
)
def test_what_must_be_quick_imports_nothing_heavy(module: str, heavy: tuple[str, ...]) -> None:
    """The write path, the list of plugins and an exporter are imported without the libraries they do not need."""
    code = f"import {module}, sys; print(*[name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
