"""Who is at the other end of a connection on this machine, from the kernel's table of sockets.

The row of the peer's own socket names the user that made it. Three things must not be mistaken for root's: a socket
that its process has closed, one in TIME_WAIT, and one that nobody has accepted yet; the kernel lists them all as
user 0. And the connection that was asked for must be the one that is found, not a later one with the same ports. So a
row counts only in the state ESTABLISHED and with an inode, and only while our own end is listed too, with the inode of
our very socket.

Source: proc_pid_net(5); net/ipv4/tcp_ipv4.c, get_tcp4_sock() and get_timewait4_sock().
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from attrs import frozen

PROC = Path("/proc")
_ESTABLISHED = "01"
_UID, _INODE = 7, 9
_TABLES = ("net/tcp", "net/tcp6")


class UnknownPeerError(Exception):
    """A peer whose user cannot be told; says why."""


@frozen
class Ends:
    """A connection as its own end sees it: our address, the peer's, and our socket's inode."""

    ours: tuple[str, int]
    peers: tuple[str, int]
    inode: int

    @classmethod
    def of(cls, connection: socket.socket) -> Ends:
        """Read them from a socket."""
        ours, peers = connection.getsockname()[:2], connection.getpeername()[:2]
        return cls(ours, peers, os.fstat(connection.fileno()).st_ino)


def find_user(ends: Ends, proc: Path = PROC) -> int:
    """Return the id of the user at the other end; raises UnknownPeerError where that cannot be told for certain.

    Blocking: the table is as long as this machine has connections.
    """
    ours, peers = None, None
    try:
        for row in _rows(proc):
            if ours is None and row[1:4] in _wanted(ends.ours, ends.peers):
                ours = int(row[_INODE])
            elif peers is None and row[1:4] in _wanted(ends.peers, ends.ours) and int(row[_INODE]):
                peers = int(row[_UID])
            if ours is not None and peers is not None:
                break
        unmapped = int((proc / "sys/kernel/overflowuid").read_text())
    except (OSError, ValueError, IndexError) as error:
        raise UnknownPeerError(f"the kernel's table of connections cannot be read: {error}") from error
    if ours != ends.inode or peers is None:
        raise UnknownPeerError("the kernel does not list its end of the connection: it is in another network, or gone")
    if peers == unmapped:
        raise UnknownPeerError("its user is nobody, or one that the agent's own container does not know")
    return peers


def _rows(proc: Path) -> Iterator[list[str]]:
    for table in _TABLES:
        path = proc / table
        if table.endswith("6") and not path.exists():  # a kernel without IPv6
            continue
        with path.open() as lines:
            next(lines, None)
            yield from map(str.split, lines)


def _wanted(one: tuple[str, int], other: tuple[str, int]) -> list[list[str]]:
    """Return the columns local, remote and state of an end, in each form that the kernel may write its addresses in."""
    pairs = zip(_forms(one[0]), _forms(other[0]), strict=True)
    return [[f"{mine}:{one[1]:04X}", f"{its}:{other[1]:04X}", _ESTABLISHED] for mine, its in pairs]


def _forms(host: str) -> list[str]:
    """Write an address as the kernel does: words of 4 bytes in the machine's order; one of IPv4 also within IPv6."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return [_words(address.packed), _words(IPv6Address(f"::ffff:{address}").packed)]
    return [_words(address.packed)]


def _words(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
