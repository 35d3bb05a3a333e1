"""A running App in a browser: what has to hear of it from its start, and the port it is at."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bellbuoy.app import App
from bellbuoy.config import Config
from bellbuoy.config.web import Web
from bellbuoy.observer import Observer, Observers
from bellbuoy.telemetry.metrics import Metrics
from bellbuoy.web.application import application
from bellbuoy.web.overview import Overview
from bellbuoy.web.server import address_of, serving
from bellbuoy.web.site import Site


class Showing:
    """Shows an App at a socket that listens.

    Made before the App, whose observer has to include `observer`; its pulse may be `woke`.
    `web` says who may what, the config's unless it is given.
    """

    def __init__(self, config: Config, opened: socket.socket, web: Web | None = None) -> None:
        self._web = web or config.web
        self._opened = opened
        self._overview = Overview()
        pages = (one.page for one in config.watched)
        self._metrics = Metrics(pages, (receiver.name for receiver in config.receivers))

    @property
    def observer(self) -> Observer:
        """What has to hear of visits."""
        return Observers((self._overview, self._metrics))

    @property
    def address(self) -> str:
        """Where people find it."""
        return address_of(self._opened)

    def woke(self, lag: float) -> None:
        """Take down how late the loop was, in seconds."""
        self._metrics.woke(lag)

    @asynccontextmanager
    async def of(self, app: App, *, is_whole: bool = True) -> AsyncGenerator[None]:
        """Show an App that runs, or only what watches it, until the end of the block."""
        self._overview.open(app)
        site = Site(app, self._web, self._overview, self._metrics)
        async with serving(application(site, is_whole=is_whole), self._opened):
            yield
