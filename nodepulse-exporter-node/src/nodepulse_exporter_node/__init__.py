"""node_exporter: the host's CPU, memory, disks, network, load and processes.

Metrics as of node_exporter 1.x (https://github.com/prometheus/node_exporter). Devices are physical ones only, whole
disks and not their partitions, so that nothing is counted twice and the choice never changes between scrapes.
"""

from collections.abc import Iterator

from nodepulse_core import Age, Count, Exporter, Field, First, HTTPExporter, Integer, hookimpl

from nodepulse_exporter_node.host import HostCollector

_DISKS = '{device=~"(sd|vd|xvd|hd)[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+"}'
_NETWORK = '{device!~"lo|docker.*|veth.*|virbr.*|br-.*|cni.*|flannel.*"}'
_ROOT = '{mountpoint="/",fstype!~"tmpfs|devtmpfs|overlay|squashfs|devfs"}'
_OVERLAY_ROOT = '{mountpoint="/",fstype="overlay"}'


def _cpu(mode: str) -> str:
    return f'node_cpu_seconds_total{{mode="{mode}"}}'


def _memory(name: str) -> Integer:
    return Integer(f"node_memory_{name}_bytes")


def _disk(name: str) -> Integer:
    return Integer(f"node_disk_{name}{_DISKS}")


def _network(name: str) -> Integer:
    return Integer(f"node_network_{name}_total{_NETWORK}")


def _root(name: str) -> Integer:
    return Integer(First(f"node_filesystem_{name}_bytes{_ROOT}", f"node_filesystem_{name}_bytes{_OVERLAY_ROOT}"))


FIELDS: dict[str, str | Field] = {
    **{f"cpu_{mode}_seconds": _cpu(mode) for mode in ("idle", "iowait", "system", "user", "steal")},
    "cpu_cores": Integer(Count("node_cpu_seconds_total", by="cpu")),
    "memory_total_bytes": _memory("MemTotal"),
    "memory_available_bytes": _memory("MemAvailable"),
    "memory_free_bytes": _memory("MemFree"),
    "memory_cached_bytes": _memory("Cached"),
    "memory_buffers_bytes": _memory("Buffers"),
    "memory_active_bytes": _memory("Active"),
    "memory_inactive_bytes": _memory("Inactive"),
    "swap_total_bytes": _memory("SwapTotal"),
    "swap_free_bytes": _memory("SwapFree"),
    "swap_cached_bytes": _memory("SwapCached"),
    "disk_total_bytes": _root("size"),
    "disk_free_bytes": _root("free"),
    "disk_available_bytes": _root("avail"),
    "disk_reads_completed_total": _disk("reads_completed_total"),
    "disk_writes_completed_total": _disk("writes_completed_total"),
    "disk_read_bytes_total": _disk("read_bytes_total"),
    "disk_written_bytes_total": _disk("written_bytes_total"),
    "disk_io_time_seconds_total": f"node_disk_io_time_seconds_total{_DISKS}",
    **{
        f"network_{way}_{what}_total": _network(f"{way}_{what}")
        for way in ("receive", "transmit")
        for what in ("bytes", "packets", "errs", "drop")
    },
    "load_1min": "node_load1",
    "load_5min": "node_load5",
    "load_15min": "node_load15",
    "processes_running": Integer("node_procs_running"),
    "processes_blocked": Integer("node_procs_blocked"),
    "processes_total": Integer("node_forks_total"),
    "uptime_seconds": Integer(Age("node_boot_time_seconds")),
    # The same values under the names of the first dashboards.
    "load_average_1m": "node_load1",
    "load_average_5m": "node_load5",
    "load_average_15m": "node_load15",
    "disk_read_bytes": _disk("read_bytes_total"),
    "disk_write_bytes": _disk("written_bytes_total"),
    "network_receive_bytes": _network("receive_bytes"),
    "network_transmit_bytes": _network("transmit_bytes"),
}


@hookimpl
def nodepulse_exporters() -> Iterator[Exporter]:
    """Bring node_exporter."""
    yield HTTPExporter(
        "node_exporter",
        default_endpoint="http://localhost:9100/metrics",
        fields=FIELDS,
        collectors={"host": HostCollector()},
    )
