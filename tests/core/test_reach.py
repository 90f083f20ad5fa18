"""Where added targets may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.reach import Reach

HERE = Reach(own_port=8088)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9100/metrics",
        "http://127.1:9100/metrics",
        "http://0x7f000001:9100/metrics",
        "http://[::1]:9100/metrics",
        "http://[::ffff:127.0.0.1]:9100/metrics",
        "http://localhost:9100/metrics",
        "http://some.name:9100/metrics",  # judged when it is connected to
        "redis://localhost",
        "redis://127.0.0.1:6379/0",
        "postgresql://[::1]/orders?sslmode=disable",
        "unix:/run/redis/redis.sock",
        "host:",
        "agent:",
    ],
)
def test_this_machine_is_within_reach(endpoint: str) -> None:
    """Loopback in whichever way it is written, a name, and what has no host at all."""
    assert HERE.find_fault(endpoint) is None
    assert Reach().find_fault(endpoint) is None


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://169.254.169.254/", "169.254.169.254 is a link-local address"),
        ("http://0xa9fea9fe/", "169.254.169.254 is a link-local address"),
        ("http://2852039166/", "169.254.169.254 is a link-local address"),
        ("http://169.16689662/", "169.254.169.254 is a link-local address"),
        ("http://[::ffff:169.254.169.254]/", "169.254.169.254 is a link-local address"),
        ("http://[2002:a9fe:a9fe::]/", "169.254.169.254 is a link-local address"),
        ("http://[fe80::1%25lo]/", "fe80::1 is a link-local address"),
        ("http://0/", "0.0.0.0 is an unspecified address"),
        ("http://[::]/", ":: is an unspecified address"),
        ("http://224.0.0.1/", "224.0.0.1 is a multicast address"),
        ("http://[ff02::1]/", "ff02::1 is a multicast address"),
        ("http://10.1.2.3:9100/metrics", "10.1.2.3 is not on this machine; allow it with api.allow_targets"),
        ("http://localhost:8088/metrics", "port 8088 is the agent's own"),
        ("http://LOCALHOST.:8088/", "port 8088 is the agent's own"),
        ("http://127.0.0.1:8088/api/exporters", "port 8088 is the agent's own"),
        ("http://[::1]:8088/", "port 8088 is the agent's own"),
        ("redis://db.example", "db.example is a name"),
        ("redis://10.1.2.3", "10.1.2.3 is not on this machine"),
        ("redis://2852039166", "link-local"),
        ("postgresql://127.0.0.1,db.example/orders", "is a name"),
        ("postgresql:///orders?host=db.example", "its query names another place (host)"),
        ("postgresql://localhost/orders?hostaddr=10.1.2.3", "its query names another place (hostaddr)"),
    ],
)
def test_what_is_elsewhere_is_not(endpoint: str, reason: str | None) -> None:
    """Another machine, what only looks harmless, and the agent itself; a name of http is judged later."""
    fault = HERE.find_fault(endpoint)
    assert fault is None if reason is None else reason in str(fault)


def test_the_file_may_allow_more() -> None:
    """A network that is allowed is within reach, its neighbours are not; link-local never is."""
    reach = Reach.of(["10.1.0.0/16", "169.254.0.0/16", "fd00::/8"], 8088)
    assert reach.judge("10.1.2.3", 8088) is None
    assert reach.judge("fd00::1", 80) is None
    assert reach.judge("::ffff:10.1.2.3", 80) is None
    assert "api.allow_targets" in str(reach.judge("10.2.0.1", 80))
    assert "link-local" in str(reach.judge("169.254.169.254", 80))


@given(st.ip_addresses())
def test_nothing_but_loopback_is_within_reach_by_itself(address: object) -> None:
    """Of all addresses, only those of this machine pass."""
    if HERE.judge(str(address), 80) is None:
        assert str(getattr(address, "ipv4_mapped", None) or address).startswith("127.") or str(address) == "::1"
