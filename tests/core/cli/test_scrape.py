"""`nodepulse scrape`: one scrape to standard output, or one sentence on what is wrong with it."""

from __future__ import annotations

import json
import signal
import time

import pytest
from support.command import Command
from support.plugins import HOOK
from support.programs import free_port

EXPORTER = (
    HOOK
    + """
import asyncio, time
async def forever():
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:
            pass
class Own:
    name, default_endpoint, default_interval = "own_exporter", "http://localhost:1/x", 15
    async def scrape(self, target, http):
        print("printed by the exporter")
        {scrape}
    def snapshot(self, text):
        {snapshot}
    def detect(self, text):
        return True
@hookimpl
def nodepulse_exporters():
    yield Own()
"""
)


def install(command: Command, scrape: str = "return b'up 1\\n'", snapshot: str = "return {'up': 1}") -> None:
    """Install an exporter that scrapes and makes snapshots by those statements."""
    source = EXPORTER.replace("{scrape}", scrape).replace("{snapshot}", snapshot)
    command.site.add("own", version="1.2", exporters={"own_exporter": "own_module"}, own_module=source)


def configure(command: Command, *exporters: str) -> None:
    """Write a configuration with those exporters."""
    lines = "".join(f"  - {{{each}}}\n" for each in exporters)
    command.configure(f"server: {{endpoint: 'http://localhost:1'}}\nexporters:\n{lines}")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_configured_target_is_shown_as_it_would_be_sent(
    command: Command, exporter: str, options: tuple[str, ...]
) -> None:
    """The default is JSON, keyed as on the wire, with the slot as its timestamp."""
    configure(command, f"name: app, endpoint: '{exporter}/metrics'")
    ended = command.run("scrape", "app", *options)
    assert (ended.returncode, ended.stderr) == (0, "")
    (snapshot,) = json.loads(ended.stdout)["app"]
    assert "up 1 " in snapshot["raw_text"]
    assert snapshot["timestamp"].endswith("Z")


def test_raw_is_the_stamped_exposition(command: Command, exporter: str) -> None:
    """With --raw the text is what would be stored: every sample carries the slot."""
    configure(command, f"name: app, endpoint: '{exporter}/metrics'")
    lines = command.run("scrape", "app", "--raw").stdout.splitlines()
    stamps = {int(line.split()[2]) for line in lines if not line.startswith("#")}
    assert [line.split()[0] for line in lines if not line.startswith("#")] == ["up", "big"]
    (stamp,) = stamps
    assert abs(stamp / 1000 - time.time()) < 60
    assert stamp % 1000 == 0


def test_a_target_that_is_not_enabled_can_be_tried(command: Command, exporter: str) -> None:
    """What is not enabled yet is scraped all the same, and what is wrong with another target is left aside."""
    configure(
        command,
        f"name: app, enabled: false, endpoint: '{exporter}/metrics'",
        "name: other, type: nothing_installed_exporter, endpoint: 'http://localhost:1'",
    )
    assert command.run("scrape", "app").returncode == 0


def test_an_exporter_is_scraped_at_its_default_without_a_configuration(command: Command) -> None:
    """An installed exporter's name is enough; what it prints goes to standard error."""
    install(command)
    ended = command.run("scrape", "own_exporter")
    assert ended.returncode == 0
    (snapshot,) = json.loads(ended.stdout)["own_exporter"]
    assert snapshot["up"] == 1
    assert ended.stderr == "printed by the exporter\n"


def test_transforms_are_part_of_what_would_be_sent(command: Command) -> None:
    """Plugins of behaviour change what is shown, as they change what is sent."""
    install(command)
    transform = HOOK + "@hookimpl\ndef nodepulse_transform(snapshot):\n    print('printed')\n    return {'down': 0}\n"
    command.site.add("turn", plugins={"turn": "turn_module"}, turn_module=transform)
    (snapshot,) = json.loads(command.run("scrape", "own_exporter").stdout)["own_exporter"]
    assert {name for name in snapshot if name != "timestamp"} == {"down"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/html", "it answers with an HTML page; is the path of the endpoint right (often /metrics)?"),
        ("/error", "it answers 500 Internal Server Error"),
        ("/moved", "it redirects (302)"),
        ("/empty", "its exposition holds no sample"),
        ("/broken", "line 2"),
        ("/hang", "no answer within 300ms"),
    ],
)
def test_what_is_wrong_is_one_sentence(command: Command, exporter: str, path: str, reason: str) -> None:
    """A failed scrape is status 1, nothing on standard output, and one line that names endpoint and reason."""
    configure(command, f"name: app, endpoint: '{exporter}{path}', timeout: 300ms")
    ended = command.run("scrape", "app")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"nodepulse: cannot scrape app at {exporter}{path}: ")
    assert reason in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_refused_connection_is_said(command: Command) -> None:
    """Where nothing listens the address and the reason are named."""
    port = free_port()
    configure(command, f"name: app, endpoint: 'http://127.0.0.1:{port}/metrics'")
    assert f"cannot connect to 127.0.0.1:{port}: connection refused" in command.run("scrape", "app").stderr


@pytest.mark.parametrize(
    ("scrape", "snapshot", "reason"),
    [
        ("raise SystemExit(5)", "pass", "own_exporter raised SystemExit: 5"),
        ("raise KeyboardInterrupt", "pass", "own_exporter raised KeyboardInterrupt"),
        ("return 5", "pass", "its exporter returned int, where bytes of an exposition are due"),
        ("await forever()", "pass", "no answer within 3s"),
        ("return b'up 1\\n'", "return 5", "own_exporter returned no dict and no list of dicts"),
        ("return b'up 1\\n'", "raise SystemExit(6)", "own_exporter raised SystemExit: 6"),
        ("return b'up 1\\n'", "return {'a': object()}", "its snapshot cannot be made"),
    ],
)
def test_an_exporter_that_fails_is_named(command: Command, scrape: str, snapshot: str, reason: str) -> None:
    """Whatever a plugin's exporter does, the command ends with a sentence; also where its scrape never ends."""
    install(command, scrape, snapshot)
    ended = command.run("scrape", "own_exporter")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert reason in ended.stderr


def test_an_unknown_name_lists_those_that_are_known(command: Command, exporter: str) -> None:
    """Targets, also those that are not enabled, and installed exporters are known."""
    configure(command, f"name: app, enabled: false, endpoint: '{exporter}/metrics'")
    ended = command.run("scrape", "ap")
    assert ended.returncode == 2
    assert "there is no target or exporter 'ap'; known: app, node_exporter, " in ended.stderr


def test_a_broken_exporter_says_why(command: Command) -> None:
    """A plugin that cannot be imported is named with its distribution."""
    command.site.add("bad", version="3", exporters={"bad_exporter": "bad_module"}, bad_module="import no_such_driver")
    ended = command.run("scrape", "bad_exporter")
    assert ended.returncode == 1
    assert "bad_exporter of bad 3 is broken: importing bad_module raised ModuleNotFoundError" in ended.stderr
    assert "pip install no_such_driver" in ended.stderr


def test_a_wrong_configuration_is_78(command: Command) -> None:
    """A configuration that cannot be used is said with its place, and nothing is scraped."""
    command.configure("server: {endpoint: 'ftp://x'}\nexporters: [{name: app}]\n")
    ended = command.run("scrape", "app")
    assert ended.returncode == 78
    assert "nodepulse.yml:1:" in ended.stderr


def test_ctrl_c_ends_it(command: Command) -> None:
    """While an exporter takes its time, Ctrl-C ends the command, with 130 and without a traceback."""
    install(command, "import sys; print('begun', file=sys.stderr, flush=True); await asyncio.sleep(60)")
    command.configure(
        "server: {endpoint: 'http://localhost:1'}\nexporters: [{name: own_exporter, timeout: 60s, interval: 60s}]\n"
    )
    process = command.start("scrape", "own_exporter")
    assert process.stderr is not None
    while "begun" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
