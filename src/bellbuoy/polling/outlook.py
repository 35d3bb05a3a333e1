"""Is it us or them? More than half of all pages out of reach at once means that it is us."""

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from bellbuoy.errors import FetchError, Unreadable, VisitError

AT_LEAST_PAGES = 5
AT_LEAST_HOSTS = 3


class Outlook:
    """Which pages cannot be reached at network level just now, as of their latest visits.

    `watched` says how many are visited at all.
    """

    def __init__(self, watched: Callable[[], int]) -> None:
        self._watched = watched
        self._failing: dict[str, str] = {}
        self.is_offline = False

    @property
    def failing(self) -> int:
        """How many pages cannot be reached."""
        return len(self._failing)

    @property
    def watched(self) -> int:
        """How many pages there are."""
        return self._watched()

    def missed(self, page_key: str, url: str) -> bool:
        """A page could not be reached; true if this is what shows that we are offline."""
        self._failing[page_key] = urlsplit(url).netloc
        if self.is_offline or len(self._failing) < AT_LEAST_PAGES:
            return False
        if len(self._failing) * 2 <= self.watched:
            return False
        if len(set(self._failing.values())) < AT_LEAST_HOSTS:
            return False
        self.is_offline = True
        return True

    def reached(self, page_key: str) -> bool:
        """A page answered, whatever it said; true if this is what shows that we are back."""
        self._failing.pop(page_key, None)
        if not self.is_offline or len(self._failing) * 2 > self.watched:
            return False
        self.is_offline = False
        return True

    def forget(self, page_keys: Iterable[str]) -> None:
        """These pages are visited no more."""
        for key in page_keys:
            self._failing.pop(key, None)


def is_out_of_reach(error: VisitError) -> bool:
    """Whether nothing answered at all. A server that took the connection and hangs did answer."""
    return (
        isinstance(error, FetchError) and error.reason is Unreadable.NETWORK and not error.timed_out
    )
