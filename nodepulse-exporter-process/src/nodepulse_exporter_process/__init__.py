"""process_exporter: how many processes each group has, their CPU time and their resident memory.

Metrics as of process-exporter 0.7 (https://github.com/ncabatoff/process-exporter).
"""

from collections.abc import Iterator
from typing import Any

from nodepulse_core import Exporter, Exposition, HTTPExporter, hookimpl

_GROUP = "groupname"


def list_groups(text: str) -> list[dict[str, Any]]:
    """Return an object for each group that has processes, in the order of the text.

    A group whose processes have all ended is still in the text, since counters must not start again; it is left out.
    """
    exposition = Exposition(text)
    groups: dict[str, dict[str, Any]] = {}
    for sample in exposition.samples("namedprocess_namegroup_num_procs"):
        if sample.value > 0:
            name = sample.labels.get(_GROUP, "")
            groups[name] = {"name": name, "num_procs": sample.value}
    for sample in exposition.samples("namedprocess_namegroup_cpu_seconds_total"):
        if group := groups.get(sample.labels.get(_GROUP, "")):
            group["cpu_seconds_total"] = group.get("cpu_seconds_total", 0.0) + sample.value
    for sample in exposition.samples("namedprocess_namegroup_memory_bytes"):
        if sample.labels.get("memtype") == "resident" and (group := groups.get(sample.labels.get(_GROUP, ""))):
            group["memory_bytes"] = sample.value
    return list(groups.values())


def detect(text: str) -> bool:
    """Tell process-exporter's text from others'; it may have no group at all."""
    return bool(Exposition(text).samples("namedprocess_scrape_errors"))


@hookimpl
def nodepulse_exporters() -> Iterator[Exporter]:
    """Bring process_exporter."""
    yield HTTPExporter(
        "process_exporter",
        default_endpoint="http://localhost:9256/metrics",
        snapshot=list_groups,
        detect=detect,
        field_names=("name", "num_procs", "cpu_seconds_total", "memory_bytes"),
    )
