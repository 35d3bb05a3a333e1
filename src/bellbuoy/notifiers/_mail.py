"""Messages as mails: their headers, their thread, their text part.

A mail's Message-ID is made of the delivery's key, so a repeat has the same one. The mails of
an incident have one subject, and name the first of them (In-Reply-To, RFC 5322, 3.6.4), and a
root that is made of the lane, so that they stay together even where the first was never sent.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import blake2b
from typing import Any

from msgspec.structs import replace

from bellbuoy.events import Phase
from bellbuoy.model.delivery import Occasion
from bellbuoy.notifiers import Digest, Message, _mail_html
from bellbuoy.notifiers import _wording as wording
from bellbuoy.text import MAX_BODY, clean_line

MAX_SUBJECT = 200
"""The longest subject, and the longest line of a digest, in characters."""

_ADDRESS = re.compile(r"[^\s<>\"@]+@[^\s<>\"@]+")
_MESSAGE_ID = re.compile(r"<[0-9a-f]{32}\.bellbuoy@[^\s<>\"@=?]+>")


def address(mailbox: str) -> str:
    """The address of a mailbox, which is `a@b.example` or `Name <a@b.example>`.

    Raises ValueError for what is not one mailbox, or not plain ASCII in its address.
    """
    is_plain = mailbox.isprintable() and "=?" not in mailbox
    header: Any = SMTP.header_factory("to", mailbox) if is_plain else None
    found = [] if header is None or header.defects else [one.addr_spec for one in header.addresses]
    if len(found) != 1 or not found[0].isascii() or not _ADDRESS.fullmatch(found[0]):
        raise ValueError("must be like ops@example.com or Operations <ops@example.com>")
    return found[0]


def of_message(message: Message, sender: str, to: Sequence[str], timezone: str) -> EmailMessage:
    """One event as a mail; times in the zone of this IANA name."""
    event = message.event
    words = wording.words(message, timezone)
    at = wording.local(event.at or event.observed_at, wording.zone(timezone))
    words = replace(
        words,
        facts=(*words.facts, ("Time", f"{at:%Y-%m-%d %H:%M %Z}")),
        notes=(*words.notes, *_repeat(message)),
    )
    ids = (event.id,)
    is_loud = words.tone is wording.Tone.CRITICAL or (
        message.delivery.occasion is Occasion.REMINDER
    )
    mail = _mail(message.delivery.key, message.sent_at, sender, to, words.subject)
    if is_loud:
        mail["Importance"] = "high"
    first = _first(message)
    root = [] if event.incident is None else [_id(f"thread {event.lane}", sender)]
    if references := [*root, *filter(None, [first])]:
        mail["References"] = " ".join(references)
    if first:
        mail["In-Reply-To"] = first
    return _filled(mail, _text(words, ids), _mail_html.of_words(words, ids))


def of_digest(digest: Digest, sender: str, to: Sequence[str], timezone: str) -> EmailMessage:
    """Many events as one mail, which belongs to no thread."""
    words = wording.digest_words(digest, timezone)
    # It may tell of hundreds of incidents, and mail programs cut what is too long.
    lines = (replace(one, subject=clean_line(one.subject, MAX_SUBJECT)) for one in words.lines)
    words = replace(words, lines=tuple(lines))
    gaps = [wording.AFTER_GAP] if any(one.delivery.after_gap for one in digest.messages) else []
    notes = (*gaps, *_repeat(digest))
    mail = _mail(digest.id, digest.sent_at, sender, to, words.subject)
    return _filled(mail, _digest_text(words, notes), _mail_html.of_digest(words, notes))


def reference(message: Message, mail: EmailMessage) -> str:
    """The Message-ID of the first mail of the thread that a mail of this message belongs to."""
    return _first(message) or str(mail["Message-ID"])


def _first(message: Message) -> str:
    event = message.event
    # A component and a page have one lane for ever: their next trouble is a thread of its own.
    is_anew = (
        event.incident is None
        and event.phase is Phase.BEGINS
        and message.delivery.occasion is not Occasion.REMINDER
    )
    is_ours = _MESSAGE_ID.fullmatch(message.reference) is not None
    return message.reference if is_ours and not is_anew else ""


def _repeat(sent: Message | Digest) -> tuple[str, ...]:
    return (wording.REPEAT,) if sent.repeat else ()


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _id(key: str, sender: str) -> str:
    return f"<{_hash(key)}.bellbuoy@{address(sender).rpartition('@')[2]}>"


def _mail(key: str, sent_at: int, sender: str, to: Sequence[str], subject: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    # An encoded word (RFC 2047) in a vendor's title would be decoded, line ends and all, into
    # fields of its own.
    plain = clean_line(subject, MAX_SUBJECT).replace("=?", "= ?")
    mail["Subject"] = f"[Bellbuoy] {plain}"
    mail["Date"] = format_datetime(datetime.fromtimestamp(sent_at, UTC))
    mail["Message-ID"] = _id(key, sender)
    # RFC 3834, 5: no out-of-office answers to this; the other one is how Exchange is told.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    return mail


def _filled(mail: EmailMessage, text: str, html: str) -> EmailMessage:
    # Quoted-printable keeps lines short and ASCII, so that no server on the way changes them.
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    mail.set_boundary(f"=_{_hash(str(mail['Message-ID']))}")
    return mail


def _text(words: wording.Words, ids: Iterable[str]) -> str:
    return _paragraphs(
        [*filter(None, [words.occasion]), f"{words.state} -- {words.subject}"],
        _indented(words.body),
        [f"{label}: {clean_line(value, MAX_BODY)}" for label, value in words.facts],
        [words.link],
        words.notes,
        ["-- ", *(f"Bellbuoy, event {id}" for id in ids)],
    )


def _digest_text(words: wording.DigestWords, notes: Iterable[str]) -> str:
    still_open = [line for line in words.lines if line.is_open]
    over = [line for line in words.lines if not line.is_open]
    ids = [id for line in words.lines for id in line.event_ids]
    return _paragraphs(
        [words.subject],
        *_section("Still open", still_open),
        *_section("Came and went", over),
        notes,
        ["-- ", "Bellbuoy, events:", *ids],
    )


def _section(title: str, lines: Sequence[wording.Line]) -> Iterator[list[str]]:
    if lines:
        yield [f"{title}:"]
    for line in lines:
        yield [f"* {line.subject}", *_indented(f"{line.state}\n{line.link}".rstrip())]


def _indented(text: str) -> list[str]:
    """Lines that cannot be taken for ours: they begin with a blank."""
    return [f"  {line}".rstrip() for line in text.splitlines()]


def _paragraphs(*paragraphs: Iterable[str]) -> str:
    texts = ("\n".join(lines).strip("\n") for lines in paragraphs)
    return "\n\n".join(filter(None, texts)) + "\n"
