"""One page gives no answer: is it them or us? Others who answer meanwhile are the witnesses.

    no answer ── another host speaks ──> no answer again, another answered between ──> it is them

`outlook` tells that we are offline once most pages are out of reach. That takes a while, and a
page that is only probed would be said to be down by then.
"""

from urllib.parse import urlsplit


class Witnesses:
    """Which hosts answered lately, and which pages wait for somebody who did."""

    def __init__(self) -> None:
        self._tick = 0
        # The last to answer comes last.
        self._answered: dict[str, int] = {}
        self._speaking: set[str] = set()
        self._hosts: set[str] = set()
        self._silent_since: dict[str, int] = {}

    def answered(self, page_key: str, url: str) -> None:
        """A server answered at this address, whatever it said."""
        host = self._host(url)
        self._tick += 1
        self._answered.pop(host, None)
        self._answered[host] = self._tick
        self._speaking.add(host)
        self._silent_since.pop(page_key, None)

    def silent(self, url: str) -> None:
        """Nobody answered at this address."""
        self._speaking.discard(self._host(url))

    def is_them(self, page_key: str, url: str) -> bool:
        """Nobody answered: whether that is now known to be their fault.

        It is at the second look in a row, if another host was not silent at the first and has
        answered since. Where no other host is watched, the second look is all there is.
        """
        host = self._host(url)
        self.silent(url)
        is_alone = len(self._hosts) == 1
        since = self._silent_since.pop(page_key, None)
        if since is not None and (is_alone or self._last_of_others(host) > since):
            self._silent_since[page_key] = since
            return True
        if is_alone or self._speaking:
            self._silent_since[page_key] = self._tick
        return False

    def _last_of_others(self, host: str) -> int:
        others = (tick for other, tick in reversed(self._answered.items()) if other != host)
        return next(others, -1)

    def _host(self, url: str) -> str:
        host = urlsplit(url).netloc
        self._hosts.add(host)
        return host
