"""The only HTTP door: every limit and guard lives here, once."""

from msgspec import Struct


class HttpSettings(Struct, frozen=True, kw_only=True):
    """What the config says about HTTP (`http:`).

    `seats` is how many visits run at once, `per_host` how many requests run at once at one
    host (scheme + host + port). `timeout` is the deadline of a whole visit, in seconds.
    `contact` goes into the User-Agent. `proxy` is the address of a proxy for every page
    except hosts that match `no_proxy` (a name, a `.suffix`, an address or a CIDR).
    `ca_file` replaces the system's certificate authorities. `allow_private` are networks
    (CIDR) that pages may lie in although they are private.
    """

    seats: int = 100
    timeout: float = 20.0
    per_host: int = 2
    contact: str | None = None
    proxy: str | None = None
    no_proxy: tuple[str, ...] = ()
    ca_file: str | None = None
    allow_private: tuple[str, ...] = ()
