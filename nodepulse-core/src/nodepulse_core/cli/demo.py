"""`nodepulse demo`: the whole path on this machine, in one process group that ends together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from nodepulse_core.cli.context import Context
from nodepulse_core.errors import NodePulseError
from nodepulse_core.plugins import Registry
from nodepulse_core.units import format_duration, parse_duration

_INTERVAL = 2
_PATIENCE = 20.0
_POLL = 0.1
_END = 6.0
_SOURCE = "node_exporter"


_Child = subprocess.Popen[bytes]


def _parse_seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option(
    "--for", "seconds", callback=_parse_seconds, metavar="DURATION", help="End by itself after that long, such as 30s."
)
@click.pass_obj
def demo(context: Context, seconds: float | None) -> None:
    """Run the agent, the reference dashboard and a page to look at, on nothing but this machine.

    Exporters that answer at their default endpoints are scraped. Where no node_exporter does, this host's own
    metrics are read from /proc. Everything is kept in a temporary directory, which goes with the demo.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nodepulse-demo-")))
        endpoints = _find_exporters(context)
        processes: list[_Child] = []
        if _SOURCE not in endpoints:
            listen = _free_address()
            click.echo(f"no node_exporter answers here: reading /proc instead, at http://{listen}/metrics")
            processes.append(stack.enter_context(_child(["node-source", "--listen", listen], home / "source.log")))
            endpoints[_SOURCE] = f"http://{listen}/metrics"
            _await(endpoints[_SOURCE], processes[-1], home / "source.log")
        dashboard = _free_address()
        arguments = ["dashboard", "--listen", dashboard, "--database", str(home / "dashboard.sqlite")]
        processes.append(stack.enter_context(_child(arguments, home / "dashboard.log")))
        _await(f"http://{dashboard}/", processes[-1], home / "dashboard.log")
        api = _free_address()
        configuration = _write_configuration(home, f"http://{dashboard}/metrics/prometheus", endpoints, api)
        processes.append(stack.enter_context(_child(["--config", str(configuration), "start"], home / "agent.log")))
        _tell(dashboard, api, home, endpoints, seconds)
        _watch(processes, seconds)
    click.echo("the demo has ended, and its files are gone")


def _find_exporters(context: Context) -> dict[str, str]:
    """Return the default endpoints of installed exporters that answer now."""
    registry = Registry(context.host)
    found = {}
    for name in registry.names():
        exporter = registry.find(name)
        if exporter is not None and _answers(exporter.default_endpoint):
            found[name] = exporter.default_endpoint
    return found


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - an installed exporter's http endpoint, or our own
            return bool(response.status == 200)  # noqa: PLR2004 - OK
    except (OSError, ValueError):
        return False


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def _child(arguments: Sequence[str], log: Path) -> Iterator[_Child]:
    """Run a subcommand of this very program, and end it, kindly at first, when the demo ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "nodepulse_core", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(url: str, process: _Child, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > end:
            said = log.read_text(errors="replace").strip()[-2000:]
            raise NodePulseError(f"{url} does not answer, so the demo cannot run; what it said: {said or 'nothing'}")
        time.sleep(_POLL)


def _write_configuration(home: Path, endpoint: str, exporters: dict[str, str], api: str) -> Path:
    path = home / "nodepulse.yml"
    lines = [f"  - {{name: {name}, endpoint: '{url}', interval: {_INTERVAL}s}}" for name, url in exporters.items()]
    path.write_text(
        f"server: {{endpoint: '{endpoint}'}}\n"
        f"agent: {{state_dir: '{home}'}}\n"
        "exporters:\n" + "\n".join(lines) + "\n"
        "buffer: {drain_jitter: 0s, min_free_bytes: 1MiB}\n"
        f"api: {{listen: '{api}'}}\n"
    )
    return path


def _tell(dashboard: str, api: str, home: Path, exporters: dict[str, str], seconds: float | None) -> None:
    click.secho(f"\n  look here:  http://{dashboard}/", bold=True)
    click.echo(f"  the agent:  http://{api}/health")
    click.echo(f"  scraped:    {', '.join(exporters)}, every {_INTERVAL}s")
    click.echo(f"  buffer:     {home / 'buffer'}")
    click.echo(f"  log:        {home / 'agent.log'}")
    ends = f"in {format_duration(seconds)}, or with Ctrl-C" if seconds else "with Ctrl-C"
    click.echo(f"  it ends     {ends}\n")


def _watch(processes: list[_Child], seconds: float | None) -> None:
    """Wait for the end, a Ctrl-C, or a process that ends before its time."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    until = None if seconds is None else time.monotonic() + seconds
    try:
        while until is None or time.monotonic() < until:
            for process in processes:
                if process.poll() is not None:
                    raise NodePulseError(f"a part of the demo ended with status {process.returncode}: {process.args!r}")
            time.sleep(_POLL)
    except KeyboardInterrupt:
        click.echo("\nending…")
