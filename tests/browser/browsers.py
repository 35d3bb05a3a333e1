"""Chromium as these tests want it: Debian's own, and silent on the network."""

import shutil

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Where it is; None if this machine has none."""
    return shutil.which("chromium")


async def launch(playwright: Playwright, path: str) -> Browser:
    """A browser without a window."""
    return await playwright.chromium.launch(executable_path=path, args=list(FLAGS))


class Watcher:
    """Collects what a browser complains of: errors of scripts, of the policy, of requests.

    `forgiven` are parts of complaints that a test brings about itself.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.forgiven: tuple[str, ...] = ()

    def watch(self, context: BrowserContext) -> None:
        """Listen to every page of a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"thrown: {error.error}"))
        context.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        context.on("page", self._page)

    def _page(self, page: Page) -> None:
        page.on("crash", lambda _: self.complaints.append("crashed"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def unforgiven(self) -> list[str]:
        """What a test did not bring about."""
        return [one for one in self.complaints if not any(part in one for part in self.forgiven)]
