"""From settings and installed exporters to targets; what is wrong is held by the files of test_bad."""

from __future__ import annotations

from pathlib import Path

import pytest
from core.config.cases import INSTALLED, load_text, target
from nodepulse_core import HTTPExporter
from nodepulse_core.config import make_targets
from nodepulse_core.model import Access, BasicAuth, Retry, Target, Tls

SERVER = "server: {endpoint: http://d/}\n"


def test_a_target_carries_all_that_its_keys_say() -> None:
    """Every key of an exporter reaches the target."""
    keys = (
        "name: web, type: redis_exporter, endpoint: http://x/, interval: 1m, timeout: 2s, payload: raw, "
        "retry: {max_attempts: 2, backoff: none}, headers: {A: b}, basic_auth: {username: u, password: p}, "
        "tls: {insecure_skip_verify: true}, max_body_size: 1MiB, sample_limit: 5"
    )
    (made,) = target(load_text(f"{SERVER}exporters: [{{{keys}}}]\n")).targets
    assert made == Target(
        name="web",
        type="redis_exporter",
        endpoint="http://x/",
        interval=60.0,
        timeout=2.0,
        payload="raw",
        retry=Retry(2, "none"),
        access=Access({"A": "b"}, BasicAuth("u", "p"), None, Tls(insecure_skip_verify=True)),
        max_body_size=2**20,
        sample_limit=5,
    )


def test_a_token_file_reaches_the_target() -> None:
    """It is read when a request is made, and not before."""
    (made,) = target(load_text(f"{SERVER}exporters: {{node_exporter: {{bearer_token_file: /nowhere}}}}\n")).targets
    assert made.access.bearer_token_file == Path("/nowhere")


def test_the_agents_interval_comes_before_the_exporters() -> None:
    """Own, then the agent's, then the exporter's, then 15s for what has no exporter."""
    exporters = "exporters: {node_exporter: {interval: 5s}, redis_exporter: , app: {endpoint: http://x/}}\n"
    load = {name: HTTPExporter(name, default_endpoint="http://e/", default_interval="40s") for name in INSTALLED}
    found = []
    for agent in ("agent: {interval: 20s}\n", ""):
        made = make_targets(load_text(SERVER + agent + exporters), INSTALLED, load.__getitem__)
        found.append([each.interval for each in made.targets])
    assert found == [[5, 20, 20], [5, 40, 15]]


def test_only_exporters_that_are_needed_are_loaded() -> None:
    """A target that is disabled, or generic, loads none."""
    loaded: list[str] = []

    def load(name: str) -> HTTPExporter:
        loaded.append(name)
        return HTTPExporter(name, default_endpoint="http://e/")

    exporters = "exporters: {node_exporter: {enabled: false}, redis_exporter: , app: {endpoint: http://x/}}\n"
    make_targets(load_text(SERVER + exporters), INSTALLED, load)
    assert loaded == ["redis_exporter"]


@pytest.mark.parametrize("name", ["app", "kafka_exporter", "note_importer"])
def test_what_is_no_near_miss_gets_no_warning(name: str) -> None:
    """Any name with an endpoint is a generic target; only one that looks like a slip of the pen is worth a word."""
    made = target(load_text(f"{SERVER}exporters: {{{name}: {{endpoint: http://x/}}}}\n"))
    assert made.warnings == ()
    assert made.targets[0].type == "prometheus"
    assert made.targets[0].payload == "raw"
