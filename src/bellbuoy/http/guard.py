"""Which addresses a page may lie at: public ones, and the private networks that the operator lists.

Pure: text in, a reason out. The driver asks it for every address a socket is about to
connect to, whatever wrote that address: a config, a redirect, a DNS answer, a literal.

The tables are IANA's special-purpose registries
(https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry) rather than
`ipaddress.is_global`, which changes from one Python to the next.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from bellbuoy.errors import ConfigError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# The first match names the kind, so the narrower networks stand first.
_SPECIAL_V4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("169.254.169.254/32", "a cloud metadata"),
        ("100.100.100.200/32", "a cloud metadata"),
        ("192.0.0.192/32", "a cloud metadata"),
        # Azure's wire server: it looks public, and answers only to the machine itself.
        ("168.63.129.16/32", "a cloud metadata"),
        ("0.0.0.0/8", "an unspecified"),
        ("10.0.0.0/8", "a private"),
        ("100.64.0.0/10", "a carrier's private"),
        ("127.0.0.0/8", "a loopback"),
        ("169.254.0.0/16", "a link-local"),
        ("172.16.0.0/12", "a private"),
        ("192.0.0.0/24", "a reserved"),
        ("192.0.2.0/24", "a documentation"),
        ("192.88.99.0/24", "a reserved"),
        ("192.168.0.0/16", "a private"),
        ("198.18.0.0/15", "a benchmarking"),
        ("198.51.100.0/24", "a documentation"),
        ("203.0.113.0/24", "a documentation"),
        ("224.0.0.0/4", "a multicast"),
        ("240.0.0.0/4", "a reserved"),
    )
)

_SPECIAL_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("fd00:ec2::254/128", "a cloud metadata"),
        ("::/128", "an unspecified"),
        ("::1/128", "a loopback"),
        ("fc00::/7", "a private"),
        ("fe80::/10", "a link-local"),
        ("fec0::/10", "a site-local"),
        ("ff00::/8", "a multicast"),
        ("2001:2::/48", "a benchmarking"),
        ("2001:10::/28", "a reserved"),
        ("2001:20::/28", "a reserved"),
        ("2001:db8::/32", "a documentation"),
        ("3fff::/20", "a documentation"),
    )
)

_GLOBAL_V6 = IPv6Network("2000::/3")
# RFC 6052: an IPv6-only network reaches every IPv4 host through this prefix.
_NAT64 = IPv6Network("64:ff9b::/96")


class Guard:
    """Says of an address why a page may not lie there.

    `allow_private` are networks (CIDR) that are allowed although they are private.
    Raises ConfigError if one of them is not a network.
    """

    def __init__(self, allow_private: Iterable[str] = ()) -> None:
        self._allowed = tuple(map(_network, allow_private))

    def refusal(self, address: str) -> str | None:
        """The kind of a refused address ("a private", "a loopback"), or None if it is fine."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return "an unreadable"
        return self._judge(parsed)

    def _judge(self, address: Address) -> str | None:
        if any(address in network for network in self._allowed):
            return None
        if isinstance(address, IPv4Address):
            return next((kind for network, kind in _SPECIAL_V4 if address in network), None)
        inner = _inner(address)
        if inner:
            return next(filter(None, map(self._judge, inner)), None)
        kind = next((kind for network, kind in _SPECIAL_V6 if address in network), None)
        return kind or (None if address in _GLOBAL_V6 else "a reserved")


def _inner(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a packet to this one would end at."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    # Teredo (RFC 4380) holds two: its server and the client behind it.
    return address.teredo or ()


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(f"http.allow_private: {text!r} is not a network: {error}") from None
