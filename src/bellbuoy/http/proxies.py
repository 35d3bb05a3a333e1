"""Whether a request goes through the configured proxy. The environment has no say in it."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from bellbuoy.errors import ConfigError


class Proxies:
    """The proxy for everything except hosts that match `no_proxy`.

    An entry of `no_proxy` is a name, a `.suffix` (which the name itself matches too), an
    address or a CIDR, or `*` for everything. Raises ConfigError if `proxy` is not an http
    or https address.
    """

    def __init__(self, proxy: str | None, no_proxy: tuple[str, ...]) -> None:
        if proxy is not None:
            try:
                parts = urlsplit(proxy)
                usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
            except ValueError:
                usable = False
            if not usable:
                raise ConfigError("http.proxy: it must be an http:// or https:// address")
        self._proxy = proxy
        self._names = tuple(entry.strip().lower().strip("[]") for entry in no_proxy)
        self._networks = tuple(
            network for entry in self._names if (network := _network(entry)) is not None
        )

    def for_host(self, host: str) -> str | None:
        """The proxy's address for a host (a name or a literal without brackets), or None."""
        return None if self._proxy is None or self._is_exempt(host) else self._proxy

    def _is_exempt(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            name = host.lower().rstrip(".")
            return any(
                entry in {"*", name} or (entry[:1] == "." and f".{name}".endswith(entry))
                for entry in self._names
            )
        return "*" in self._names or any(address in network for network in self._networks)


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None
