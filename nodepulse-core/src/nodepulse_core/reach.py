"""Where a target that was added while the agent runs may be: on this machine, and where the file allows it.

What an address is, only the system's resolver says for certain: `0x7f.1`, `2852039166` and `::ffff:127.0.0.1` are
addresses too, and a name may stand for another one the next time. So addresses are judged where a connection is made,
and early only where no name has to be looked up.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

Network = IPv4Network | IPv6Network
_OF_THE_SYSTEM = ("http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = "127.0.0.1"
_POINTS_ELSEWHERE = ("host", "addr", "service", "socket")


@frozen
class Reach:
    """The networks that are allowed besides loopback, and the port of the agent's own HTTP, which never is."""

    networks: tuple[Network, ...] = ()
    own_port: int | None = None

    @classmethod
    def of(cls, networks: Iterable[str], own_port: int | None) -> Reach:
        """Take networks as they are written, such as `10.0.0.0/8`; raises ValueError where one is none."""
        return cls(tuple(ip_network(each) for each in networks), own_port)

    def find_fault(self, endpoint: str) -> str | None:
        """Return why an endpoint is out of reach, as far as that can be told without looking up a name; else None."""
        parts = urlsplit(endpoint)
        host = parts.hostname
        if parts.scheme in _OF_THE_SYSTEM:
            port = parts.port or _DEFAULT_PORTS[parts.scheme]
            return next((fault for each in _addresses(host or "") if (fault := self.judge(each, port))), None)
        # An exporter that asks a server directly connects by itself: nothing but an address tells where to.
        for key, _ in parse_qsl(parts.query, keep_blank_values=True):
            if any(word in key.lower() for word in _POINTS_ELSEWHERE):
                return f"its query names another place ({key}); declare this target in the configuration file"
        if not host:
            return None
        found = _addresses(host)
        if not found:
            return f"{host} is a name; give its address, or declare this target in the configuration file"
        return next((fault for each in found if (fault := self.judge(each, parts.port))), None)

    def judge(self, address: str, port: int | None) -> str | None:
        """Return why no connection to an address and port may be made; None where it may."""
        ip = _plain(ip_address(address.partition("%")[0]))
        kinds = {"a link-local": ip.is_link_local, "a multicast": ip.is_multicast, "an unspecified": ip.is_unspecified}
        for kind, applies in kinds.items():
            if applies:
                return f"{ip} is {kind} address, which no added target may have"
        if ip.is_loopback:
            own = self.own_port is not None and port == self.own_port
            return f"port {port} is the agent's own" if own else None
        if any(ip.version == network.version and ip in network for network in self.networks):
            return None
        return f"{ip} is not on this machine; allow it with api.allow_targets, or declare this target in the file"


def _addresses(host: str) -> list[str]:
    """Return what a host stands for where it is an address, in whichever way it is written; nothing for a name.

    `localhost` is the one name that needs no looking up.
    """
    if host.rstrip(".") == "localhost":
        return [_LOOPBACK]
    try:
        found = socket.getaddrinfo(host.partition("%")[0], None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(place[0]) for *_, place in found]


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that one of IPv6 only wraps."""
    if isinstance(ip, IPv6Address):
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ip
