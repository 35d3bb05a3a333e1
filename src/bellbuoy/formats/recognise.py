"""Which format is it? From any address a person pastes to the page that should be watched.

    the address itself ──> PROBES of every format, below the root and below the address

Every answer is shown to every format, and a format claims it on positive evidence only: a
server that answers 200 to everything is claimed by nobody. A feed is the last resort, since
whatever else claims a page tells more. Each address is asked once, the surest first; one
that cannot be had only means that the next is asked, unless nothing answers there at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from urllib.parse import urljoin

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.errors import FetchError
from bellbuoy.exchange import Exchange, Request
from bellbuoy.formats import Claim, Format, hosts_of
from bellbuoy.formats._addresses import canonical, host

MOST_REQUESTS = 30
"""How many addresses are asked before giving up."""

# incident.io imitates Statuspage, and both have feeds: the narrower evidence speaks first.
_ORDER = {"incidentio": 0, "statuspage": 1, "feed": 3}
_OTHERS = 2
_LAST_RESORT = "feed"


class Recognition(Struct, frozen=True, kw_only=True):
    """What an address turned out to be.

    `format` is None if nothing claimed it. `url` is the page's canonical address (lower-case
    scheme and host, no default port, no slash at the end), or what was asked for. `name` is
    what the page calls itself, else its host. `tried` are the addresses asked, in order.
    """

    format: str | None
    url: str
    name: str
    tried: tuple[str, ...]


class _Search(Struct):
    formats: Mapping[str, Format]
    tried: list[str] = []
    claim: Claim | None = None

    @property
    def is_over(self) -> bool:
        is_found = self.claim is not None and self.claim.format != _LAST_RESORT
        return is_found or len(self.tried) >= MOST_REQUESTS


def recognise(address: str, formats: Mapping[str, Format]) -> Exchange[Recognition]:
    """Find out what a page, feed or API address is. Without a scheme, https and then http.

    Raises FetchError if no server answers at the address.
    """
    search = _Search({name: formats[name] for name in sorted(formats, key=_specificity)})
    spellings = [url for spelt in _spellings(address) if (url := canonical(spelt)) is not None]
    if not spellings:
        return Recognition(format=None, url=address.strip(), name=address.strip(), tried=())
    answered = yield from _ask_first(search, spellings)
    for url in _probes(search.formats.values(), _bases(answered, search.tried[-1])):
        if search.is_over:
            break
        if url not in search.tried:
            with suppress(FetchError):
                yield from _ask(search, url)
    return _result(search, spellings[0])


def _spellings(address: str) -> tuple[str, ...]:
    address = address.strip()
    if "://" in address:
        return (address,)
    address = address.removeprefix("//")
    return (f"https://{address}", f"http://{address}")


def _ask_first(search: _Search, spellings: Sequence[str]) -> Exchange[str]:
    """Ask for the address itself; returns where a server answered, be it with an error."""
    url, *others = spellings
    try:
        return (yield from _ask(search, url))
    except FetchError as error:
        if error.status is not None:
            return url
        if not others:
            raise
        try:
            return (yield from _ask_first(search, others))
        except FetchError:
            raise error from None


def _ask(search: _Search, url: str) -> Exchange[str]:
    """Show the answer of an address to every format; returns the address that answered."""
    search.tried.append(url)
    response = yield Request.get(url)
    for name, format in search.formats.items():
        claim = format.claims(response)
        if claim is not None:
            if search.claim is None or name != _LAST_RESORT:
                search.claim = replace(claim, format=name)
            break
    return response.url


def _bases(*addresses: str) -> list[str]:
    """Where documents may lie: below an address, below its directory, below its host."""
    bases: dict[str, None] = {}
    for address in addresses:
        url = (canonical(address) or "").partition("?")[0]
        for base in (f"{url}/", urljoin(url, "."), urljoin(url, "/")) if url else ():
            bases.setdefault(base if base.endswith("/") else f"{base}/")
    return list(bases)


def _probes(formats: Iterable[Format], bases: Sequence[str]) -> Iterator[str]:
    """The surest probe of every format first, then the second ones; each at every base."""
    by_rank = zip_longest(*([(format, probe) for probe in format.PROBES] for format in formats))
    for format, probe in (pair for rank in by_rank for pair in rank if pair):
        for base in bases:
            if not hosts_of(format) or host(base) in hosts_of(format):
                yield urljoin(base, probe)


def _specificity(name: str) -> tuple[int, str]:
    return (_ORDER.get(name, _OTHERS), name)


def _result(search: _Search, asked: str) -> Recognition:
    claim = search.claim
    url = (canonical(claim.url) or claim.url) if claim else asked
    return Recognition(
        format=claim.format if claim else None,
        url=url,
        name=(claim.name if claim else "") or host(url) or url,
        tried=tuple(search.tried),
    )
