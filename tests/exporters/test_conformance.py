"""Every exporter of this repository, and of its examples, by the suite that everyone's are held to."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path

import nodepulse_exporter_postgres
import pytest
from nodepulse_core import Target, write_exposition
from nodepulse_core.model import Access, BasicAuth
from nodepulse_core.plugins import EXPORTERS
from nodepulse_core.testing import ExporterSuite
from nodepulse_core.testing.checks.recognition import known_texts
from nodepulse_core.testing.project import read_project
from nodepulse_exporter_node.host import read_host
from nodepulse_exporter_redis.info import read_info
from support.oracle import EXPOSITIONS
from support.repository import ROOT
from support.servers import postgres_home, postgres_server

FIXTURES = ROOT / "tests" / "fixtures"
EXAMPLES = ROOT / "examples"


async def _ask_postgres(port: int) -> str:
    (exporter,) = nodepulse_exporter_postgres.nodepulse_exporters()
    owner = Access(basic_auth=BasicAuth("postgres", "trusted"))
    target = Target("t", exporter.name, f"postgresql://127.0.0.1:{port}/postgres", 15.0, 5.0, access=owner)
    try:
        return (await exporter.scrape(target, None)).decode()  # type: ignore[arg-type]  # nothing is fetched
    finally:
        await exporter.close()


class TestNode(ExporterSuite):
    """node_exporter, and `host:`."""

    exporter = "node_exporter"
    project = ROOT / "nodepulse-exporter-node"
    recorded = EXPOSITIONS / "node_exporter-1.5.0.prom"
    fractions = (
        *(f"cpu_{mode}_seconds" for mode in ("idle", "iowait", "system", "user", "steal")),
        *("load_1min", "load_5min", "load_15min", "load_average_1m", "load_average_5m", "load_average_15m"),
        "disk_io_time_seconds_total",
    )

    def made(self) -> str:
        """Return what is read of the recorded host."""
        return write_exposition(read_host(FIXTURES / "host"))


class TestPostgres(ExporterSuite):
    """postgres_exporter, and PostgreSQL asked directly."""

    exporter = "postgres_exporter"
    project = ROOT / "nodepulse-exporter-postgres"
    recorded = EXPOSITIONS / "postgres_exporter-0.11.1.prom"
    fractions = ("pg_cache_hit_ratio",)
    endpoints = ("postgresql://127.0.0.1:{port}/postgres",)

    def made(self) -> str:
        """Return what is asked of a real server."""
        with postgres_home() as home, postgres_server(home) as server:
            return asyncio.run(_ask_postgres(server.port))


class TestRedis(ExporterSuite):
    """redis_exporter, and Redis asked directly."""

    exporter = "redis_exporter"
    project = ROOT / "nodepulse-exporter-redis"
    recorded = EXPOSITIONS / "redis_exporter-1.45.0.prom"
    endpoints = ("redis://127.0.0.1:{port}", "rediss://127.0.0.1:{port}")

    def made(self) -> str:
        """Return what is read of a recorded INFO."""
        return write_exposition(read_info((FIXTURES / "info" / "redis-7.0.15-primary.txt").read_text()))


class TestProcess(ExporterSuite):
    """process_exporter, whose snapshot has several objects."""

    exporter = "process_exporter"
    project = ROOT / "nodepulse-exporter-process"
    recorded = EXPOSITIONS / "process_exporter-0.7.10.prom"
    fractions = ("cpu_seconds_total",)


class TestMysql(ExporterSuite):
    """The example to publish."""

    exporter = "mysql_exporter"
    project = EXAMPLES / "nodepulse-exporter-mysql"
    recorded = project / "tests" / "mysqld_exporter-0.14.0.prom"


class TestNginx(ExporterSuite):
    """The smallest example."""

    exporter = "nginx_exporter"
    project = EXAMPLES / "nodepulse-exporter-nginx"
    recorded = project / "tests" / "nginx_exporter-0.11.0.prom"


SUITES = (TestNode, TestPostgres, TestRedis, TestProcess, TestMysql, TestNginx)


def test_every_exporter_is_held_to_it() -> None:
    """No exporter of this repository, and no example of one, is left out."""
    folders = [*ROOT.glob("nodepulse-exporter-*"), *EXAMPLES.glob("nodepulse-exporter-*")]
    declared = [plugin for folder in folders for plugin in read_project(folder).plugins]
    brought = {plugin.name for plugin in declared if plugin.group == EXPORTERS}
    assert {suite.exporter for suite in SUITES} == brought


@pytest.mark.parametrize("suite", SUITES)
def test_the_kit_knows_its_text(suite: type[ExporterSuite]) -> None:
    """What the kit shows to others as this exporter's text is recognised by it: the kit's texts are no strawmen."""
    subject = suite()._subject()
    with subject.project.importable() if subject.project else nullcontext():
        assert subject.exporter.detect(known_texts()[suite.exporter])


@pytest.mark.parametrize("suite", SUITES)
def test_it_is_looked_for_on_this_machine(suite: type[ExporterSuite]) -> None:
    """By default an exporter is asked at localhost, under /metrics, as upstream's answer."""
    subject = suite()._subject()
    with subject.project.importable() if subject.project else nullcontext():
        default = subject.exporter.default_endpoint
    assert default.startswith("http://localhost:")
    assert default.endswith("/metrics")


@pytest.mark.parametrize("suite", SUITES)
def test_it_recognises_no_whole_text_of_another(suite: type[ExporterSuite]) -> None:
    """An exporter detects nothing that was recorded of another, whole."""
    subject = suite()._subject()
    with subject.project.importable() if subject.project else nullcontext():
        for other in SUITES:
            if other is not suite:
                assert isinstance(other.recorded, Path)
                assert not subject.exporter.detect(other.recorded.read_text())
