"""`nodepulse start`: nothing begins on a wrong configuration, and the log goes where it belongs."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import Command
from support.plugins import HOOK
from support.programs import free_port

PATIENCE = 30.0


def configure(command: Command, exporter: str = "http://127.0.0.1:1", more: str = "") -> None:
    """Write a configuration that keeps all below the home; its dashboard is not there."""
    command.configure(
        f"server: {{endpoint: 'http://127.0.0.1:1/in'}}\n"
        f"agent: {{state_dir: '{command.home}/state'}}\n"
        f"api: {{listen: '127.0.0.1:{free_port()}'}}\n"
        f"exporters: [{{name: app, endpoint: '{exporter}/metrics', interval: 1s}}]\n"
        f"buffer: {{min_free_bytes: 1MiB, drain_jitter: 0s}}\n{more}"
    )


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def run_until(command: Command, true: Callable[[], bool]) -> tuple[int, str, str]:
    """Run the agent until something is true, end it, and return its status, output and errors."""
    with (command.home / "out").open("w") as out, (command.home / "err").open("w") as err:
        process = command.start("start", stdout=out, stderr=err)
    try:
        until(lambda: true() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
    return status, (command.home / "out").read_text(), (command.home / "err").read_text()


def read(path: Path) -> str:
    """Return what a file holds so far."""
    return path.read_text() if path.exists() else ""


def test_all_errors_are_said_and_nothing_is_begun(command: Command) -> None:
    """Errors of the file and of its targets come at once with their places, and no file or directory is made."""
    command.site.add("bad", version="3", exporters={"bad_exporter": "bad_module"}, bad_module="raise SystemExit")
    command.configure(
        f"server: {{endpoint: 'http://127.0.0.1:1', timeouts: 3s}}\n"
        f"agent: {{state_dir: '{command.home}/state'}}\n"
        f"exporters:\n"
        f"  - {{name: bad_exporter}}\n"
        f"  - {{name: nowhere_exporter}}\n"
        f"  - {{name: app, endpoint: 'http://127.0.0.1:1', interval: 10ms}}\n"
        f"logging: {{output: both, file: {{path: '{command.home}/log/np.log'}}}}\n"
    )
    before = {path.name for path in command.home.iterdir()}
    ended = command.run("start")
    assert (ended.returncode, ended.stdout) == (78, "")
    places = [line.split(": ")[0] for line in ended.stderr.splitlines()]
    assert [place.split(":")[1] for place in places] == ["1", "4", "5", "6"]
    assert "did you mean 'timeout'?" in ended.stderr
    assert "bad_exporter of bad 3 is broken: importing bad_module raised SystemExit" in ended.stderr
    assert {path.name for path in command.home.iterdir()} == before


@pytest.mark.parametrize("style", ["logfmt", "json"])
def test_the_log_goes_to_standard_output(command: Command, exporter: str, style: str) -> None:
    """The default is standard output; every line is in the configured format, and standard error is empty."""
    configure(command, exporter, f"logging: {{format: {style}}}\n")
    status, out, err = run_until(command, lambda: "delivery" in read(command.home / "out"))
    assert (status, err) == (0, "")
    for line in out.splitlines():
        if style == "json":
            assert {"time", "level", "logger", "msg"} <= set(json.loads(line))
        else:
            assert line.startswith("time=")


def test_the_log_goes_to_a_file_and_to_both(command: Command, exporter: str) -> None:
    """With `file` standard output is empty; with `both` it says what the file does."""
    log = command.home / "log" / "np.log"
    for output in ("file", "both"):
        configure(command, exporter, f"logging: {{output: {output}, file: {{path: '{log}'}}}}\n")
        log.unlink(missing_ok=True)
        status, out, err = run_until(command, lambda: "delivery" in read(log))
        assert (status, err) == (0, "")
        assert out == (log.read_text() if output == "both" else "")
        assert "ended: stored" in log.read_text()


def test_an_agent_that_cannot_begin_says_why_and_no_more(command: Command) -> None:
    """Where its address is in use, that is all that it says, with status 1: nothing has begun that could have ended."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command.configure(
            "server: {endpoint: 'http://127.0.0.1:1/in'}\nexporters: [{name: app, endpoint: 'http://127.0.0.1:1/'}]\n"
            f"agent: {{state_dir: '{command.home}/state'}}\napi: {{listen: '127.0.0.1:{port}'}}\n"
        )
        ended = command.run("start")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"nodepulse: cannot listen on 127.0.0.1:{port}: it is in use")


def test_the_log_rotates_as_configured(command: Command) -> None:
    """The file is rotated at its size, compressed, and bounded in number."""
    source = HOOK + (
        "import logging\nlog = logging.getLogger('nodepulse_core.noisy')\n@hookimpl\n"
        "def nodepulse_scrape_failed():\n    for _ in range(3000):\n        log.info('x' * 1000)\n"
    )
    command.site.add("noisy", plugins={"noisy": "noisy_module"}, noisy_module=source)
    log = command.home / "np.log"
    file = f"{{path: '{log}', max_size_mb: 1, max_backups: 2, compress: true}}"
    configure(command, more=f"logging: {{output: file, file: {file}}}\n")
    status, _, err = run_until(command, (command.home / "np.log.2.gz").exists)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in command.home.glob("np.log*")) == ["np.log", "np.log.1.gz", "np.log.2.gz"]
    assert len(gzip.decompress((command.home / "np.log.1.gz").read_bytes())) <= 1024**2


def test_a_log_that_cannot_be_written_is_said_at_the_start(command: Command) -> None:
    """A path that cannot be a log is status 1 and one sentence."""
    configure(command, more="logging: {output: file, file: {path: /proc/nodepulse/np.log}}\n")
    ended = command.run("start")
    assert ended.returncode == 1
    assert ended.stderr.startswith("nodepulse: cannot write the log to /proc/nodepulse/np.log: ")


def test_what_a_target_says_cannot_forge_a_line(command: Command) -> None:
    """A reason with line breaks and escapes, as an exporter may raise it, stays on the line of its event."""
    source = HOOK + (
        "class Forger:\n    name, default_endpoint, default_interval = 'forger_exporter', 'http://localhost:1', 15\n"
        "    async def scrape(self, target, http):\n"
        "        raise ValueError('x\\ntime=2020-01-01 level=info msg=forged \\x1b[2J \\u2028y \\udcff')\n"
        "    def snapshot(self, text): pass\n    def detect(self, text): pass\n"
        "@hookimpl\ndef nodepulse_exporters():\n    yield Forger()\n"
    )
    command.site.add("forger", exporters={"forger_exporter": "forger_module"}, forger_module=source)
    configure(command)
    path = command.home / "nodepulse.yml"
    path.write_text(path.read_text().replace("exporters: [", "exporters: [{name: forger_exporter}, "))
    status, out, err = run_until(command, lambda: "forged" in read(command.home / "out"))
    assert (status, err) == (0, "")
    assert all(line.startswith("time=20") for line in out.splitlines())
    assert not [line for line in out.splitlines() if line.startswith("time=2020")]
    assert "\x1b" not in out


def test_a_broken_plugin_of_behaviour_is_said_and_the_rest_goes_on(command: Command, exporter: str) -> None:
    """A plugin that exits at import is a warning in the log; a target is scraped, and another plugin is called."""
    mark = command.home / "failed"
    command.site.add("bad", version="3", plugins={"bad": "bad_module"}, bad_module="raise SystemExit(0)")
    source = (
        HOOK + f"import pathlib\n@hookimpl\ndef nodepulse_scrape_failed(target):\n"
        f"    pathlib.Path({str(mark)!r}).write_text(target.name)\n    raise KeyboardInterrupt\n"
    )
    command.site.add("good", plugins={"good": "good_module"}, good_module=source)
    configure(command, exporter)
    path = command.home / "nodepulse.yml"
    path.write_text(
        path.read_text().replace("exporters: [", "exporters: [{name: off, endpoint: 'http://127.0.0.1:1'}, ")
    )
    entries = command.home / "state" / "buffer" / "app"
    status, out, err = run_until(command, lambda: mark.exists() and len(list(entries.glob("*.prom"))) > 1)
    assert (status, err) == (0, "")
    assert mark.read_text() == "off"
    assert "bad of bad 3 is broken: importing bad_module raised SystemExit: 0; the rest goes on" in out
    assert "good of good 1.0: nodepulse_scrape_failed raised KeyboardInterrupt (1 times so far)" in out


def test_an_agent_whose_output_nobody_reads_goes_on(command: Command, exporter: str) -> None:
    """Where the reader of standard output has gone, as with `| head -1`, it says so once, and scrapes on."""
    configure(command, exporter, "logging: {level: debug}\n")
    reading, writing = os.pipe()
    with (command.home / "err").open("w") as errors:
        process = command.start("start", stdout=writing, stderr=errors)
    os.close(writing)
    os.close(reading)
    entries = command.home / "state" / "buffer" / "app"
    try:
        until(lambda: len(list(entries.glob("*.prom"))) > 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    said = (command.home / "err").read_text().splitlines()
    assert len(said) == 1
    assert said[0].startswith("nodepulse: cannot write the log to standard output: Broken pipe")
