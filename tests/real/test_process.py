"""process_exporter as it runs: two groups of real processes, from the exporter to standard output."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.nodepulse import NODEPULSE, write_config


def test_groups_of_real_processes_are_scraped_by_hand(process_exporter: str, tmp_path: Path) -> None:
    """`nodepulse scrape` shows one object a group, with the processes and the memory that it has."""
    config = write_config(tmp_path, "127.0.0.1:1", {"process_exporter": process_exporter})
    command = [*NODEPULSE, "--config", config, "scrape", "process_exporter"]
    scraped = subprocess.run(command, capture_output=True, check=True)
    groups = {group["name"]: group for group in json.loads(scraped.stdout)["process_exporter"]}
    assert groups.keys() == {"exporter", "sleeper"}
    assert groups["sleeper"]["num_procs"] >= 1
    assert groups["exporter"]["memory_bytes"] > 1024**2
    assert groups["exporter"]["cpu_seconds_total"] >= 0
    assert len({group["timestamp"] for group in groups.values()}) == 1
