"""The HTML part of a mail: tables and inline styles, because mail programs know little else.

Every text goes through `escape` once, an address becomes a link only if it is http or https,
and there is no image, no script and no form. Programs that know dark colours take them from
the one style sheet; the others show the light ones.
"""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlsplit

from bellbuoy.notifiers._wording import DigestWords, Line, Tone, Words

COLOURS = {
    Tone.CRITICAL: "#b42318",
    Tone.MAJOR: "#b93815",
    Tone.MINOR: "#8a5a00",
    Tone.PLANNED: "#175cd3",
    Tone.UNKNOWN: "#475467",
    Tone.GOOD: "#067647",
}
"""Grounds on which white words keep a contrast of 4.5 to 1 or more."""

_DARK = """
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background:#101317!important}
.card{background:#1b1f26!important;border-left-color:#2c323c!important;
border-right-color:#2c323c!important;border-bottom-color:#2c323c!important}
.text{color:#e8eaed!important}
.soft{color:#a5adba!important}
.line{border-color:#2c323c!important}
.link{color:#84b6ff!important}
}
"""
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_TABLE = 'role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
_BREAKS = "overflow-wrap:anywhere;word-break:break-word"


def of_words(words: Words, ids: Iterable[str]) -> str:
    """One event as a page."""
    occasion = f"<b>{_text(words.occasion)}</b><br>\n" if words.occasion else ""
    rows = [
        _row(f"{occasion}{_pill(words.tone, words.state)}", "28px 28px 0"),
        _row(_title(words.subject), "14px 28px 0"),
    ]
    if words.body:
        rows.append(_row(_text(words.body), "14px 28px 0"))
    if words.facts:
        rows.append(_row(_facts(words.facts), "18px 28px 0"))
    rows += [_row(_text(note), "16px 28px 0", "soft") for note in words.notes]
    if words.link:
        rows.append(_row(_button(words.link), "22px 28px 0"))
    return _page(words.subject, words.tone, rows, ids)


def of_digest(words: DigestWords, notes: Iterable[str]) -> str:
    """Many events as a page."""
    rows = [_row(_title(words.subject), "28px 28px 0")]
    for title, is_open in (("Still open", True), ("Came and went", False)):
        lines = [line for line in words.lines if line.is_open is is_open]
        if lines:
            rows.append(_row(f"<b>{title}</b>", "24px 28px 0", "soft"))
            rows.append(_row("<br>\n".join(map(_line, lines)), "12px 28px 0"))
    rows += [_row(_text(note), "16px 28px 0", "soft") for note in notes]
    tone = words.lines[0].tone if words.lines else Tone.UNKNOWN
    return _page(words.subject, tone, rows, (id for line in words.lines for id in line.event_ids))


def _page(title: str, tone: Tone, rows: Sequence[str], ids: Iterable[str]) -> str:
    foot = "Bellbuoy, event<br>\n" + "<br>\n".join(map(_text, ids))
    inner = "".join(rows) + _row(foot, "26px 28px 26px", "soft", size=12)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{_text(title)}</title><style>{_DARK}</style></head>\n"
        f'<body class="page" style="margin:0;padding:0;background:#f2f4f7">'
        f'<table {_TABLE} class="page" style="background:#f2f4f7"><tr>'
        f'<td align="center" style="padding:24px 12px">\n'
        f'<table {_TABLE} class="card" style="max-width:600px;background:#ffffff;'
        f'border:1px solid #e0e4ea;border-top:4px solid {COLOURS[tone]};border-radius:10px">\n'
        f"{inner}</table>\n</td></tr></table></body></html>\n"
    )


def _row(inner: str, padding: str, kind: str = "text", *, size: int = 15) -> str:
    colour = {"text": "#1d2430", "soft": "#5b6472"}[kind]
    style = f"padding:{padding};{_FONT};font-size:{size}px;line-height:1.5;color:{colour};{_BREAKS}"
    return f'<tr><td class="{kind}" align="left" style="{style}">{inner}</td></tr>\n'


def _text(text: str) -> str:
    """Vendor text is data: escaped here, and nowhere a second time."""
    return escape(text).replace("\n", "<br>\n")


def _title(text: str) -> str:
    style = f"margin:0;{_FONT};font-size:21px;line-height:1.3;font-weight:650;{_BREAKS}"
    return f'<h1 style="{style}">{_text(text)}</h1>'


def _pill(tone: Tone, text: str, *, size: int = 13) -> str:
    style = (
        f"display:inline-block;padding:3px 11px;border-radius:12px;{_FONT};font-size:{size}px;"
        f"line-height:1.5;font-weight:600;color:#ffffff;background:{COLOURS[tone]}"
    )
    return f'<span style="{style}">{_text(text)}</span>'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    label = f"padding:5px 16px 5px 0;{_FONT};font-size:14px;color:#5b6472;white-space:nowrap"
    value = f"padding:5px 0;{_FONT};font-size:14px;line-height:1.45;color:#1d2430;{_BREAKS}"
    rows = "".join(
        f'<tr><td class="soft" valign="top" style="{label}">{_text(name)}</td>'
        f'<td class="text" width="100%" valign="top" style="{value}">{_value(name, text)}</td></tr>'
        for name, text in facts
    )
    return (
        f'<table {_TABLE} class="line" style="border-top:1px solid #e0e4ea">'
        f'<tr><td style="height:8px;line-height:8px;font-size:0">&nbsp;</td></tr>{rows}</table>'
    )


def _value(name: str, text: str) -> str:
    """A runbook is the operator's own address; what a vendor wrote never becomes a link."""
    return _link(text, text) if name == "Runbook" else _text(text)


def _link(address: str, text: str) -> str:
    if not address.startswith(("https://", "http://")):
        return _text(text)
    style = f"color:#175cd3;{_BREAKS}"
    return f'<a class="link" href="{escape(address)}" style="{style}">{_text(text)}</a>'


def _button(address: str) -> str:
    return f"<b>{_link(address, f'Read on at {_host(address)}')}</b>"


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "the status page"
    except ValueError:
        return "the status page"


def _line(line: Line) -> str:
    subject = _link(line.link, line.subject)
    return (
        f"{_pill(line.tone, line.state, size=12)}<br>\n"
        f'<span style="display:inline-block;padding:5px 0 9px">{subject}</span>'
    )
