"""Sends one message with Apprise; a program of its own, because Apprise blocks and may hang.

Reads `{"url", "title", "body", "type", "timeout"}` as JSON from standard input. Exits 0 if the
service took it; else it prints what Apprise said of it, and exits 1. With nothing but a `url`
it sends nothing, and exits 0 if Apprise understands that. It imports nothing of Bellbuoy, so
that it starts quickly.
"""

import json
import logging
import sys

import apprise


def asset(timeout: float) -> apprise.AppriseAsset:
    """How Apprise is to behave: nothing on disk, no redirects, one try."""
    made = apprise.AppriseAsset(
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        service_timeout=timeout,
        allow_templates=False,
    )
    made.app_id = "Bellbuoy"
    made.app_desc = "Bellbuoy"
    made.http_redirects = False
    made.pgp_autogen = False
    made.pem_autogen = False
    made.async_mode = False
    return made


def main() -> int:
    """Send what stands on standard input."""
    given = json.load(sys.stdin)
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    service = apprise.Apprise.instantiate(given["url"], asset=asset(given.get("timeout", 30.0)))
    if service is None or "body" not in given:
        return 0 if service else 1
    if "overflow=" not in given["url"]:
        # What is too long would be refused each time for three days.
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    return (
        0
        if sender.notify(
            title=given["title"],
            body=given["body"],
            notify_type=given["type"],
            body_format=apprise.NotifyFormat.TEXT,
        )
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
