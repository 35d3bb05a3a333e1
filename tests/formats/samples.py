"""Sample pages: `fixtures/<format>/sample/` holds one page of a format, a file for each path.

Every format has one, and everything that all formats must do is tried on it. The page lies at
`https://status.example.com`; where it is watched is what the format itself claims of a file.
What no file name may hold everywhere is percent-encoded: `incidents%3Fper_page=100`.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from bellbuoy.exchange import Response
from bellbuoy.formats import Format
from bellbuoy.model.facts import Page, Provider

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = "https://status.example.com"
SLUG = Provider(slug="acme", name="Acme")


def sample(name: str) -> Mapping[str, bytes]:
    """The bodies of a format's sample page by their addresses."""
    folder = FIXTURES / name / "sample"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files, f"a format needs a sample page in {folder}"
    return {
        f"{ROOT}/{unquote(path.relative_to(folder).as_posix())}": path.read_bytes()
        for path in files
    }


def sample_url(format: Format) -> str:
    """Where a format's sample page is watched; what claims nothing, at its only address."""
    if not format.PROBES:
        (url,) = sample(format.NAME)
        return url
    answers = (
        Response(url=url, status=200, body=body) for url, body in sample(format.NAME).items()
    )
    claims = [claim for answer in answers if (claim := format.claims(answer))]
    assert claims, f"{format.NAME} claims nothing of its sample page"
    return claims[0].url


def page_at(url: str, format: str) -> Page:
    """A page to be read."""
    return Page(key=url, url=url, provider=SLUG, format=format)


def body_of(path: Path) -> bytes:
    """One recorded body as it came, unpacked."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
