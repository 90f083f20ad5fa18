"""`nodepulse demo`: the whole path on this machine, in one process group that ends together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path

import click

from nodepulse_core.cli.commands import find_commands
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import NodePulseError
from nodepulse_core.plugins import Registry
from nodepulse_core.units import format_duration, parse_duration

_INTERVAL = 2
_PATIENCE = 20.0
_POLL = 0.1
_END = 6.0
_SOURCE = "node_exporter"
_BRINGS = {"dashboard": "nodepulse-dashboard", "node-source": "nodepulse-exporter-node"}
"""The commands of plugins that it runs, and the distributions that bring them."""

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
    for number in (signal.SIGTERM, signal.SIGHUP):  # they end it as Ctrl-C does: its processes and files go with it
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    _run(context, seconds)
    click.echo("the demo has ended, and its files are gone")


def _run(context: Context, seconds: float | None) -> None:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nodepulse-demo-")))
        try:
            processes = _begin(context, seconds, home, stack)
            _watch(processes, seconds, home)
        except KeyboardInterrupt:
            click.echo("\nending…")


def _begin(context: Context, seconds: float | None, home: Path, stack: ExitStack) -> list[_Child]:
    """Start all parts, each when the one before answers, and say where to look; the stack ends them."""
    endpoints = _find_exporters(context)
    _check_commands(context, ["dashboard"] if _SOURCE in endpoints else ["dashboard", "node-source"])
    processes: list[_Child] = []
    if _SOURCE not in endpoints:
        listen = _free_address()
        click.echo(f"no node_exporter answers here: reading /proc instead, at http://{listen}/metrics")
        processes.append(stack.enter_context(_child(["node-source", "--listen", listen], home / "source.log")))
        endpoints[_SOURCE] = f"http://{listen}/metrics"
        _await(endpoints[_SOURCE], processes[-1], home / "source.log")
    dashboard, agent = _free_address(), _free_address()
    arguments = ["dashboard", "--listen", dashboard, "--database", str(home / "dashboard.sqlite")]
    processes.append(stack.enter_context(_child(arguments, home / "dashboard.log")))
    _await(f"http://{dashboard}/", processes[-1], home / "dashboard.log")
    configuration = _write_configuration(home, f"http://{dashboard}/metrics/prometheus", agent, endpoints)
    processes.append(stack.enter_context(_child(["--config", str(configuration), "start"], home / "agent.log")))
    _await(f"http://{agent}/health", processes[-1], home / "agent.log")
    _tell({"look here": f"http://{dashboard}/", "the agent": f"http://{agent}/health"}, home, endpoints, seconds)
    return processes


def _check_commands(context: Context, needed: Sequence[str]) -> None:
    """Raise NodePulseError, with what to install, where a command is missing that the demo runs."""
    context.host.load_behaviour()
    there = find_commands(context.host)
    missing = [_BRINGS[name] for name in needed if name not in there]
    if missing:
        raise NodePulseError(
            f"the demo needs what is not installed, broken or disabled; try: pip install {' '.join(missing)}"
        )


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
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows what is on this machine
    try:
        with direct.open(url, timeout=2) as response:
            return bool(response.status == 200)  # noqa: PLR2004 - OK
    except (OSError, ValueError, HTTPException):
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
            process_group=0,  # a Ctrl-C in the terminal is this process's, which ends its parts in their order
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C: at once, but all of it
            process.kill()
            process.wait()


def _await(url: str, process: _Child, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > end:
            raise NodePulseError(f"{url} does not answer, so the demo cannot run; what it said: {_read_log(log)}")
        time.sleep(_POLL)


def _write_configuration(home: Path, endpoint: str, agent: str, exporters: dict[str, str]) -> Path:
    configuration = {
        "server": {"endpoint": endpoint},
        "agent": {"state_dir": str(home)},
        "api": {"listen": agent},
        "exporters": [
            {"name": name, "endpoint": url, "interval": f"{_INTERVAL}s"} for name, url in sorted(exporters.items())
        ],
        "buffer": {"drain_jitter": "0s", "min_free_bytes": "1MiB"},
    }
    path = home / "nodepulse.yml"
    path.write_text(json.dumps(configuration, indent=2).replace("$", "$$"))  # JSON is YAML
    return path


def _tell(pages: Mapping[str, str], home: Path, exporters: dict[str, str], seconds: float | None) -> None:
    click.echo()
    for name, url in pages.items():
        click.secho(f"  {name + ':':<11} {url}", bold=True)
    click.echo(f"  scraped:    {', '.join(exporters)}, every {_INTERVAL}s")
    click.echo(f"  buffer:     {home / 'buffer'}")
    click.echo(f"  log:        {home / 'agent.log'}")
    ends = f"in {format_duration(seconds)}, or with Ctrl-C" if seconds else "with Ctrl-C"
    click.echo(f"  it ends     {ends}\n")


def _watch(processes: list[_Child], seconds: float | None, home: Path) -> None:
    """Wait for the end; raises NodePulseError where a part ends before its time."""
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        for process in processes:
            if process.poll() is not None:
                what = f"a part of the demo ended with status {process.returncode}: {process.args!r}"
                raise NodePulseError(f"{what}; the agent said: {_read_log(home / 'agent.log')}")
        time.sleep(_POLL)


def _read_log(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-2000:] or "nothing"
