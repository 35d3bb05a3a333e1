"""One pretend vendor's web server, which lives on as its page is read.

Its page takes the next step of its life when that step's time has come and the page was
read `LOOKS` times as it stood, so that a slow reader on a busy machine misses nothing. It
does so only when the face is asked, which is how a visit begins: one visit sees one step.
A trouble lasts for two visits, fewer than make a page unreadable, so what is recorded does
not depend on how fast anyone reads.
"""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from hashlib import blake2b

from aiohttp import web

from bellbuoy.demo.draft import Trouble
from bellbuoy.demo.render import WRITTEN, Document, render
from bellbuoy.demo.world import LOOKS, Step, Vendor

FAILED_LOOKS = 2
"""How many visits a trouble spoils."""

_HTML = Document(
    content_type="text/html; charset=utf-8",
    body=b"<!DOCTYPE html><html><head><title>Welcome</title></head>"
    b"<body><p>Nothing to see here.</p></body></html>",
)


class VendorServer:
    """Answers for one vendor. `clock` gives the seconds since the world's beginning."""

    def __init__(self, vendor: Vendor, clock: Callable[[], float], end: float) -> None:
        self.vendor = vendor
        self._clock = clock
        self._end = end
        self._face = WRITTEN[vendor.shape].face
        self._place = 0
        self._looks = 0
        self._last_looks = 0
        self._hangs = any(step.trouble is Trouble.HANGS for step in vendor.steps)
        self._documents = render(vendor.shape, vendor.steps[0].facts)
        self._closing = asyncio.Event()
        self.read = asyncio.Event()
        """Set once visits that began after the world's end, and after the last step, have ended.

        A page that hangs only needs to have been asked.
        """

    @property
    def step(self) -> Step:
        """Where this vendor's life stands."""
        return self.vendor.steps[self._place]

    def application(self) -> web.Application:
        """The web application to serve."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        return application

    def close(self) -> None:
        """Let go of whoever waits for an answer."""
        self._closing.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == self._face:
            self._look()
        match self.step.trouble:
            case Trouble.HANGS:
                await self._closing.wait()
                return web.Response(status=503)
            case Trouble.ERROR:
                return web.Response(status=500, text="Internal Server Error")
            case Trouble.HTML:
                return _respond(request, _HTML, self.step)
            case None:
                document = self._documents.get(request.path)
        if document is None:
            return web.Response(status=404, text="Not Found")
        return _respond(request, document, self.step)

    def _look(self) -> None:
        if self._may_go_on():
            self._place += 1
            self._looks = 0
            self._documents = render(self.vendor.shape, self.step.facts)
        self._looks += 1
        is_last = self._place + 1 == len(self.vendor.steps) and self._clock() >= self._end
        self._last_looks += is_last
        if self._hangs or self._last_looks >= LOOKS:
            self.read.set()

    def _may_go_on(self) -> bool:
        if self._place + 1 == len(self.vendor.steps):
            return False
        if self.step.trouble is not None:
            return self._looks >= FAILED_LOOKS
        return self._looks >= LOOKS and self._clock() >= self.vendor.steps[self._place + 1].at


def _respond(request: web.Request, document: Document, step: Step) -> web.Response:
    tag = blake2b(document.body, digest_size=12).hexdigest()
    changed_at = formatdate(step.facts.stamp.timestamp(), usegmt=True)
    headers = {
        "ETag": f'"{tag}"',
        "Last-Modified": changed_at,
        "Cache-Control": "max-age=0, private, must-revalidate",
    }
    # RFC 9110, 13.1.3: If-Modified-Since is ignored where If-None-Match is sent.
    if (asked := request.if_none_match) is not None:
        unchanged = any(known.value == tag for known in asked)
    else:
        unchanged = request.headers.get("If-Modified-Since") == changed_at
    if unchanged:
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=document.body, headers={**headers, "Content-Type": document.content_type}
    )
