"""What an answer is before it is a document: its text, and whether a web page stands there.

An encoding is taken from the byte order mark, else the HTTP header, else the XML declaration
(https://www.rfc-editor.org/rfc/rfc7303#section-3), else UTF-8. Servers lie about it, so each
claim must prove itself; text that is valid UTF-8 beyond ASCII is that, whatever was claimed.
"""

import codecs

from bellbuoy.errors import Unreadable
from bellbuoy.exchange import Response

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Names that feeds use; codecs that are slow or not encodings (idna, punycode) are not here.
_UNICODE = ("utf-8", "utf-16", "utf-16-le", "utf-16-be")
_EAST_ASIAN = ("gb18030", "big5", "euc-kr", "euc-jp", "iso-2022-jp")
_CODECS = {
    **{name: name for name in (*_UNICODE, *_EAST_ASIAN, "koi8-r", "koi8-u")},
    **{f"iso-8859-{part}": f"iso-8859-{part}" for part in range(2, 17) if part != 12},
    **{f"windows-{page}": f"cp{page}" for page in range(1250, 1259)},
    "utf8": "utf-8",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    # Browsers read these three as windows-1252: https://encoding.spec.whatwg.org/#names-and-labels
    **dict.fromkeys(("us-ascii", "ascii", "iso-8859-1", "latin1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    **dict.fromkeys(("shift-jis", "windows-31j"), "cp932"),
}

_CHALLENGES = (
    "<title>just a moment",
    "<title>attention required!",
    "cf-browser-verification",
    "_incapsula_resource",
    "captcha-delivery.com",
    "px-captcha",
    "awswafcookiedomainlist",
    "checking your browser before",
    "verify you are human",
    "verifying you are human",
)

# Home pages have these as well, but home pages are long.
_SIGNS_IF_SHORT = (
    "captcha",
    "challenge",
    "access denied",
    "request blocked",
    "enable javascript and cookies",
    "ddos protection",
)
_SHORT = 16_384
_CHALLENGE_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-datadome", "x-sucuri-block")

_HEAD = 65_536
"""How much of a page is searched for the marks of a challenge, in characters."""


def text_of(response: Response) -> str:
    """The text of an answer, without byte order mark, by the best claim about its encoding."""
    body = response.body
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace").lstrip("\ufeff")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if "\0" in text:
        text = ""
    if text and not text.isascii():
        return text
    for claim in (_header_charset(response), _declared(body), _sniffed(body)):
        decoded = _decoded(body, claim)
        if decoded is not None:
            return decoded
    return text or body.decode("utf-8", "replace")


def is_web_page(text: str) -> bool:
    """Whether a text is an HTML page."""
    head = text[:1_024].lstrip().lower()
    while head.startswith("<!--") and "-->" in head:
        head = head.partition("-->")[2].lstrip()
    return head.startswith(("<!doctype html", "<html", "<head", "<body", "<title", "<script"))


def why_not(response: Response, text: str) -> tuple[Unreadable, str]:
    """Why a text is no document, and in words: a challenge, a web page, something else."""
    if is_challenge(response, text):
        return Unreadable.BLOCKED, "a challenge stands where the document was"
    if not is_web_page(text):
        return Unreadable.NOT_THE_FORMAT, "neither markup of this format nor a web page"
    if response.status == 202:
        return Unreadable.BLOCKED, "a challenge page stands where the document was"
    return Unreadable.NOT_THE_FORMAT, "a web page stands where the document was"


def is_challenge(response: Response, text: str) -> bool:
    """Whether a challenge for browsers, or a captcha, bears its marks in this answer."""
    if any(name in response.headers for name in _CHALLENGE_HEADERS):
        return True
    head = text[:_HEAD].lower()
    signs = _CHALLENGES + (_SIGNS_IF_SHORT if len(text) < _SHORT else ())
    return is_web_page(text) and any(sign in head for sign in signs)


def _header_charset(response: Response) -> str:
    for parameter in response.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


def _declared(body: bytes) -> str:
    """What the XML declaration names: `<?xml version="1.0" encoding="..."?>`."""
    head = body[:256].replace(b"\0", b"").lstrip()
    if not head.startswith(b"<?xml") or b"encoding" not in head:
        return ""
    rest = head.partition(b"?>")[0].partition(b"encoding")[2].partition(b"=")[2].strip()
    return rest[1:].partition(rest[:1])[0].decode("ascii", "replace") if rest else ""


def _sniffed(body: bytes) -> str:
    """UTF-16 without a mark shows itself in the zero bytes around the first sign."""
    return {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(body[:2], "")


def _decoded(body: bytes, claim: str) -> str | None:
    """The body by a claim, if it is true: the text must decode and begin as a document does."""
    codec = _CODECS.get(claim.lower().replace("_", "-"))
    if codec is None:
        return None
    if codec == "utf-16":
        codec = _sniffed(body) or "utf-16-be"
    try:
        text = body.decode(codec, "replace" if codec == "cp1252" else "strict")
    except UnicodeDecodeError:
        return None
    return text if text.lstrip()[:1] in {"<", "{", "["} and "\0" not in text[:64] else None
