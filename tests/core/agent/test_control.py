"""What may be asked of a running agent: each request is done whole, or refused with its reason and nothing changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from nodepulse_core.agent.control import Adopt, Control, DeclaredError, UnknownTargetError
from nodepulse_core.agent.fleet import Fleet, NameTakenError
from nodepulse_core.agent.plan import Wanted
from nodepulse_core.collect import Job
from nodepulse_core.collect.scrape import Scraped
from nodepulse_core.config import AddedTargets, Settings
from nodepulse_core.config.settings import BufferSettings, Server, URLText
from nodepulse_core.errors import ConfigError, NodePulseError, PluginError, Problem, ScrapeError
from nodepulse_core.exporter import Description, HTTPExporter, describe
from nodepulse_core.model import Target
from nodepulse_core.testing.clock import FakeClock

EXPORTER = HTTPExporter("redis_exporter", default_endpoint="http://localhost:9121/metrics", fields={"up": "redis_up"})
SETTINGS = Settings(Server(URLText("http://localhost:8089/")))
DECLARED = Target("declared", "redis_exporter", "http://localhost:1/metrics", 15.0, 3.0)


class Loops:
    """What the fleet knows of collect."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    def add(self, job: Job) -> None:
        """Start a loop."""
        self.running.add(job.target.name)

    async def remove(self, name: str) -> None:
        """End a loop."""
        self.running.remove(name)


class Installed:
    """A registry with one exporter, and another one after a while."""

    def __init__(self) -> None:
        self.later: dict[str, HTTPExporter] = {}
        self._found: dict[str, HTTPExporter] = {"redis_exporter": EXPORTER}

    def refresh(self) -> None:
        """Find what was installed since."""
        self._found |= self.later

    def names(self) -> list[str]:
        """Return its name."""
        return sorted(self._found)

    def load(self, type_: str) -> HTTPExporter:
        """Return it."""
        if type_ not in self._found:
            raise PluginError(f"there is no exporter {type_!r}")
        return self._found[type_]

    def describe(self, type_: str) -> Description:
        """Return what is known of it."""
        return describe(self.load(type_))


@define
class Probe:
    """A scraper of first scrapes: fails with a reason, or waits, as it is told."""

    reason: str | None = None
    gates: dict[str, asyncio.Event] = field(factory=dict)
    asked: list[str] = field(factory=list)

    async def scrape(self, target: Target, *_: object) -> Scraped:
        """Answer as told."""
        self.asked.append(target.name)
        if target.name in self.gates:
            await self.gates[target.name].wait()
        if self.reason:
            raise ScrapeError(self.reason)
        return Scraped(b"", 1)


@define
class Bench:
    """A control with everything that it touches."""

    control: Control
    fleet: Fleet
    loops: Loops
    installed: Installed
    probe: Probe
    state_dir: Path
    wanted: list[Callable[[], Wanted]]
    adopted: list[tuple[Settings, Settings]]

    @property
    def kept(self) -> list[dict[str, Any]]:
        """What is kept on disk."""
        path = self.state_dir / "targets.json"
        return json.loads(path.read_text()) if path.exists() else []


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    """Give a control that has not started; what the file asks for next is the last of `wanted`."""
    return make(tmp_path)


def make(state_dir: Path) -> Bench:
    """Return a bench on a state directory."""
    loops, installed, probe = Loops(), Installed(), Probe()
    wanted: list[Callable[[], Wanted]] = [lambda: Wanted(SETTINGS, (DECLARED,))]
    adopted: list[tuple[Settings, Settings]] = []

    def prepare(old: Settings, new: Settings) -> Adopt:
        if new.server.sender != "dashboard":
            raise NodePulseError(f"server.sender: there is no sender {new.server.sender!r}")

        async def adopt() -> tuple[str, ...]:
            adopted.append((old, new))
            return ("api.listen",) if old != new else ()

        return adopt

    fleet = Fleet(loops, lambda target: installed.load(target.type))  # type: ignore[arg-type]  # what it uses of it
    control = Control(
        fleet=fleet,
        added=AddedTargets(state_dir),
        registry=installed,  # type: ignore[arg-type]  # the same
        exporter=lambda _: EXPORTER,
        scraper=probe,  # type: ignore[arg-type]  # the same
        clock=FakeClock(),
        wanted=wanted[0](),
        reread=lambda: wanted[-1](),  # noqa: PLW0108 - the last of them when it is called, not now
        prepare=prepare,
    )
    return Bench(control, fleet, loops, installed, probe, state_dir, wanted, adopted)


GIVEN = {"name": "added", "type": "redis_exporter", "endpoint": "http://localhost:2/metrics", "interval": "30s"}


async def test_a_target_that_was_added_is_scraped_and_kept(bench: Bench) -> None:
    """After one good scrape it has a loop, and stands in a file that nobody else may read, as it was given."""
    await bench.control.start()
    target = await bench.control.add(GIVEN)
    assert (target.name, target.interval, target.payload) == ("added", 30.0, "snapshot")
    assert bench.loops.running == {"declared", "added"}
    assert bench.kept == [GIVEN]
    assert (bench.state_dir / "targets.json").stat().st_mode & 0o777 == 0o600


async def test_what_was_added_is_there_after_a_restart(bench: Bench) -> None:
    """Another agent on the same state directory scrapes it as well, until it is removed."""
    await bench.control.start()
    await bench.control.add(GIVEN)
    again = make(bench.state_dir)
    await again.control.start()
    assert again.loops.running == {"declared", "added"}
    await again.control.remove("added")
    assert again.loops.running == {"declared"}
    assert again.kept == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "added"}, "no exporter 'added' is installed"),
        ({**GIVEN, "intervall": "1s"}, "target: intervall: unknown key; did you mean 'interval'?"),
        ({**GIVEN, "interval": "1ms"}, "target: interval: '1ms' is too short"),
        ({**GIVEN, "name": "Added"}, "is no name"),
        ({**GIVEN, "enabled": False}, "target: enabled: a target is added to be scraped"),
        ({**GIVEN, "bearer_token_file": "/etc/shadow"}, "bearer_token_file: files are named in the configuration file"),
        ({**GIVEN, "tls": {"ca_file": "/etc/shadow"}}, "tls.ca_file: files are named in the configuration"),
        (
            {**GIVEN, "basic_auth": {"username": "u", "password_file": "/etc/shadow"}},
            "basic_auth.password_file: files are named",
        ),
        ([], "expected an object"),
    ],
)
async def test_a_wrong_target_is_refused(bench: Bench, given: Any, message: str) -> None:
    """Every key is checked as in the file; nothing is scraped, started or kept."""
    await bench.control.start()
    with pytest.raises(ConfigError, match=message.replace("?", r"\?").replace("[", r"\[")):
        await bench.control.add(given)
    assert bench.probe.asked == []
    assert bench.loops.running == {"declared"}
    assert bench.kept == []


async def test_all_that_is_wrong_is_told_at_once(bench: Bench) -> None:
    """Two wrong keys are two problems."""
    with pytest.raises(ConfigError) as caught:
        await bench.control.add({**GIVEN, "interval": "1ms", "payload": "xml"})
    assert [problem.path for problem in caught.value.problems] == ["interval", "payload"]


async def test_the_environment_is_not_expanded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller cannot have a variable of the agent's sent somewhere: references stay text."""
    monkeypatch.setenv("CANARY", "secret")
    target = await bench.control.add({**GIVEN, "headers": {"X-Key": "${CANARY}"}})
    assert target.access.headers == {"X-Key": "${CANARY}"}


async def test_a_target_that_does_not_answer_is_refused_unless_forced(bench: Bench) -> None:
    """The first scrape decides; with force it is not taken."""
    await bench.control.start()
    bench.probe.reason = "cannot connect to localhost:2: connection refused"
    with pytest.raises(ScrapeError, match="connection refused"):
        await bench.control.add(GIVEN)
    assert bench.loops.running == {"declared"}
    await bench.control.add(GIVEN, force=True)
    assert bench.loops.running == {"declared", "added"}


async def test_a_target_that_hangs_holds_up_no_other_caller(bench: Bench) -> None:
    """While the first scrape of one target hangs, others are added and removed."""
    await bench.control.start()
    gate = bench.probe.gates["added"] = asyncio.Event()
    hanging = asyncio.create_task(bench.control.add(GIVEN))
    await asyncio.sleep(0)
    await bench.control.add({**GIVEN, "name": "other"})
    await bench.control.remove("other")
    assert not hanging.done()
    gate.set()
    await hanging
    assert bench.loops.running == {"declared", "added"}


async def test_two_callers_and_one_name(bench: Bench) -> None:
    """Of two that add one name at once, one is told that it is taken, and one is kept."""
    await bench.control.start()
    results = await asyncio.gather(bench.control.add(GIVEN), bench.control.add(GIVEN), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NameTakenError", "Target"]
    assert bench.kept == [GIVEN]


async def test_a_target_that_cannot_be_kept_is_not_added(bench: Bench) -> None:
    """Where the state directory takes no file, the caller is told, and the loop is ended again."""
    await bench.control.start()
    bench.state_dir.joinpath("targets.json").mkdir()
    with pytest.raises(NodePulseError, match=r"targets\.json: Is a directory"):
        await bench.control.add(GIVEN)
    assert bench.loops.running == {"declared"}


async def test_what_the_file_declares_is_not_removed(bench: Bench) -> None:
    """It is refused with the way to do it; an unknown name is refused with the known ones."""
    await bench.control.start()
    with pytest.raises(DeclaredError, match="declared in the configuration file; remove it there, then reload"):
        await bench.control.remove("declared")
    with pytest.raises(UnknownTargetError, match="there is no target 'other'; there are: declared"):
        await bench.control.remove("other")
    with pytest.raises(NameTakenError):
        await bench.control.add({**GIVEN, "name": "declared"})


async def test_a_kept_target_that_cannot_be_used_is_said_and_kept(bench: Bench, said: pytest.LogCaptureFixture) -> None:
    """A kept target whose exporter is gone does not keep the others from starting, and is there for the next start."""
    lost = {"name": "lost", "type": "mysql_exporter"}
    AddedTargets(bench.state_dir).write({"lost": lost, "added": GIVEN})
    await bench.control.start()
    assert bench.loops.running == {"declared", "added"}
    assert "the target lost, added at run time, is not scraped" in said.text
    await bench.control.add({**GIVEN, "name": "third"})
    assert [each["name"] for each in bench.kept] == ["lost", "added", "third"]


@pytest.mark.parametrize("content", ["{", "7", '{"a": 1}', '[{"endpoint": "x"}]', "\xff"])
async def test_a_file_of_kept_targets_that_is_broken_is_never_replaced(
    bench: Bench, content: str, said: pytest.LogCaptureFixture
) -> None:
    """The agent starts with the file's targets, says which file is broken, and leaves it as it is."""
    path = bench.state_dir / "targets.json"
    path.write_text(content, encoding="latin-1")
    await bench.control.start()
    assert bench.loops.running == {"declared"}
    assert str(path) in said.text
    with pytest.raises(NodePulseError, match="holds no list of targets"):
        await bench.control.add(GIVEN)
    assert path.read_text(encoding="latin-1") == content


async def test_a_reload_tells_what_changed_and_what_needs_a_restart(bench: Bench) -> None:
    """Targets are compared, settings are put into force, and the keys that were not are named."""
    await bench.control.start()
    other = Target("new", "redis_exporter", "http://localhost:3/metrics", 15.0, 3.0)
    changed = Settings(SETTINGS.server, buffer=BufferSettings(path=Path("/elsewhere")))
    bench.wanted.append(lambda: Wanted(changed, (DECLARED, other)))
    reloaded = await bench.control.reload()
    assert str(reloaded.change) == "+new =declared"
    assert reloaded.after_restart == ("api.listen",)
    assert bench.adopted == [(SETTINGS, changed)]
    assert str((await bench.control.reload()).change) == "=declared =new"
    assert bench.adopted[-1] == (changed, changed)


async def test_a_wrong_file_changes_nothing(bench: Bench) -> None:
    """All that is wrong is told, and what ran goes on."""
    await bench.control.start()

    def wrong() -> Wanted:
        raise ConfigError([Problem("unknown key", "exporters[0].intervall", 3, 5)], "nodepulse.yml")

    bench.wanted.append(wrong)
    with pytest.raises(ConfigError, match=r"nodepulse.yml:3:5: exporters\[0\].intervall: unknown key"):
        await bench.control.reload()
    assert bench.loops.running == {"declared"}
    assert bench.adopted == []


async def test_settings_that_cannot_be_had_change_nothing(bench: Bench) -> None:
    """A sender that is not installed refuses the whole reload, targets included."""
    await bench.control.start()
    other = Target("new", "redis_exporter", "http://localhost:3/metrics", 15.0, 3.0)
    bench.wanted.append(lambda: Wanted(Settings(Server(SETTINGS.server.endpoint, sender="kafka")), (other,)))
    with pytest.raises(NodePulseError, match="there is no sender 'kafka'"):
        await bench.control.reload()
    assert bench.loops.running == {"declared"}
    assert bench.adopted == []


async def test_an_exporter_that_was_installed_since_the_start_is_found(bench: Bench) -> None:
    """A target of a type that was not there when the agent started can be added without a restart."""
    await bench.control.start()
    given = {"name": "mysql_exporter", "endpoint": "http://localhost:9104/metrics"}
    bench.installed.later["mysql_exporter"] = HTTPExporter("mysql_exporter", default_endpoint="http://localhost:9104/")
    assert (await bench.control.add(given)).type == "mysql_exporter"
