"""The labels plugin in a running agent: what it adds, what it says, and what becomes of a mistake."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.environment import Environment
from support.nodepulse import await_latest, await_logged, running_dashboard, write_config
from support.programs import await_text, free_port, running

PLUGIN = "nodepulse-plugin-labels"
LABELS = "environment=production,role=database"


@contextlib.contextmanager
def an_application(home: Path) -> Iterator[str]:
    """Serve one metric from a file; give its endpoint."""
    (home / "metrics").write_text("app_up 1\n")
    port = free_port()
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(home), str(port)]
    with running(serve, home / "application.log"):
        await_text(f"http://127.0.0.1:{port}/metrics", contains="app_up", log=home / "application.log")
        yield f"http://127.0.0.1:{port}/metrics"


def test_labels_reach_the_dashboard_and_failures_are_counted(environment: Environment, tmp_path: Path) -> None:
    """What is delivered has the labels; the log has the tally when a target is down."""
    log = tmp_path / "agent.log"
    with (
        running_dashboard(tmp_path) as dashboard,
        an_application(tmp_path) as endpoint,
        environment.with_installed(PLUGIN),
    ):
        config = write_config(tmp_path, dashboard, {"app": endpoint, "gone": "http://127.0.0.1:1/metrics"})
        with running(
            [environment.nodepulse, "--config", str(config), "start"], log, environ={"NODEPULSE_LABELS": LABELS}
        ) as agent:
            (snapshot,) = await_latest(dashboard, "app", log)
            await_logged(log, "environment=production role=database; ")
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(6) == 0, log.read_text()
    assert (snapshot["environment"], snapshot["role"]) == ("production", "database")
    assert snapshot["raw_text"].startswith("app_up 1 ")
    assert re.search(
        r"environment=production role=database; (batches sent: \d+, )?scrapes failed: 1\b", log.read_text()
    )


def test_its_command_is_there(environment: Environment) -> None:
    """`nodepulse labels` shows the labels, and the help lists the command."""
    with environment.with_installed(PLUGIN):
        shown = environment.run(environment.nodepulse, "labels", NODEPULSE_LABELS=LABELS)
        helped = environment.run(environment.nodepulse, "--help", NODEPULSE_LABELS=LABELS)
    assert shown.stdout == "environment=production\nrole=database\n"
    assert "Show the labels that are added to everything sent." in helped.stdout


@pytest.mark.parametrize("labels", ["role", "Role=database"])
def test_a_mistake_is_shown_and_stops_nothing(labels: str, environment: Environment, tmp_path: Path) -> None:
    """With wrong labels the plugin is a broken row with its reason; what is scraped has no labels, and is all there."""
    with an_application(tmp_path) as endpoint, environment.with_installed(PLUGIN):
        config = write_config(tmp_path, "127.0.0.1:1", {"app": endpoint})
        scrape = [environment.nodepulse, "--config", config, "scrape", "app"]
        scraped = environment.run(*scrape, NODEPULSE_LABELS=labels)
        listed = environment.run(environment.nodepulse, "plugins", "list", "--load", NODEPULSE_LABELS=labels)
        helped = environment.run(environment.nodepulse, "--help", NODEPULSE_LABELS=labels)
    assert "broken" in listed.stdout
    assert "NODEPULSE_LABELS" in listed.stderr
    assert helped.returncode == 0
    assert "Show the labels" not in helped.stdout
    assert scraped.returncode == 0
    assert json.loads(scraped.stdout)["app"][0].keys() == {"timestamp", "raw_text"}
