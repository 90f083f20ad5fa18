"""The zoo: all hostile plugins at once in one agent, beside good targets, which notice nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from support.agents import RunningAgent, agent_of
from support.nodepulse import NODEPULSE
from support.plugins import Site
from zoo.animals import ANIMALS, Animal

GOOD = ("good_one", "good_two", "good_apart")
TARGETS = [animal for animal in ANIMALS if animal.running is not None]
REFUSED = [animal for animal in ANIMALS if animal.running is None]
LISTED = [animal for animal in ANIMALS if animal.row is not None]
_SLOTS = 5
_INTERVAL = 2
_PATIENCE = 120.0


class Metrics(BaseHTTPRequestHandler):
    """Answers every GET with one metric."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"# TYPE node_boot_time_seconds gauge\nnode_boot_time_seconds 1\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@frozen
class Zoo:
    """What was seen of one run: rows of `plugins list --load`, answers to what was refused, health, and the log."""

    rows: dict[str, dict[str, Any]]
    refusals: dict[str, str]
    health: dict[str, Any]
    log: str
    reasons: dict[str, list[str]]
    """Of each target every reason that any of its scrapes failed for."""

    def target(self, name: str) -> dict[str, Any]:
        """Return a target's part of the health."""
        (found,) = (each for each in self.health["exporters"] if each["name"] == name)
        return dict(found)


def house(site: Site, animal: Animal) -> None:
    """Install an animal, with whatever belongs to it."""
    module = f"{animal.name}_module"
    exporters = {animal.exporter: module}
    source = animal.module
    entry_points: bytes | None = None
    if animal.name == "twin":
        exporters["other_twin_exporter"] = module
        source += "    other = Odd()\n    other.name = 'other_twin_exporter'\n    yield other\n"
    if animal.name == "clashing":
        site.add("clashing-too", exporters=exporters, clashing_too_module=source)
    if animal.name == "garbled":
        entry_points = b"[nodepulse.exporters]\n\xff\xfe = garbled_module\n"
    site.add(animal.name, exporters=exporters, entry_points=entry_points, **{module: source})


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """Run all of it once: the list, then the agent until every good target has some slots and every animal its say."""
    home = tmp_path_factory.mktemp("zoo")
    listed, unlisted = Site(home / "listed"), Site(home / "unlisted")
    for animal in ANIMALS:
        house(listed if animal.row is not None else unlisted, animal)
    rows = list_plugins(listed.path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            config = write_config(home, f"http://127.0.0.1:{server.server_port}/metrics")
            path = f"PYTHONPATH={listed.path}{os.pathsep}{unlisted.path}"
            with agent_of(config, home / "agent.log", command=["env", path]) as agent:
                refusals = {animal.name: refuse(agent, animal) for animal in REFUSED}
                health = watch(agent)
                assert agent.process.poll() is None
        finally:
            server.shutdown()
    reasons = {
        each["name"]: [outcome["error"] for outcome in each["recent"] if outcome["error"]]
        for each in health["exporters"]
    }
    return Zoo(rows, refusals, health, (home / "agent.log").read_text(), reasons)


def list_plugins(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of `plugins list --load`, by name."""
    command = [*NODEPULSE, "plugins", "list", "--load", "--json"]
    environ = {**os.environ, "PYTHONPATH": str(path)}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    assert ran.returncode == 1, ran.stderr
    return {row["name"]: row for row in json.loads(ran.stdout)}


def write_config(home: Path, endpoint: str) -> Path:
    """Write a configuration of good targets and of all animals that may be targets."""
    config = home / "nodepulse.yml"
    good = [
        f"  - {{name: good_one, type: node_exporter, endpoint: '{endpoint}', interval: 2s}}\n",
        f"  - {{name: good_two, type: prometheus, endpoint: '{endpoint}', interval: 2s}}\n",
        f"  - {{name: good_apart, type: node_exporter, endpoint: '{endpoint}', interval: 2s, isolation: process}}\n",
    ]
    odd = [
        f"  - {{name: {each.name}, type: {each.exporter}, interval: 2s, timeout: 1s, isolation: {each.isolation}"
        f"{each.more}}}\n"
        for each in TARGETS
    ]
    config.write_text(
        "server: {endpoint: 'http://127.0.0.1:1/in'}\n"
        f"agent: {{state_dir: '{home}', server_id: zoo}}\n"
        f"exporters:\n{''.join(good)}{''.join(odd)}"
        "buffer: {min_free_bytes: 1MiB}\napi: {listen: '127.0.0.1:0'}\n"
    )
    return config


def refuse(agent: RunningAgent, animal: Animal) -> str:
    """Return why an animal is refused as a target of the running agent."""
    given = {"name": animal.name, "type": animal.exporter, "isolation": animal.isolation}
    asked = urllib.request.Request(agent.url + "/api/exporters", json.dumps(given).encode(), method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(asked, timeout=_PATIENCE)
    assert caught.value.code == 400
    return caught.value.read().decode()


def watch(agent: RunningAgent) -> dict[str, Any]:
    """Return the health, with its history, once there is enough of it to judge all of them."""
    end = time.monotonic() + _PATIENCE
    while True:
        health: dict[str, Any] = agent.read("/health?history=1")
        seen = {each["name"]: each for each in health["exporters"]}
        enough = all(seen[name]["scrapes"] - seen[name]["failures"] >= _SLOTS for name in GOOD)
        failed = all(seen[each.name]["failures"] for each in TARGETS if each.running)
        if enough and failed:
            return health
        if time.monotonic() > end:
            pytest.fail(f"not all of them had their say: {health}")
        time.sleep(0.2)


@pytest.mark.parametrize("animal", LISTED, ids=lambda animal: animal.name)
def test_the_list_says_what_is_wrong_with_it(zoo: Zoo, animal: Animal) -> None:
    """`plugins list --load` has a row for each, ok or with the reason in words."""
    row = zoo.rows.get(animal.exporter) or zoo.rows[animal.name]
    assert row["status"] == ("broken" if animal.row else "ok"), row
    assert re.fullmatch(str(animal.row), row["error"] or ""), row["error"]


@pytest.mark.parametrize("animal", TARGETS, ids=lambda animal: animal.name)
def test_the_health_says_what_it_does(zoo: Zoo, animal: Animal) -> None:
    """While it runs, every scrape of it that fails fails with its own reason; what does no harm does not fail."""
    for reason in zoo.reasons[animal.name]:
        waits = "its process has not imported" in reason or "it is started again in" in reason
        assert waits or re.fullmatch(str(animal.running), re.sub(r" \(tried.*\)", "", reason)), reason
    assert bool(zoo.reasons[animal.name]) == bool(animal.running)


@pytest.mark.parametrize("animal", REFUSED, ids=lambda animal: animal.name)
def test_it_is_refused_with_its_reason(zoo: Zoo, animal: Animal) -> None:
    """What cannot be loaded is no target, also at run time; who asks is told why, and so is the health."""
    said = json.dumps(json.loads(zoo.refusals[animal.name]), ensure_ascii=False)
    wanted = animal.row if animal.row is not None else "its process exited with status 3"
    if animal.name == "garbled":  # its name cannot even be read
        wanted = "no exporter 'garbled_exporter' is installed"
    assert re.search(wanted.replace("'", "['\"]*"), said), said
    known = {each["name"]: each["error"] for each in zoo.health["plugins"]}
    assert known.get(animal.exporter) or known[animal.name]


@pytest.mark.parametrize("name", GOOD)
def test_the_others_keep_their_slots(zoo: Zoo, name: str) -> None:
    """From the first on that was stored, no slot of a good target failed or was skipped."""
    target = zoo.target(name)
    slots = [outcome["slot"] for outcome in target["recent"] if outcome["error"] is None]
    times = [datetime.fromisoformat(slot).timestamp() for slot in slots]
    assert len(slots) >= _SLOTS
    assert {later - earlier for earlier, later in pairwise(times)} == {_INTERVAL}
    if name != "good_apart":  # its process has to be started first, on a machine that is busy with all of these
        assert target["failures"] == target["skipped"] == 0, zoo.reasons[name]


def test_what_is_patched_at_import_is_put_back_and_said(zoo: Zoo) -> None:
    """Streams, the working directory and the log are the agent's again; the log names who turned them over."""
    assert "patching_exporter of patching 1.0 turned over" in zoo.log
    assert "ended: stored" in zoo.log


def test_nobody_was_said_to_hold_the_loop(zoo: Zoo) -> None:
    """What would block the event loop did so in a process of its own."""
    assert zoo.health["holds"] == []
    assert {each["target"] for each in zoo.health["processes"]} >= {"good_apart", "dying", "spinning"}
