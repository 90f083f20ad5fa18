"""A configuration from its file to settings: all of the design's examples, and any bytes at all."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from core.config.cases import load_text, target
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.config import Loaded, load_settings
from nodepulse_core.errors import ConfigError
from nodepulse_core.model import Retry

EXAMPLES = Path(__file__).parents[3] / "examples"


def example(name: str) -> Loaded:
    """Load an example as it stands, with nothing in the environment."""
    return load_settings(EXAMPLES / name, {})


def test_the_example_with_a_list_loads_as_it_stands() -> None:
    """Each exporter of it is a target with what it says, and the defaults for what it does not."""
    loaded = example("list.yml")
    settings = loaded.settings
    assert settings.server.endpoint == "https://dashboard.nodepulse.io/metrics/prometheus"
    assert (settings.server.timeout, settings.agent.interval) == (5.0, 15.0)
    assert settings.agent.server_id == "550e8400-e29b-41d4-a716-446655440000"
    assert settings.buffer.path == Path("/var/lib/nodepulse/buffer")
    found = {each.name: (each.type, each.interval, each.timeout, each.payload) for each in target(loaded).targets}
    assert found == {
        "node_exporter": ("node_exporter", 15, 3, "snapshot"),
        "postgres_exporter": ("postgres_exporter", 30, 5, "snapshot"),
        "redis_exporter": ("redis_exporter", 60, 3, "snapshot"),
        "orders_db": ("postgres_exporter", 15, 3, "snapshot"),
    }
    assert target(loaded).targets[0].retry == Retry(3, "exponential")
    assert loaded.warnings == ()


def test_the_example_with_a_mapping_loads_as_it_stands() -> None:
    """The key discovery is no exporter; the others are, by their names."""
    loaded = example("mapping.yml")
    assert loaded.settings.discovery.enabled
    assert loaded.settings.discovery.scan_ports == (9100, 9187, 9121, 9256)
    assert loaded.settings.discovery.scan_interval == 300
    found = {each.name: (each.type, each.endpoint, each.interval) for each in target(loaded).targets}
    assert found == {
        "node_exporter": ("node_exporter", "http://localhost:9100/metrics", 10),
        "custom_app": ("prometheus", "http://localhost:8080/metrics", 60),
    }


def test_the_usual_configuration_loads_as_it_stands() -> None:
    """The commented example needs nothing from the environment, and warns of nothing."""
    loaded = example("nodepulse.yml")
    assert [each.name for each in target(loaded).targets] == ["node_exporter", "custom_app"]
    assert loaded.warnings == ()


def test_a_mapping_in_the_place_of_an_old_form_gives_the_same_settings() -> None:
    """Version 2.0's key is node_exporter, with the same settings."""
    server = "server: {endpoint: http://d/}\n"
    settings = "{enabled: false, endpoint: http://localhost:9100/metrics, timeout: 3s}\n"
    old = load_text(server + "prometheus: " + settings)
    new = load_text(server + "exporters: {node_exporter: " + settings.strip() + "}\n")
    assert old.settings == new.settings


def test_a_list_and_a_mapping_give_the_same_settings() -> None:
    """The two forms of exporters differ in nothing but their paths."""
    server = "server: {endpoint: http://d/}\n"
    listed = load_text(server + "exporters: [{name: a, interval: 5s}, {name: b}]\ndiscovery: {enabled: true}\n")
    mapped = load_text(server + "exporters: {a: {interval: 5s}, b: , discovery: {enabled: true}}\n")
    assert listed.settings == mapped.settings


def test_problems_are_raised_together_and_carry_status_78(tmp_path: Path) -> None:
    """What load_settings raises holds every problem, and ends a command with EX_CONFIG."""
    path = tmp_path / "nodepulse.yml"
    path.write_text("server: {endpoint: x}\nexporters: {}\nfoo: 1\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert [problem.path for problem in caught.value.problems] == ["server.endpoint", "exporters", "foo"]
    assert caught.value.exit_status == 78


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("interval: 5s", (5, 3)),
        ("interval: 1m30s", (90, 3)),
        ("interval: 2s", (2, 2)),
        ("interval: 2s, timeout: 1s", (2, 1)),
        ("", (20, 3)),
    ],
)
def test_interval_and_timeout_have_their_defaults(keys: str, expected: tuple[float, float]) -> None:
    """Without an interval the agent's counts; without a timeout 3s, or the interval if that is shorter."""
    text = f"server: {{endpoint: http://d/}}\nagent: {{interval: 20s}}\nexporters: {{node_exporter: {{{keys}}}}}\n"
    (made,) = target(load_text(text)).targets
    assert (made.interval, made.timeout) == expected


@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_a_config_error(content: bytes) -> None:
    """Whatever a file holds, nothing else is raised."""
    with contextlib.suppress(ConfigError):
        target(load_text(content))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["15s", "http://localhost/", "${SECRET}", "${UNSET}", "node_exporter", "a", "1MiB", "none", "/tmp", "a:1"]  # noqa: S108 - a path that is only read
    )
)
WORDS = st.sampled_from(
    ["server", "endpoint", "timeout", "headers", "tls", "ca_file", "agent", "exporters", "discovery", "name", "type",
     "interval", "retry", "basic_auth", "username", "password", "prometheus", "buffer", "max_bytes", "logging", "file",
     "plugins", "disabled", "api", "listen", "scan_ports", "payload", "<<", "x"]
)  # fmt: skip
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))


@given(st.dictionaries(WORDS, TREES, max_size=6))
def test_any_tree_of_known_words_gives_settings_or_a_config_error(data: dict[str, object]) -> None:
    """Values of any kind at any key are settings, or problems with a path; JSON is YAML, so it serves to write them."""
    said = ""
    try:
        target(load_text(json.dumps(data)))
    except ConfigError as error:
        said = str(error)
    assert all(line.startswith("nodepulse.yml:") for line in said.splitlines())
    assert "hunter2" not in said
