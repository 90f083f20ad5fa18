"""`host:`: a host's metrics from its /proc, against numbers that stand there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from nodepulse_core import ScrapeError, Target, write_exposition
from nodepulse_core.exposition import stamp
from nodepulse_exporter_node import nodepulse_exporters
from nodepulse_exporter_node.host import read_host
from support.oracle import Labels, read_series

HOST = Path(__file__).parent.parent / "fixtures" / "host"
SLOT = 1_800_000_000


def values(root: Path, metric: str, **labels: str) -> list[float]:
    """Return the values of a metric's series that have these labels."""
    series = read_series(write_exposition(read_host(root)))
    return [value for name, has, value in series if name == metric and labels.items() <= has.items()]


def value(metric: str, **labels: str) -> float:
    """Return the one value of the recorded host."""
    (only,) = values(HOST, metric, **labels)
    return only


def target(endpoint: str) -> Target:
    """Return a target of node_exporter."""
    return Target("node", "node_exporter", endpoint, interval=15.0, timeout=3.0)


async def scrape(endpoint: str) -> str:
    """Return what a scrape gives."""
    (exporter,) = nodepulse_exporters()
    return (await exporter.scrape(target(endpoint), None)).decode()  # type: ignore[arg-type]  # nothing is fetched


async def test_every_field_of_the_snapshot_is_read(tmp_path: Path) -> None:
    """A snapshot of `host:` has all 46 fields; sums, units and the choice of devices are those of node_exporter."""
    root = shutil.copytree(HOST, tmp_path / "root")
    (exporter,) = nodepulse_exporters()
    text = stamp((await scrape(f"host:{root}")).encode(), SLOT)[0].decode()
    snapshot = exporter.snapshot(text)
    assert isinstance(snapshot, dict)
    assert len(snapshot) == 46
    expected = {
        "cpu_idle_seconds": 400,
        "cpu_user_seconds": 10,
        "cpu_system_seconds": 3,
        "cpu_iowait_seconds": 0.5,
        "cpu_steal_seconds": 0.08,
        "cpu_cores": 2,
        "memory_total_bytes": 16_384_000_000,
        "memory_available_bytes": 9_216_000_000,
        "memory_free_bytes": 4_096_000_000,
        "memory_cached_bytes": 5_120_000_000,
        "memory_buffers_bytes": 102_400_000,
        "memory_active_bytes": 6_144_000_000,
        "memory_inactive_bytes": 3_072_000_000,
        "swap_total_bytes": 2_048_000_000,
        "swap_free_bytes": 2_046_976_000,
        "swap_cached_bytes": 12_288,
        "disk_reads_completed_total": 110,
        "disk_writes_completed_total": 240,
        "disk_read_bytes_total": 2020 * 512,
        "disk_written_bytes_total": 4050 * 512,
        "disk_io_time_seconds_total": 3.57,
        "network_receive_packets_total": 1003,
        "network_transmit_bytes_total": 2009,
        "network_transmit_errs_total": 19,
        "network_receive_drop_total": 7,
        "load_1min": 0.5,
        "load_5min": 1.25,
        "load_15min": 2,
        "processes_running": 3,
        "processes_blocked": 2,
        "processes_total": 54321,
        "uptime_seconds": 100_000_000,
    }
    assert {name: snapshot[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    usage = shutil.disk_usage(root)
    assert snapshot["disk_total_bytes"] == usage.total


@pytest.mark.parametrize(
    ("metric", "labels", "expected"),
    [
        ("node_cpu_seconds_total", {"cpu": "10", "mode": "softirq"}, 0.03),
        ("node_cpu_guest_seconds_total", {"cpu": "0", "mode": "user"}, 0.06),
        ("node_cpu_guest_seconds_total", {"cpu": "0", "mode": "nice"}, 0.07),
        ("node_intr_total", {}, 123456789),
        ("node_context_switches_total", {}, 987654321),
        ("node_memory_Active_anon_bytes", {}, 1_024_000_000),
        ("node_memory_HugePages_Total", {}, 4),
        ("node_memory_Hugepagesize_bytes", {}, 2_097_152),
        ("node_disk_reads_merged_total", {"device": "nvme0n1"}, 5),
        ("node_disk_read_time_seconds_total", {"device": "nvme0n1"}, 1.5),
        ("node_disk_io_now", {"device": "nvme0n1"}, 1),
        ("node_disk_io_time_weighted_seconds_total", {"device": "sda"}, 0.08),
        ("node_disk_discarded_sectors_total", {"device": "nvme0n1"}, 9),
        ("node_disk_flush_requests_time_seconds_total", {"device": "nvme0n1"}, 0.012),
        ("node_network_receive_bytes_total", {"device": "eth0"}, 2.0**64),
        ("node_network_receive_frame_total", {"device": "eth0"}, 5),
        ("node_network_receive_multicast_total", {"device": "eth0"}, 7),
        ("node_network_transmit_colls_total", {"device": "eth0"}, 11),
        ("node_network_transmit_carrier_total", {"device": "eth0"}, 12),
        ("node_network_transmit_compressed_total", {"device": "eth0:1"}, 16),
        ("node_filesystem_readonly", {"mountpoint": "/gone disk"}, 1),
        ("node_filesystem_device_error", {"mountpoint": "/gone disk"}, 1),
        ("node_filesystem_device_error", {"mountpoint": "/", "fstype": "ext4"}, 0),
    ],
)
def test_each_kind_of_number_is_read(metric: str, labels: Labels, expected: float) -> None:
    """Columns, units and labels are node_exporter's."""
    assert value(metric, **labels) == expected


def test_partitions_loops_and_ram_are_no_disks() -> None:
    """Only whole block devices are read, and an old kernel's missing columns are left out, not zero."""
    assert len(values(HOST, "node_disk_reads_completed_total")) == 2
    assert values(HOST, "node_disk_discards_completed_total", device="sda") == []


def test_only_file_systems_with_data_of_this_machine_are_asked() -> None:
    """Remote, pseudo and container file systems are left out; the last one mounted at a place counts."""
    series = read_series(write_exposition(read_host(HOST)))
    mounts = {(has["mountpoint"], has["fstype"]) for name, has, _ in series if name == "node_filesystem_readonly"}
    assert mounts == {("/", "ext4"), ("/gone disk", "xfs")}


def test_a_file_that_cannot_be_read_leaves_its_metrics_out(tmp_path: Path) -> None:
    """What is missing or garbled is absent, and said to have failed; the rest is there."""
    root = shutil.copytree(HOST, tmp_path / "root")
    (root / "proc" / "loadavg").unlink()
    (root / "proc" / "stat").write_text("cpu0 one two\n")
    assert values(root, "node_load1") == []
    assert values(root, "node_cpu_seconds_total") == []
    assert values(root, "node_memory_MemTotal_bytes") == [16_384_000_000]
    assert values(root, "node_scrape_collector_success", collector="loadavg") == [0]
    assert values(root, "node_scrape_collector_success", collector="stat") == [0]
    assert values(root, "node_scrape_collector_success", collector="meminfo") == [1]


def test_own_mounts_stand_in_for_those_that_are_hidden(tmp_path: Path) -> None:
    """Where the first process is hidden (hidepid), the file systems are those that this process sees."""
    root = shutil.copytree(HOST, tmp_path / "root")
    (root / "proc" / "1").rename(root / "proc" / "self")
    assert values(root, "node_filesystem_readonly", mountpoint="/") == [0]


async def test_nothing_to_read_is_a_reason(tmp_path: Path) -> None:
    """A root without a /proc fails the scrape and names it, instead of giving a host without metrics."""
    with pytest.raises(ScrapeError, match=f"nothing of a host can be read below {tmp_path}/proc"):
        await scrape(f"host:{tmp_path}")


@pytest.mark.parametrize("endpoint", ["host:rootfs", "host://localhost/"])
async def test_an_endpoint_that_is_no_host_is_refused(endpoint: str) -> None:
    """Only `host:` and an absolute path are hosts; the error shows how they are written."""
    with pytest.raises(ScrapeError, match="is no host; write host: or host:/rootfs"):
        await scrape(endpoint)


async def test_this_machine_is_read() -> None:
    """`host:` alone is the machine that the test runs on."""
    text = await scrape("host:")
    assert "node_memory_MemTotal_bytes " in text
    assert 'node_scrape_collector_success{collector="stat"} 1' in text
