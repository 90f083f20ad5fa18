"""`nodepulse demo`: the whole path on this machine, in processes that end together."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from nodepulse_core.cli.commands import find_commands
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.parts import EndAskedError, Parts, answers
from nodepulse_core.errors import NodePulseError
from nodepulse_core.units import format_duration, parse_duration

_INTERVAL = 2
_SOURCE = "node_exporter"
_BRINGS = {"dashboard": "nodepulse-dashboard", "node-source": "nodepulse-exporter-node"}
"""The commands of plugins that it runs, and the distributions that bring them."""


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
    with tempfile.TemporaryDirectory(prefix="nodepulse-demo-") as home, Parts() as parts:
        try:
            _begin(context, parts, Path(home), seconds)
            parts.watch(seconds)
        except EndAskedError:
            click.echo("\nending…")
    click.echo("the demo has ended, and its files are gone")


def _begin(context: Context, parts: Parts, home: Path, seconds: float | None) -> None:
    """Start all parts, each when the one before answers, and say where to look."""
    endpoints = _find_exporters(context)
    _check_commands(context, ["dashboard"] if _SOURCE in endpoints else ["dashboard", "node-source"])
    if _SOURCE not in endpoints:
        listen = _free_address()
        click.echo(f"no node_exporter answers here: reading /proc instead, at http://{listen}/metrics")
        endpoints[_SOURCE] = f"http://{listen}/metrics"
        parts.start(["node-source", "--listen", listen], home / "source.log")
        parts.await_answer(endpoints[_SOURCE])
    dashboard, agent = _free_address(), _free_address()
    arguments = ["dashboard", "--listen", dashboard, "--database", str(home / "dashboard.sqlite")]
    parts.start(arguments, home / "dashboard.log")
    parts.await_answer(f"http://{dashboard}/")
    configuration = _write_configuration(home, f"http://{dashboard}/metrics/prometheus", agent, endpoints)
    parts.start(["--config", str(configuration), "start"], home / "agent.log")
    parts.await_answer(f"http://{agent}/health")
    _tell({"look here": f"http://{dashboard}/", "the agent": f"http://{agent}/health"}, home, endpoints, seconds)


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
    registry = context.make_registry()
    found = {}
    for name in registry.names():
        exporter = registry.find(name)
        if exporter is not None and answers(exporter.default_endpoint):
            found[name] = exporter.default_endpoint
    return found


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


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
