"""The first sweep over all pages, as a person sees it: progress, what failed, one line."""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from bellbuoy.config import Watched
from bellbuoy.errors import Unreadable
from bellbuoy.observer import Observer, VisitDone

if TYPE_CHECKING:
    from rich.progress import Progress

_MANY = 50
"""More pages than this, and a person at a terminal sees how far the first sweep is."""

_TOLD = 10
"""Not more failures than this are told in full."""


class Found(Protocol):
    """What a sweep found, in pages; `bellbuoy.app.Sweep` is one."""

    @property
    def pages(self) -> int:
        """How many were asked."""
        ...

    @property
    def fine(self) -> int:
        """How many have no trouble."""
        ...

    @property
    def trouble(self) -> int:
        """How many have an open incident or a component that is not well."""
        ...

    @property
    def unreadable(self) -> int:
        """How many could not be read."""
        ...


def in_one_line(found: Found, *, every: float | None, place: str) -> str:
    """The summary of a sweep; `every` is the time to the next look in seconds, None if none."""
    pages = "1 page" if found.pages == 1 else f"{found.pages} pages"
    next_look = "" if every is None else f"; next look in {every:g} s"
    return (
        f"{pages}: {found.fine} fine, {found.trouble} with trouble, "
        f"{found.unreadable} unreadable{next_look}; state in {place}"
    )


class FirstLooks(Observer):
    """Sees the first visit to each page; shows progress on a terminal when there are many."""

    def __init__(self, watched: Sequence[Watched]) -> None:
        self._pages = len(watched)
        self._done: set[str] = set()
        self._failed: dict[str, VisitDone] = {}
        self._progress: Progress | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        if self._pages > _MANY and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=True,
            )
            self._progress.add_task("First look", total=self._pages)
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over()

    def visit_done(self, details: VisitDone) -> None:
        """Remember how the first visit to a page ended."""
        if self._is_over or details.page_key in self._done:
            return
        self._done.add(details.page_key)
        if details.failure is not None:
            self._failed[details.page_key] = details
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=len(self._done))

    def over(self) -> None:
        """The sweep is over: take the progress away and look no longer."""
        self._is_over = True
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    @contextmanager
    def aside(self) -> Generator[None]:
        """Take the progress away for as long as something else is written to the terminal."""
        progress = self._progress if sys.stdout.isatty() else None
        if progress is not None:
            progress.stop()
        try:
            yield
        finally:
            if progress is not None and progress is self._progress:
                progress.start()

    def failures(self) -> Iterator[str]:
        """Why pages could not be read, one line each; one line for all if it is likely us."""
        failed = list(self._failed.values())
        unreached = [visit for visit in failed if visit.failure is Unreadable.NETWORK]
        if len(unreached) == self._pages > 1:
            yield f"no page could be reached; the first: {_why(failed[0])}"
            return
        for visit in failed[:_TOLD]:
            yield _why(visit)
        if len(failed) > _TOLD:
            yield f"... and {len(failed) - _TOLD} more that could not be read"

    def failure(self, page_key: str) -> VisitDone | None:
        """The failed first visit to a page, or None if it did not fail."""
        return self._failed.get(page_key)


def _why(visit: VisitDone) -> str:
    detail = visit.detail or str(visit.failure)
    return detail if visit.page_key in detail else f"{visit.page_key}: {detail}"
