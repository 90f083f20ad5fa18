"""The root command: complete help, exit statuses, sentences instead of tracebacks."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from nodepulse_core.cli.commands import BUILT_IN, import_built_in
from nodepulse_core.cli.main import nodepulse
from support.command import NODEPULSE, Command
from support.plugins import HOOK

GREETER = (
    HOOK
    + """
import click
@click.command("hello")
def hello():
    "Greet whoever asks."
    click.echo("hello")
@hookimpl
def nodepulse_commands():
    yield hello
"""
)


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all below it, each with how it is called."""
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from walk(inner, f"{path} {name}")


COMMANDS = dict(pair for name in BUILT_IN for pair in walk(import_built_in(name), name))


@pytest.mark.parametrize("path", COMMANDS)
def test_help_is_complete(path: str) -> None:
    """Every command begins with a sentence, every option says what it does, every argument is in the help."""
    command = COMMANDS[path]
    text = command.get_help(click.Context(command, info_name=path))
    first = (command.help or "").strip().partition("\n")[0]
    assert first.endswith((".", ";", ":", ",")) or "." in (command.help or "")
    assert first[:1].isupper()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts}"
            assert parameter.help.endswith((".", ")")), parameter.help
        else:
            assert str(parameter.metavar or parameter.name).upper() in text


@pytest.mark.parametrize("path", COMMANDS)
def test_help_needs_no_configuration(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has configured nothing yet, or has a broken configuration, can read every command's help."""
    monkeypatch.delenv("NODEPULSE_CONFIG", raising=False)
    monkeypatch.delenv("NODEPULSE_DISABLED_PLUGINS", raising=False)
    (broken := tmp_path / "nodepulse.yml").write_text("{")
    for config in (tmp_path / "nowhere.yml", broken):
        ended = CliRunner().invoke(nodepulse, ["--config", str(config), *path.split(), "--help"])
        assert ended.exception is None, ended.exception
        assert (ended.exit_code, ended.stdout.startswith("Usage: ")) == (0, True)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_list_of_commands_is_true(name: str) -> None:
    """Each built-in command is called as it is listed, and its summary is a sentence."""
    assert import_built_in(name).name == name
    assert BUILT_IN[name].endswith(".")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--version",), 0),
        (("--help",), 0),
        (("plugins", "list", "--help"), 0),
        (("plugins", "list"), 0),
        ((), 2),
        (("plugins", "list", "--nonsense"), 2),
        (("scrape", "no_such_target_at_all"), 2),
        (("status", "extra"), 2),
        (("--config", "/nowhere/nodepulse.yml", "config", "check"), 78),
        (("--config", "/nowhere/nodepulse.yml", "start"), 78),
        (("buffer", "--path", "/nowhere", "ls"), 1),
    ],
)
def test_exit_statuses(command: Command, arguments: tuple[str, ...], expected: int) -> None:
    """0 done, 1 failed, 2 wrong usage, 78 wrong configuration; each failure with a sentence on standard error."""
    ended = command.run(*arguments)
    assert ended.returncode == expected
    assert bool(ended.stderr) == bool(expected)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("plugin", "No such command 'plugin'. Did you mean 'plugins'?"),
        ("helo", "No such command 'helo'. Did you mean 'hello'?"),
        ("zzzzzz", "No such command 'zzzzzz'. A plugin that brings it may not be installed."),
    ],
)
def test_an_unknown_command_is_wrong_usage_with_a_hint(command: Command, word: str, hint: str) -> None:
    """A near miss of a built-in command, or of one that a plugin brings, is pointed out."""
    command.site.add("greeter", plugins={"greeter": "greeter_module"}, greeter_module=GREETER)
    ended = command.run(word)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert hint in ended.stderr


def test_a_plugin_brings_a_command(command: Command) -> None:
    """It is listed with its summary, apart from the built-in ones, and runs."""
    command.site.add("greeter", plugins={"greeter": "greeter_module"}, greeter_module=GREETER)
    listed = command.run("--help").stdout.partition("Commands of plugins:")[2]
    assert "hello" in listed
    assert "Greet whoever asks." in listed
    ended = command.run("hello")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "hello\n", "")


def test_what_a_plugins_command_returns_is_no_exit_status(command: Command) -> None:
    """A command that returns a number has not failed for that."""
    source = GREETER.replace('click.echo("hello")', "return 5")
    command.site.add("greeter", plugins={"greeter": "greeter_module"}, greeter_module=source)
    assert command.run("hello").returncode == 0


def test_a_built_in_command_is_never_replaced(command: Command) -> None:
    """A plugin's command of a built-in name, and one of a name that two bring, is left out, with both named."""
    start = GREETER.replace('"hello"', '"start"')
    command.site.add("usurper", plugins={"usurper": "usurper"}, usurper=start)
    for name in ("one", "two"):
        command.site.add(name, plugins={name: f"greeter_{name}"}, **{f"greeter_{name}": GREETER})
    ended = command.run("hello")
    assert ended.returncode == 2
    assert "warning: one of one 1.0 and two of two 1.0 both bring 'hello'; neither is used" in ended.stderr
    assert "warning: usurper of usurper 1.0: 'start' is built in, and nothing takes its place" in ended.stderr
    assert "Run the agent" in command.run("start", "--help").stdout


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        ("5", "nodepulse_commands registers int, where a click command is due"),
        ("click.Command(None)", "where a click command is due"),
        ("type('Bad', (click.Command,), {'get_short_help_str': lambda *_, **__: 1 / 0})('bad')", "ZeroDivisionError"),
    ],
)
def test_what_is_no_command_breaks_its_plugin(command: Command, registered: str, reason: str) -> None:
    """An object that is no click command, or raises where it is listed, is said, and the help is shown."""
    source = GREETER.replace("yield hello", f"yield {registered}")
    command.site.add("greeter", plugins={"greeter": "greeter_module"}, greeter_module=source)
    ended = command.run("--help")
    assert ended.returncode == 0
    assert "warning: greeter of greeter 1.0 is broken:" in ended.stderr
    assert reason in ended.stderr
    assert "start" in ended.stdout
    assert "hello" not in ended.stdout


def test_a_defect_in_a_plugins_command_is_named(command: Command) -> None:
    """The traceback of a plugin's own defect ends with whose it is."""
    source = GREETER.replace('click.echo("hello")', "1 / 0")
    command.site.add("greeter", version="1.2", plugins={"greeter": "greeter_module"}, greeter_module=source)
    process = command.start("hello")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.rstrip().endswith("the command 'hello' is of greeter 1.2, a plugin: please tell its authors")


def test_what_is_disabled_brings_no_command(command: Command) -> None:
    """Neither the environment's nor the configuration's disabled plugins are imported for the list of commands."""
    source = "raise SystemExit('imported')"
    for name in ("first", "second"):
        command.site.add(name, plugins={name: f"module_{name}"}, **{f"module_{name}": source})
    command.configure(
        "server: {endpoint: 'http://localhost:1'}\nexporters: [{name: a, endpoint: 'http://localhost:1'}]\n"
        "plugins: {disabled: [second]}\n"
    )
    both = command.run("--help", environ={"NODEPULSE_DISABLED_PLUGINS": "other, first"})
    assert (both.returncode, both.stderr) == (0, "")
    one = command.run("--help")
    assert "first of first 1.0" in one.stderr
    assert "second" not in one.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("plugins", "list", "--json")])
def test_a_closed_pipe_ends_it_quietly(command: Command, arguments: tuple[str, ...]) -> None:
    """Where the reader has gone, as with `| head -1`, nothing is said on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*NODEPULSE, *arguments],
        env=command.environ,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert ended.stderr == ""
    assert ended.returncode == 1


@pytest.mark.parametrize(("environ", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_no_color_is_obeyed(command: Command, environ: dict[str, str], colored: bool) -> None:
    """On a terminal there is colour, unless NO_COLOR is set and not empty."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*NODEPULSE, "plugins", "list"],
        env=command.environ | environ,
        stdout=follower,
        stderr=follower,
        cwd=command.home,
    )
    os.close(follower)
    said = b""
    while True:
        try:
            piece = os.read(leader, 65_536)
        except OSError:  # how a terminal says that its other end has gone
            break
        if not piece:
            break
        said += piece
    os.close(leader)
    assert process.wait(60) == 0
    assert b"node_exporter" in said
    assert (b"\x1b[" in said) == colored


def test_a_terminal_without_utf8_gets_no_traceback(command: Command) -> None:
    """Signs that the output's encoding lacks are escaped."""
    command.site.add("one", exporters={"a_exporter": "a"}, metadata="Name: 名\nVersion: 1.0\n")
    ended = command.run("plugins", "list", environ={"PYTHONIOENCODING": "latin-1"})
    assert ended.returncode == 0
    assert "\\u540d" in ended.stdout


def test_ctrl_c_ends_it_with_130_even_if_a_plugin_swallows_it(command: Command) -> None:
    """While a plugin's import goes on and on, Ctrl-C is the user's, whatever the plugin makes of it."""
    source = (
        "import sys, time\nprint('importing', file=sys.stderr, flush=True)\n"
        "try:\n    time.sleep(60)\nexcept BaseException:\n    raise SystemExit('mine')\n"
    )
    command.site.add("slow", plugins={"slow": "slow_module"}, slow_module=source)
    process = command.start("--help")
    assert process.stderr is not None
    assert process.stderr.readline() == "importing\n"
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - asked < 30
    assert "Traceback" not in said
