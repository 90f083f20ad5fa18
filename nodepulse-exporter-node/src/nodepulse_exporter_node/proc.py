"""What the files of /proc say, as families in node_exporter's names and labels.

Each function takes a file's text. Those that differ in nothing but columns are tables.

Source: proc(5); the kernel's Documentation/admin-guide/iostats.rst; the metrics of node_exporter 1.x, whose choice of
block devices and file systems this is too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from attrs import frozen
from nodepulse_core import Family

Labels = dict[str, str]

_TICKS = os.sysconf("SC_CLK_TCK")
_SECTOR = 512
_KIB = 1024
_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_GUEST_MODES = ("user", "nice")
_NO_DISK = re.compile(r"(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+")
_OCTAL = re.compile(r"\\([0-7]{3})")
_NO_MOUNTPOINT = re.compile(
    r"/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)(/.*)?", re.DOTALL
)
# What holds no data of its own. The overlay stays: it is the root of a container.
_NO_FILESYSTEM = re.compile(
    r"autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs"
    r"|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs"
)
# A dead server would hang statvfs on these, and with it the whole scrape.
_REMOTE = re.compile(r"nfs\d?|cifs|smb\d?|9p|ceph|glusterfs|afs|fuse(\..*)?")


def gauge(name: str, help_: str, value: float) -> Family:
    """Return a gauge of one series without labels."""
    return Family(name, "gauge", help_, (({}, value),))


def _counter(name: str, help_: str, value: float) -> Family:
    return Family(name, "counter", help_, (({}, value),))


def parse_stat(text: str) -> list[Family]:
    """Return what /proc/stat holds: CPU seconds by cpu and mode, boot time, switches, interrupts, processes."""
    seconds: list[tuple[Labels, float]] = []
    guests: list[tuple[Labels, float]] = []
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        name, first, *rest = line.split()
        if not name.startswith("cpu"):
            numbers[name] = int(first)
        elif (cpu := name[3:]).isdecimal():
            ticks = [int(each) / _TICKS for each in (first, *rest)]
            seconds += [({"cpu": cpu, "mode": mode}, spent) for mode, spent in zip(_CPU_MODES, ticks, strict=False)]
            guests += [
                ({"cpu": cpu, "mode": mode}, spent)
                for mode, spent in zip(_GUEST_MODES, ticks[len(_CPU_MODES) :], strict=False)
            ]
    return [
        Family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", tuple(seconds)),
        Family("node_cpu_guest_seconds_total", "counter", "Seconds the CPUs spent in guests (VMs).", tuple(guests)),
        gauge("node_boot_time_seconds", "Node boot time, in unixtime.", numbers["btime"]),
        _counter("node_context_switches_total", "Total number of context switches.", numbers["ctxt"]),
        _counter("node_intr_total", "Total number of interrupts serviced.", numbers["intr"]),
        _counter("node_forks_total", "Total number of forks.", numbers["processes"]),
        gauge("node_procs_running", "Number of processes in runnable state.", numbers["procs_running"]),
        gauge("node_procs_blocked", "Number of processes blocked waiting for I/O.", numbers["procs_blocked"]),
    ]


def parse_meminfo(text: str) -> list[Family]:
    """Return what /proc/meminfo holds, in bytes; counts that have no unit are left as they are."""
    families = []
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        value, *unit = rest.split()
        name = f"node_memory_{_memory_name(key)}_bytes" if unit else f"node_memory_{_memory_name(key)}"
        families.append(gauge(name, f"Memory information field {key}.", int(value) * (_KIB if unit else 1)))
    return families


def _memory_name(key: str) -> str:
    return key.replace("(", "_").replace(")", "") if key[-1] == ")" else key


def parse_loadavg(text: str) -> list[Family]:
    """Return the three loads of /proc/loadavg."""
    loads = text.split()[:3]
    return [
        gauge(f"node_load{span}", f"{span}m load average.", float(load))
        for span, load in zip((1, 5, 15), loads, strict=True)
    ]


@frozen
class Column:
    """One column of a table with a row for each device: its metric, and what a number in it is multiplied with."""

    name: str
    place: int
    help: str
    factor: int = 1
    per: int = 1
    type: str = "counter"

    def read(self, row: list[str]) -> float:
        """Return the value of a row, in the metric's unit."""
        value = int(row[self.place]) * self.factor
        return value if self.per == 1 else value / self.per


_DISK_COLUMNS = (
    Column("reads_completed_total", 3, "The total number of reads completed successfully."),
    Column("reads_merged_total", 4, "The total number of reads merged."),
    Column("read_bytes_total", 5, "The total number of bytes read successfully.", factor=_SECTOR),
    Column("read_time_seconds_total", 6, "The total number of seconds spent by all reads.", per=1000),
    Column("writes_completed_total", 7, "The total number of writes completed successfully."),
    Column("writes_merged_total", 8, "The number of writes merged."),
    Column("written_bytes_total", 9, "The total number of bytes written successfully.", factor=_SECTOR),
    Column("write_time_seconds_total", 10, "The total number of seconds spent by all writes.", per=1000),
    Column("io_now", 11, "The number of I/Os currently in progress.", type="gauge"),
    Column("io_time_seconds_total", 12, "Total seconds spent doing I/Os.", per=1000),
    Column("io_time_weighted_seconds_total", 13, "The weighted # of seconds spent doing I/Os.", per=1000),
    Column("discards_completed_total", 14, "The total number of discards completed successfully."),
    Column("discards_merged_total", 15, "The total number of discards merged."),
    Column("discarded_sectors_total", 16, "The total number of sectors discarded successfully."),
    Column("discard_time_seconds_total", 17, "The total number of seconds spent by all discards.", per=1000),
    Column("flush_requests_total", 18, "The total number of flush requests completed successfully."),
    Column("flush_requests_time_seconds_total", 19, "The total number of seconds spent by all flushes.", per=1000),
)
_NETWORK_COLUMNS = tuple(
    Column(f"{way}_{what}_total", place, f"Network device statistic {way}_{what}.")
    for way, first, whats in (
        ("receive", 0, ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")),
        ("transmit", 8, ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")),
    )
    for place, what in enumerate(whats, start=first)
)


def parse_diskstats(text: str) -> list[Family]:
    """Return all columns of /proc/diskstats by device, without partitions; old kernels have fewer columns."""
    rows = [row for row in map(str.split, text.splitlines()) if not _NO_DISK.fullmatch(row[2])]
    return _by_device("node_disk_", _DISK_COLUMNS, [(row[2], row) for row in rows])


def parse_net_dev(text: str) -> list[Family]:
    """Return all columns of /proc/net/dev by device."""
    rows = (line.rpartition(":") for line in text.splitlines()[2:])
    return _by_device("node_network_", _NETWORK_COLUMNS, [(name.strip(), values.split()) for name, _, values in rows])


def _by_device(prefix: str, columns: Iterable[Column], rows: list[tuple[str, list[str]]]) -> list[Family]:
    labelled = [({"device": device}, row) for device, row in rows]
    return [
        Family(
            prefix + column.name,
            "gauge" if column.type == "gauge" else "counter",
            column.help,
            tuple([(labels, column.read(row)) for labels, row in labelled if len(row) > column.place]),
        )
        for column in columns
    ]


@frozen
class Mount:
    """A file system that holds data on this machine, where it is mounted, and whether only to be read."""

    labels: Labels
    read_only: bool


def parse_mounts(text: str) -> list[Mount]:
    """Return what /proc/1/mounts lists, without what is remote or no real file system; the last at a place counts."""
    mounts: dict[str, Mount] = {}
    for line in text.splitlines():
        device, mountpoint, fstype, options = map(_unescape, line.split()[:4])
        if (
            not _NO_FILESYSTEM.fullmatch(fstype)
            and not _REMOTE.fullmatch(fstype)
            and not _NO_MOUNTPOINT.fullmatch(mountpoint)
        ):
            labels = {"device": device, "fstype": fstype, "mountpoint": mountpoint}
            mounts[mountpoint] = Mount(labels, "ro" in options.split(","))
    return list(mounts.values())


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), text) if "\\" in text else text
