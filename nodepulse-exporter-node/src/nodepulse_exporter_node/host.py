"""Metrics of this host, read from /proc without node_exporter, in its names and labels.

What a snapshot needs, and the rest of the same files: CPU, memory, disks, file systems, network, load, processes. A
file that cannot be read leaves its metrics out, and `node_scrape_collector_success` says so, as it does upstream.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nodepulse_core import Family, ScrapeError, Target, call_blocking

from nodepulse_exporter_node import proc
from nodepulse_exporter_node.proc import Labels, gauge

Collect = Callable[[Path], list[Family]]

_PIECE = 64 * 1024
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

    What /proc says comes out of memory, and is read at once; a file system can hang, and is asked in a thread.
    """

    async def collect(self, target: Target) -> list[Family]:
        """Return the host's families; raises ScrapeError where the endpoint is no path, or nothing can be read."""
        root = target.endpoint.partition(":")[2] or "/"
        if not root.startswith("/") or root.startswith("//"):
            raise ScrapeError(f"{target.endpoint!r} is no host; write host: or host:/rootfs, where its root is mounted")
        filesystems = await call_blocking(partial(_attempt, _filesystems, Path(root)), f"file systems of {target.name}")
        return _read(Path(root), filesystems)


def read_host(root: Path = Path("/")) -> list[Family]:
    """Return the families of a host, as it is now; raises ScrapeError where nothing of it can be read. It blocks."""
    return _read(root, _attempt(_filesystems, root))


def _read(root: Path, filesystems: list[Family] | None) -> list[Family]:
    parts = {name: _attempt(collect, root) for name, collect in _FROM_PROC.items()}
    parts["filesystem"] = filesystems
    if not any(parts.values()):
        raise ScrapeError(f"nothing of a host can be read below {root / 'proc'}")
    success = [({"collector": name}, int(part is not None)) for name, part in parts.items()]
    help_ = "node_exporter: Whether a collector succeeded."
    return [
        *(family for part in parts.values() for family in part or ()),
        gauge("node_time_seconds", "System time in seconds since epoch (1970).", time.time()),
        _uname(),
        Family("node_scrape_collector_success", "gauge", help_, tuple(success)),
    ]


def _attempt(collect: Collect, root: Path) -> list[Family] | None:
    """Return what is collected; None where it cannot be read or makes no sense."""
    try:
        return collect(root)
    except (OSError, ValueError, IndexError, KeyError):
        return None


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
        return _read_file(f"{root}/proc/1/mounts")
    except OSError:
        return _read_file(f"{root}/proc/self/mounts")


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
        return _read_file("/proc/sys/kernel/domainname").strip()
    except OSError:
        return "(none)"


def _read_file(path: str) -> str:
    """Return a file's text. Those of /proc are small and many: without the layers of `open` they cost half."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(file, _PIECE):
            pieces.append(piece)
    finally:
        os.close(file)
    return b"".join(pieces).decode(errors="replace")


def _from(path: str, parse: Callable[[str], list[Family]]) -> Collect:
    return lambda root: parse(_read_file(f"{root}/proc/{path}"))


_FROM_PROC: dict[str, Collect] = {
    "stat": _from("stat", proc.parse_stat),
    "meminfo": _from("meminfo", proc.parse_meminfo),
    "loadavg": _from("loadavg", proc.parse_loadavg),
    "diskstats": _from("diskstats", proc.parse_diskstats),
    "netdev": _from("net/dev", proc.parse_net_dev),
}
