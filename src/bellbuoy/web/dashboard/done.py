"""What a form did, said on the page to which it leads back.

Only a word of this list stands in the address, so that no link can put a sentence of its own
onto a page.
"""

from collections.abc import Mapping

from starlette.responses import RedirectResponse

from bellbuoy.web.spoken import counted

_SENTENCES: Mapping[str, str] = {
    "poked": "It is looked at again within seconds.",
    "again": "Sent again:",
    "enabled": "It is told again from now on.",
    "silenced": "Silenced from now on.",
    "expired": "That silence is over.",
    "gone": "Nothing was changed: it is not there any more.",
}


def back(path: str, done: str, count: int | None = None) -> RedirectResponse:
    """The way back to a page after its form did something (RFC 9110, section 15.4.4)."""
    if done not in _SENTENCES:
        raise ValueError(done)
    joined = "&" if "?" in path else "?"
    many = "" if count is None else f"&count={count}"
    return RedirectResponse(f"{path}{joined}done={done}{many}", 303)


def said(params: Mapping[str, str]) -> str:
    """What the page says of that; empty if nothing was done."""
    sentence = _SENTENCES.get(params.get("done", ""), "")
    count = params.get("count", "")
    if sentence.endswith(":"):
        number = int(count) if count.isdecimal() and len(count) < 8 else 0
        return f"{sentence} {counted(number, 'delivery', 'deliveries')}."
    return sentence
