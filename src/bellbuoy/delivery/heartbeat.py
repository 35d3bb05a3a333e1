"""A dead man's switch: an address that is asked as long as the monitor really works.

A watcher that died cannot say so. Services such as Healthchecks (https://healthchecks.io/docs/)
wait for a request and raise the alarm when it stays away. It stays away here, too, when the
process lives but no visit ends any more.
"""

import asyncio
from collections.abc import Awaitable, Callable

from bellbuoy.errors import DelayedError, DeliveryError, FetchError
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Beat, Receipt
from bellbuoy.observer import Happened, Observer, VisitDone
from bellbuoy.telemetry.readiness import patience


class Heartbeat(Observer):
    """Asks the address while visits end. It hears of visits as an observer.

    `shortest` is the shortest interval of all pages, in seconds. `send` performs an exchange.
    """

    def __init__(
        self,
        beat: Beat,
        shortest: float,
        send: Callable[[Exchange[Receipt]], Awaitable[Receipt]],
        observer: Observer,
    ) -> None:
        self._beat = beat
        self._patience = patience(shortest)
        self._send = send
        self._observer = observer
        self._last_visit: float | None = None
        self._trouble = ""

    def visit_done(self, details: VisitDone) -> None:  # noqa: ARG002 - that it ended is all
        """Polling goes on."""
        self._last_visit = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        self._last_visit = self._last_visit or loop.time()
        while True:
            if loop.time() - self._last_visit > self._patience:
                self._tell("polling stalled, so the heartbeat is withheld")
            else:
                await self._ask()
            await asyncio.sleep(self._beat.every)

    async def _ask(self) -> None:
        try:
            await self._send(_ping(self._beat.url))
        except DeliveryError as error:
            self._tell(f"the heartbeat was not taken: {error.detail}")
        else:
            self._tell("")

    def _tell(self, trouble: str) -> None:
        """Say what changed, once."""
        if trouble != self._trouble:
            what, level = (trouble, "warning") if trouble else ("the heartbeat goes on", "info")
            self._observer.happened(Happened(what=what, level=level))
        self._trouble = trouble


def _ping(url: str) -> Exchange[Receipt]:
    try:
        response = yield Request.get(url)
    except FetchError as error:
        raise DelayedError(error.detail) from error
    if not 200 <= response.status < 300:
        raise DelayedError(f"HTTP {response.status}")
    return Receipt()
