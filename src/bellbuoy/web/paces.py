"""How often one address may do what costs us something."""

from collections import OrderedDict

MOST_ADDRESSES = 10_000
"""Addresses that are remembered; beyond it the one that was longest quiet is forgotten."""


class Allowance:
    """So many in a burst, and `rate` more each second, for each address (a token bucket)."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> float:
        """Take one at the instant `now`, in seconds of any clock that does not run backwards.

        Returns 0, or the seconds until there is one to take.
        """
        left, at = self._left.pop(address, (float(self._burst), now))
        left = min(left + (now - at) * self._rate, float(self._burst))
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._rate
        self._left[address] = (left if wait else left - 1.0, now)
        while len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return wait
