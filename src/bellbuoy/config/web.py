"""How the dashboard and the API are served, and when that would be too open."""

from ipaddress import ip_address

from msgspec import Struct


class Web(Struct, frozen=True, kw_only=True):
    """Where the dashboard and the API listen, and who may ask them.

    `hosts` are the names by which people reach them, without a port; those of the loopback
    need not be said. `read` is the token that reading needs, empty if it is open, None if the
    config does not say. `write` and `metrics` are tokens, empty if there is none: then nothing
    can be written, and metrics are read like everything else.
    """

    host: str = "127.0.0.1"
    port: int = 8484
    hosts: tuple[str, ...] = ()
    read: str | None = None
    write: str = ""
    metrics: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no output may show."""
        return tuple(filter(None, (self.read, self.write, self.metrics)))

    def __repr__(self) -> str:
        return f"Web({self.host}:{self.port}, hosts={self.hosts!r})"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def too_open(web: Web) -> str:
    """Why it may not be served like this, with the cure; empty if it may."""
    if is_loopback(web.host):
        return ""
    missing = [
        what
        for what, is_said in (
            ("hosts: [the name by which people reach it]", bool(web.hosts)),
            ("auth.read: open, or a token", web.read is not None),
        )
        if not is_said
    ]
    if not missing:
        return ""
    return (
        f"{web.host} can be reached by others, so the config must say who may read and by which "
        f"name; set web.{' and web.'.join(missing)}"
    )
