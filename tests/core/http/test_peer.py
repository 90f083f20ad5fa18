"""Who is at the other end, from the kernel's table."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.http.peer import Ends, UnknownPeerError, find_user

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
OURS, PEERS = "0100007F:1F98", "0100007F:C350"
ENDS = Ends(("127.0.0.1", 8088), ("127.0.0.1", 50000), 700)


def row(local: str, remote: str, state: str = "01", user: int = 1000, inode: int = 900) -> str:
    """Return a row as the kernel writes it."""
    zeros = "00000000:00000000 00:00000000 00000000"
    return f"   1: {local} {remote} {state} {zeros} {user:>5}        0 {inode} 1 x 20 4 30\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Give a folder like /proc, with an empty table."""
    (tmp_path / "net").mkdir()
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "sys/kernel/overflowuid").write_text("65534\n")
    (tmp_path / "net/tcp").write_text(HEAD)
    (tmp_path / "net/tcp6").write_text(HEAD)
    return tmp_path


def fill(proc: Path, *rows: str, table: str = "tcp") -> None:
    """Add rows to a table."""
    with (proc / "net" / table).open("a") as file:
        file.writelines(rows)


def test_the_user_of_the_peers_row_is_found(proc: Path) -> None:
    """Among others' rows, that of the peer's end counts."""
    fill(proc, row("0100007F:0001", OURS, user=5), row(OURS, PEERS, user=0, inode=700), row(PEERS, OURS, user=1001))
    assert find_user(ENDS, proc) == 1001


def test_a_peer_that_speaks_ipv4_through_an_ipv6_socket_is_found(proc: Path) -> None:
    """Its row stands in the other table, with addresses that hold the IPv4 ones."""
    mapped = "0000000000000000FFFF0000"
    fill(proc, row(OURS, PEERS, inode=700))
    fill(proc, row(mapped + PEERS, mapped + OURS, user=1002), table="tcp6")
    assert find_user(ENDS, proc) == 1002


@pytest.mark.parametrize("state", ["04", "05", "06", "07", "08"])
def test_a_socket_that_was_closed_is_not_taken_for_roots(state: str, proc: Path) -> None:
    """The kernel lists closing sockets and TIME_WAIT as user 0: they count for nobody."""
    fill(proc, row(OURS, PEERS, inode=700), row(PEERS, OURS, state, user=0, inode=0))
    with pytest.raises(UnknownPeerError, match="does not list its end"):
        find_user(ENDS, proc)


def test_a_socket_that_belongs_to_no_process_is_not_taken_for_roots(proc: Path) -> None:
    """One without an inode, such as one that waits to be accepted, is listed as user 0 too."""
    fill(proc, row(OURS, PEERS, inode=700), row(PEERS, OURS, user=0, inode=0))
    with pytest.raises(UnknownPeerError, match="does not list its end"):
        find_user(ENDS, proc)


@pytest.mark.parametrize("ours", [(), (row(OURS, PEERS, inode=701),), (row(OURS, PEERS, "08", inode=700),)])
def test_a_later_connection_with_the_same_ports_is_not_taken_for_this_one(ours: tuple[str, ...], proc: Path) -> None:
    """Where our own end is gone, closing, or another socket by now, the peer's row says nothing."""
    fill(proc, *ours, row(PEERS, OURS, user=0))
    with pytest.raises(UnknownPeerError, match="in another network, or gone"):
        find_user(ENDS, proc)


def test_a_user_of_another_namespace_is_nobody(proc: Path) -> None:
    """The number that the kernel gives for users it cannot map is never taken for that user."""
    fill(proc, row(OURS, PEERS, inode=700), row(PEERS, OURS, user=65534))
    with pytest.raises(UnknownPeerError, match="container"):
        find_user(ENDS, proc)


@pytest.mark.parametrize("damage", ["tcp", "row", "overflowuid"])
def test_a_table_that_cannot_be_read_knows_nobody(damage: str, proc: Path) -> None:
    """Without the table, with a row of another form, or without the unmapped user's number, the peer is unknown."""
    fill(proc, row(OURS, PEERS, inode=700), row(PEERS, OURS))
    if damage == "tcp":
        (proc / "net/tcp").unlink()
    elif damage == "row":
        (proc / "net/tcp").write_text(f"{HEAD} 1: {OURS} {PEERS} 01 what\n")
    else:
        (proc / "sys/kernel/overflowuid").unlink()
    with pytest.raises(UnknownPeerError, match="cannot be read"):
        find_user(ENDS, proc)


@given(st.lists(st.text("0123456789ABCDEF: \n", max_size=120), max_size=20))
def test_whatever_stands_in_the_table_gives_a_user_or_a_reason(lines: list[str]) -> None:
    """Any content ends in a number or in UnknownPeerError."""
    # A folder of its own for each example: a function's fixture would be shared by all.
    import tempfile  # noqa: PLC0415 - for this test only

    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        (home / "net").mkdir()
        (home / "net/tcp").write_text(HEAD + "\n".join(lines))
        with pytest.raises(UnknownPeerError):
            find_user(ENDS, home)


@pytest.fixture(params=["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def connection(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give the client's and the accepted end of a real connection, in each way that a loopback address is reached."""
    host = request.param
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        try:
            listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        listener.listen()
        client = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
        client.connect((host, listener.getsockname()[1]))
        accepted = stack.enter_context(listener.accept()[0])
        yield client, accepted


def test_the_kernel_names_this_very_user(connection: tuple[socket.socket, socket.socket]) -> None:
    """A connection of this process is of this process's user."""
    assert find_user(Ends.of(connection[1])) == os.geteuid()


@pytest.mark.parametrize("end", ["close", "half"])
def test_the_kernel_does_not_name_who_has_left(end: str, connection: tuple[socket.socket, socket.socket]) -> None:
    """After the peer has closed its socket, or its half, nobody is named: not even root."""
    client, accepted = connection
    ends = Ends.of(accepted)
    client.sendall(b"POST / HTTP/1.1\r\n\r\n")
    if end == "close":
        client.close()
    else:
        client.shutdown(socket.SHUT_WR)
    with pytest.raises(UnknownPeerError):
        find_user(ends)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
def test_the_kernel_names_another_user() -> None:
    """A connection of a process of the user 12345 is of that user."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = (
            "import encodings.idna, os, socket, sys; os.setuid(12345); "
            "s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); s.recv(1)"
        )
        with subprocess.Popen([sys.executable, "-c", code, str(listener.getsockname()[1])]) as client:
            listener.settimeout(20)
            accepted, _ = listener.accept()
            with accepted:
                assert find_user(Ends.of(accepted)) == 12345
            assert client.wait(20) == 0
