"""Sends messages with Apprise; a program of its own, because Apprise blocks and may hang.

Each line of its standard input is `{"url", "title", "body", "type", "timeout"}` as JSON, and is
answered by a line of JSON: `{"sent": true}`, or `{"sent": false, "said": "..."}` with what
Apprise said of it. With nothing but a `url` it sends nothing, and `sent` says whether Apprise
understands that. It imports nothing of Bellbuoy, so that it starts quickly.
"""

import io
import json
import logging
import sys
from typing import Any

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
    # No logo of its own, from an address of its own.
    made.image_url_mask = made.image_url_logo = ""
    made.http_redirects = False
    made.pgp_autogen = False
    made.pem_autogen = False
    made.async_mode = False
    return made


def send(given: dict[str, Any]) -> bool:
    """Send one message, or only look at its address."""
    service = apprise.Apprise.instantiate(given["url"], asset=asset(given.get("timeout", 30.0)))
    if service is None or "body" not in given:
        return service is not None
    if "overflow=" not in given["url"]:
        # What is too long would be refused each time for three days.
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    result = sender.notify(
        title=given["title"],
        body=given["body"],
        notify_type=given["type"],
        body_format=apprise.NotifyFormat.TEXT,
    )
    return bool(result)


def main() -> None:
    """Answer line by line."""
    answers = sys.stdout
    for line in sys.stdin:
        # What a library prints is no answer.
        said = sys.stdout = sys.stderr = io.StringIO()
        logging.basicConfig(stream=said, level=logging.WARNING, format="%(message)s", force=True)
        sent = send(json.loads(line))
        print(json.dumps({"sent": sent, "said": said.getvalue()[-500:]}), file=answers, flush=True)


if __name__ == "__main__":
    main()
