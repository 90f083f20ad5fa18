"""Metrics of this host, read from /proc without node_exporter, in its names and labels.

What a snapshot needs, and the rest of the same files: CPU, memory, disks, file systems, network, load, processes. A
file that cannot be read leaves its metrics out, and `node_scrape_collector_success` says so, as it does upstream.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from nodepulse_core import Family, ScrapeError, Target

from nodepulse_exporter_node import proc
from nodepulse_exporter_node.proc import Labels, gauge

_FILESYSTEM_HELP = {
    "size_bytes": "Filesystem size in bytes.",
    "free_bytes": "Filesystem free space in bytes.",
    "avail_bytes": "Filesystem space available to non-root users in bytes.",
    "files": "Filesystem total file nodes.",
    "files_free": "Filesystem total free file nodes.",
    "readonly": "Filesystem read-only status.",
    "device_error": "Whether an error occurred while getting statistics for the given device.",
}


class HostCollector:
    """Collects `host:`, this machine, or `host:/rootfs`, one whose root is mounted there (as in a container).

    It blocks, in the kernel if at all: the exporter runs it in a thread.
    """

    def collect(self, target: Target) -> list[Family]:
        """Return the host's families; raises ScrapeError where the endpoint is no path, or nothing can be read."""
        root = target.endpoint.partition(":")[2] or "/"
        if not root.startswith("/") or root.startswith("//"):
            raise ScrapeError(f"{target.endpoint!r} is no host; write host: or host:/rootfs, where its root is mounted")
        return read_host(Path(root))


def read_host(root: Path = Path("/")) -> list[Family]:
    """Return the families of a host, as it is now; raises ScrapeError where nothing of it can be read."""
    families: list[Family] = []
    success: list[tuple[Labels, float]] = []
    for name, collect in _COLLECTORS.items():
        try:
            families += collect(root)
            success.append(({"collector": name}, 1))
        except (OSError, ValueError, IndexError, KeyError):
            success.append(({"collector": name}, 0))
    if not families:
        raise ScrapeError(f"nothing of a host can be read below {root / 'proc'}")
    help_ = "node_exporter: Whether a collector succeeded."
    return [
        *families,
        gauge("node_time_seconds", "System time in seconds since epoch (1970).", time.time()),
        _uname(),
        Family("node_scrape_collector_success", "gauge", help_, tuple(success)),
    ]


def _filesystems(root: Path) -> list[Family]:
    series: dict[str, list[tuple[Labels, float]]] = {name: [] for name in _FILESYSTEM_HELP}
    prefix = str(root).rstrip("/")
    for mount in proc.parse_mounts(_read_mounts(root)):
        values = {"readonly": int(mount.read_only), "device_error": 0}
        try:
            status = os.statvfs(prefix + mount.labels["mountpoint"])
        except OSError:
            values["device_error"] = 1
        else:
            values |= {
                "size_bytes": status.f_blocks * status.f_frsize,
                "free_bytes": status.f_bfree * status.f_frsize,
                "avail_bytes": status.f_bavail * status.f_frsize,
                "files": status.f_files,
                "files_free": status.f_ffree,
            }
        for name, value in values.items():
            series[name].append((mount.labels, value))
    return [
        Family(f"node_filesystem_{name}", "gauge", help_, tuple(series[name]))
        for name, help_ in _FILESYSTEM_HELP.items()
    ]


def _read_mounts(root: Path) -> str:
    """Return the table of the first process, which is the host's; our own where that is hidden."""
    try:
        return _read(root / "proc/1/mounts")
    except OSError:
        return _read(root / "proc/self/mounts")


def _uname() -> Family:
    system = os.uname()
    labels = {
        "sysname": system.sysname,
        "release": system.release,
        "version": system.version,
        "machine": system.machine,
        "nodename": system.nodename,
        "domainname": _domain_name(),
    }
    help_ = "Labeled system information as provided by the uname system call."
    return Family("node_uname_info", "gauge", help_, ((labels, 1),))


def _domain_name() -> str:
    try:
        return _read(Path("/proc/sys/kernel/domainname")).strip()
    except OSError:
        return "(none)"


def _read(path: Path) -> str:
    return path.read_text(errors="replace")


def _from(path: str, parse: Callable[[str], list[Family]]) -> Callable[[Path], list[Family]]:
    return lambda root: parse(_read(root / "proc" / path))


_COLLECTORS: dict[str, Callable[[Path], list[Family]]] = {
    "stat": _from("stat", proc.parse_stat),
    "meminfo": _from("meminfo", proc.parse_meminfo),
    "loadavg": _from("loadavg", proc.parse_loadavg),
    "diskstats": _from("diskstats", proc.parse_diskstats),
    "netdev": _from("net/dev", proc.parse_net_dev),
    "filesystem": _filesystems,
}
