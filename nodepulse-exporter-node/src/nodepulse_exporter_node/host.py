"""Metrics of this host, read from /proc, in node_exporter's names and labels.

For machines without node_exporter, such as the one that shows the demo: what a snapshot needs, and no more. A file
that cannot be read leaves its metrics out, and `node_scrape_collector_success` says so, as it does upstream.

Source: proc(5), and the metrics of node_exporter 1.x.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from nodepulse_core import Family, write_exposition

Labels = dict[str, str]

_TICKS = os.sysconf("SC_CLK_TCK")
_SECTOR = 512
_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_OCTAL = re.compile(r"\\([0-7]{3})")
# A dead server would hang statvfs on these, and with it the whole scrape.
_REMOTE = re.compile(r"nfs\d?|cifs|smb\d?|9p|ceph|glusterfs|afs|fuse(\..*)?|autofs")
_PSEUDO = re.compile(
    r"proc|sysfs|cgroup2?|devpts|mqueue|debugfs|tracefs|securityfs|pstore|bpf|configfs|hugetlbfs|fusectl|binfmt_misc"
    r"|rpc_pipefs|nsfs|selinuxfs|efivarfs"
)


def read_host(proc: Path = Path("/proc")) -> str:
    """Return an exposition of this host (text format 0.0.4), as it is now."""
    families: list[Family] = []
    success: list[tuple[Labels, float]] = []
    for name, collect in _COLLECTORS.items():
        try:
            families += collect(proc)
            success.append(({"collector": name}, 1))
        except (OSError, ValueError, IndexError, KeyError):
            success.append(({"collector": name}, 0))
    families.append(Family("node_time_seconds", "gauge", "System time in seconds since epoch.", (({}, time.time()),)))
    help_ = "Whether a collector succeeded."
    families.append(Family("node_scrape_collector_success", "gauge", help_, tuple(success)))
    return write_exposition(families)


def _gauge(name: str, help_: str, value: float) -> Family:
    return Family(name, "gauge", help_, (({}, value),))


def parse_stat(text: str) -> list[Family]:
    """Return what /proc/stat holds: CPU seconds by cpu and mode, boot time, forks, processes."""
    seconds: list[tuple[Labels, float]] = []
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        name, *values = line.split()
        if re.fullmatch(r"cpu\d+", name):
            cpu = name.removeprefix("cpu")
            pairs = zip(_CPU_MODES, values, strict=False)
            seconds += [({"cpu": cpu, "mode": mode}, int(ticks) / _TICKS) for mode, ticks in pairs]
        elif len(values) == 1:
            numbers[name] = int(values[0])
    return [
        Family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", tuple(seconds)),
        _gauge("node_boot_time_seconds", "Node boot time, in unixtime.", numbers["btime"]),
        Family("node_forks_total", "counter", "Total number of forks.", (({}, numbers["processes"]),)),
        _gauge("node_procs_running", "Number of processes in runnable state.", numbers["procs_running"]),
        _gauge("node_procs_blocked", "Number of processes blocked waiting for I/O.", numbers["procs_blocked"]),
    ]


def parse_meminfo(text: str) -> list[Family]:
    """Return what /proc/meminfo holds, in bytes; counts that have no unit are left as they are."""
    families = []
    for line in text.splitlines():
        key, value, *unit = line.replace(":", " ").split()
        name = "node_memory_" + key.replace("(", "_").replace(")", "") + ("_bytes" if unit else "")
        families.append(_gauge(name, f"Memory information field {key}.", int(value) * (1024 if unit else 1)))
    return families


def parse_loadavg(text: str) -> list[Family]:
    """Return the three loads of /proc/loadavg."""
    minutes = zip(("1", "5", "15"), text.split(), strict=False)
    return [_gauge(f"node_load{span}", f"{span}m load average.", float(load)) for span, load in minutes]


def parse_diskstats(text: str) -> list[Family]:
    """Return completed reads and writes, bytes and I/O time by device, from /proc/diskstats."""
    columns: tuple[tuple[str, int, float, str], ...] = (
        ("reads_completed_total", 3, 1, "The total number of reads completed successfully."),
        ("read_bytes_total", 5, _SECTOR, "The total number of bytes read successfully."),
        ("writes_completed_total", 7, 1, "The total number of writes completed successfully."),
        ("written_bytes_total", 9, _SECTOR, "The total number of bytes written successfully."),
        ("io_time_seconds_total", 12, 0.001, "Total seconds spent doing I/Os."),
    )
    return _by_device("node_disk", columns, ((row[2], row) for row in map(str.split, text.splitlines())))


def parse_net_dev(text: str) -> list[Family]:
    """Return bytes, packets, errors and drops by device, from /proc/net/dev."""
    ways = (("receive", 0), ("transmit", 8))
    whats = ("bytes", "packets", "errs", "drop")
    columns = [
        (f"{way}_{what}_total", first + place, 1.0, f"Network device statistic {way}_{what}.")
        for way, first in ways
        for place, what in enumerate(whats)
    ]
    rows = (line.partition(":") for line in text.splitlines()[2:])
    return _by_device("node_network", columns, ((device.strip(), values.split()) for device, _, values in rows))


def _by_device(
    prefix: str, columns: Iterable[tuple[str, int, float, str]], rows: Iterable[tuple[str, list[str]]]
) -> list[Family]:
    listed = list(rows)
    return [
        Family(
            f"{prefix}_{name}",
            "counter",
            help_,
            tuple(({"device": device}, _scale(int(row[column]), factor)) for device, row in listed),
        )
        for name, column, factor, help_ in columns
    ]


def _scale(value: int, factor: float) -> float:
    return value / 1000 if factor == 0.001 else value * int(factor)  # noqa: PLR2004 - milliseconds, divided exactly


def parse_mounts(text: str) -> list[Labels]:
    """Return device, mountpoint and type of what /proc/mounts lists, without what is remote or no real file system."""
    mounts: dict[str, Labels] = {}
    for line in text.splitlines():
        device, mountpoint, fstype = (
            _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), part) for part in line.split()[:3]
        )
        if not _REMOTE.fullmatch(fstype) and not _PSEUDO.fullmatch(fstype):
            mounts[mountpoint] = {"device": device, "fstype": fstype, "mountpoint": mountpoint}
    return list(mounts.values())


def _collect_filesystems(proc: Path) -> list[Family]:
    sizes: dict[str, list[tuple[Labels, float]]] = {"size": [], "free": [], "avail": []}
    for labels in parse_mounts((proc / "self" / "mounts").read_text(errors="replace")):
        try:
            status = os.statvfs(labels["mountpoint"])
        except OSError:
            continue
        for name, blocks in (("size", status.f_blocks), ("free", status.f_bfree), ("avail", status.f_bavail)):
            sizes[name].append((labels, blocks * status.f_frsize))
    return [
        Family(f"node_filesystem_{name}_bytes", "gauge", f"Filesystem {name} in bytes.", tuple(series))
        for name, series in sizes.items()
    ]


def _collect_uname(_: Path) -> list[Family]:
    system = os.uname()
    labels = {
        "sysname": system.sysname,
        "release": system.release,
        "machine": system.machine,
        "nodename": system.nodename,
    }
    help_ = "Labeled system information as provided by the uname system call."
    return [Family("node_uname_info", "gauge", help_, ((labels, 1),))]


def _from(path: str, parse: Callable[[str], list[Family]]) -> Callable[[Path], list[Family]]:
    return lambda proc: parse((proc / path).read_text(errors="replace"))


_COLLECTORS: dict[str, Callable[[Path], list[Family]]] = {
    "cpu": _from("stat", parse_stat),
    "meminfo": _from("meminfo", parse_meminfo),
    "loadavg": _from("loadavg", parse_loadavg),
    "diskstats": _from("diskstats", parse_diskstats),
    "netdev": _from("net/dev", parse_net_dev),
    "filesystem": _collect_filesystems,
    "uname": _collect_uname,
}
