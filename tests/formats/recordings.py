"""What there is to read of each format: visits, made of recorded bodies or of its sample page.

Which recorded body is the answer to which question stands here, once.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats
from bellbuoy.model.facts import Page, Provider, Snapshot
from bellbuoy.model.known import Seen
from tests.formats.samples import sample, sample_url

FORMATS = Formats()
_ROOT = "https://status.example.com"


@dataclass(frozen=True)
class Visit:
    """One page at one moment: the bodies that a visit is answered with, by their addresses."""

    format: str
    name: str
    url: str
    answers: Mapping[str, bytes]

    def read(self, seen: Seen) -> Snapshot | None:
        """What the format makes of it; None if it refuses the page."""
        page = Page(key=self.url, url=self.url, provider=_PROVIDER, format=self.format, every=60.0)
        exchange = FORMATS[self.format].read(page, seen)
        try:
            request = next(exchange)
            while True:
                body = self.answers.get(request.url)
                if body is None:
                    error = FetchError(request.url, Unreadable.GONE, "no such document", status=404)
                    request = exchange.throw(error)
                else:
                    request = exchange.send(Response(url=request.url, status=200, body=body))
        except StopIteration as end:
            return end.value
        except ReadError:
            return None

    def asked(self, seen: Seen) -> list[bytes]:
        """The bodies that are asked for, and are there."""
        noted = _Noted(self.answers)
        replace(self, answers=noted).read(seen)
        return list(noted.taken.values())


_PROVIDER = Provider(slug="e", name="E")


class _Noted(dict[str, bytes]):
    """Answers that note what was asked for."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        super().__init__(answers)
        self.taken: dict[str, bytes] = {}

    def get(self, url: str, default: Any = None) -> Any:
        body = super().get(url, default)
        if body is not None:
            self.taken[url] = body
        return body


@dataclass(frozen=True)
class _Recorded:
    """Where the bodies of a kind of page lie: those of its face, and what is asked beside it."""

    faces: tuple[str, ...]
    path: str = ""
    url: str = _ROOT
    beside: Mapping[str, str] = field(default_factory=dict)

    def files(self, corpus: Path) -> Iterator[Path]:
        """The bodies of all its documents."""
        yield from self._faces(corpus)
        yield from (corpus / name for name in self.beside.values())

    def _faces(self, corpus: Path) -> list[Path]:
        return sorted({one for pattern in self.faces for one in corpus.glob(pattern)})

    def visits(self, format: str, corpus: Path) -> Iterator[Visit]:
        beside = {f"{self.url}/{path}": corpus / name for path, name in self.beside.items()}
        others = {url: _body(path) for url, path in beside.items()}
        face = f"{self.url}/{self.path}".rstrip("/") if self.path else self.url
        for path in self._faces(corpus):
            name = str(path.relative_to(corpus))
            yield Visit(format, name, self.url, {face: _body(path), **others})


_KIND = re.compile(r"^\| ([^ |]+) \|(?:[^|]*\|){6} ([^|]*) \|", re.MULTILINE)
"""A file and what kind of file it is, in the corpus's own list of sources."""

_NOT_RECORDED = ("hand-made", "hand-edited", "docs-derived", "test expectation", "based on")

_HUNDRED = "?per_page=100"
_SLACK = "https://slack-status.com"
_OFFICE = "https://portal.office.com/api/servicestatus/index"
_PREVIEW = "v1/instances/status/preview?childProducts=false"
_TRUST = "https://api.status.salesforce.com"
_RECORDED: Mapping[str, tuple[_Recorded, ...]] = {
    "apple": (_Recorded(("apple/*/*.json",), "data/system_status_en_US.js"),),
    "aws": (
        _Recorded(("aws/aws/*.json",), "public/currentevents"),
        _Recorded(("aws/*/series-data-json-*/*",), url=f"{_ROOT}/data.json"),
    ),
    "betterstack": (_Recorded(("betterstack/*/*index*.json",), "index.json"),),
    "cachet": (
        _Recorded(
            ("cachet/*/incidents.json",),
            f"api/v1/incidents{_HUNDRED}&sort=id&order=desc",
            beside={
                f"api/v1/components{_HUNDRED}": "cachet/cachet-demo/components.json",
                f"api/v1/components/groups{_HUNDRED}": "cachet/cachet-demo/groups.json",
                f"api/v1/schedules{_HUNDRED}&sort=id&order=desc": (
                    "cachet/cachet-demo/schedules.json"
                ),
            },
        ),
    ),
    "concur": (_Recorded(("concur/*/*incidents.json",), "api/open/incidents"),),
    "feed": (
        _Recorded(
            ("*/*/*.atom", "*/*/*.rss", "*/*/*.xml", "*/*/series-history-atom*/*"),
            url=f"{_ROOT}/history.atom",
        ),
    ),
    "firehydrant": (_Recorded(("firehydrant/*/*.json",), "data/payload.json"),),
    "google": (
        _Recorded(
            ("google-status/*/*.json", "google-status/*/series-*/*"),
            "incidents.json",
        ),
    ),
    "heroku": (_Recorded(("heroku/*/*.json",), "api/v4/current-status"),),
    "ibmcloud": (_Recorded(("ibm-cloud/*/*.json",), "getEnhancedStatus"),),
    "incidentio": (
        _Recorded(
            ("incidentio/*/*.json",),
            "api/v2/summary.json",
            beside={"feed.atom": "incidentio/openai/openai-feed-2025-10-20.rss"},
        ),
        _Recorded(
            ("incidentio/openai/OpenAI.json",),
            "api/v2/summary.json",
            beside={"feed.atom": "incidentio/openai/openai-feed-2025-06-13.atom"},
        ),
    ),
    "instatus": (
        _Recorded(
            ("instatus/*/summary-*.json", "instatus/*/*-instatus.json"),
            "summary.json",
            beside={
                "v3/components.json": "instatus/gcore/components.json",
                "": "instatus/whereby/whereby-good.html",
            },
        ),
        *(
            _Recorded(
                ("instatus/*/summary-*.json",),
                "summary.json",
                beside={"": f"instatus/whereby/whereby-notice-2023-{month}.html"},
            )
            for month in ("03", "12")
        ),
    ),
    "meta": (_Recorded(("meta/*/*.json",), "data/orgs.json"),),
    "microsoft365": (
        _Recorded(
            ("microsoft365/*/*-consumer.json",),
            "api/posts/m365Consumer",
            beside={
                "api/posts/mac": "microsoft365/microsoft/Microsoft-adminpost.json",
                "api/posts/azure": "azure/azure/Azure-post.json",
            },
        ),
        _Recorded(("microsoft365/*/Microsoft.json",), url=_OFFICE),
    ),
    "okta": (_Recorded(("okta-trust/*/*.html",), url=f"{_ROOT}/"),),
    "pagerduty": (_Recorded(("pagerduty/*/*.html",), url=f"{_ROOT}/"),),
    "salesforce": (
        _Recorded(("salesforce-trust/salesforce/*_incident.json",), _PREVIEW),
        _Recorded(("salesforce-trust/tableau/*.json",), url=f"{_TRUST}/v1/products/Tableau"),
    ),
    "slack": (
        _Recorded(
            ("slack/*/slack-current-*.json", "slack/*/slack_incident.json", "slack/*/series-*/*"),
            "api/v2.0.0/current",
            beside={"api/v2.0.0/history": "slack/slack/slack-history-2026-07.json"},
        ),
        _Recorded(
            ("slack/*/slack-current-*.json",),
            "api/v2.0.0/current",
            beside={"api/v2.0.0/history": "slack/slack/slack_history-2026-08-18.json"},
        ),
    ),
    "sorry": (_Recorded(("sorry/*/*.json",), "api/v1/status.json"),),
    "statusio": (_Recorded(("statusio/docker/*.json",), url=f"{_ROOT}/1.0/status/1"),),
    "statuspage": (
        _Recorded(
            ("statuspage/*/[!i]*.json", "statuspage/*/series-summary-*/*"),
            "api/v2/summary.json",
        ),
        *(
            _Recorded(
                (f"statuspage/{face}.json",),
                "api/v2/summary.json",
                beside={"api/v2/incidents.json": f"statuspage/{history}.json"},
            )
            for face, history in (
                ("github/GitHub", "github/incidents-2026-07-30-atlas"),
                ("github/GitHub", "github/incidents-2026-08-18"),
                ("anthropic/Anthropic", "anthropic/incidents-clauth-2026-06"),
            )
        ),
    ),
    "upptime": (_Recorded(("upptime/*/series-*/*",), "history/summary.json"),),
    "uptimekuma": (
        _Recorded(
            ("uptime-kuma/*/heartbeat.json",),
            "api/status-page/heartbeat/default",
            beside={"api/status-page/default": "uptime-kuma/demo/status-page.json"},
        ),
    ),
}


def visits(format: str, corpus: Path | None) -> list[Visit]:
    """Every recorded visit of a format; the one to its sample page if none is recorded."""
    kinds = _RECORDED.get(format, ()) if corpus else ()
    found = [one for kind in kinds for one in kind.visits(format, corpus)]
    url = "" if found else sample_url(FORMATS[format])
    return found or [Visit(format, "the sample page", url, sample(format))]


def recordings(format: str, corpus: Path) -> set[str]:
    """The bodies that were recorded of a format: neither empty ones, nor what was made by hand."""
    kinds = dict(_KIND.findall((corpus / "SOURCES.md").read_text("utf-8")))
    found = {path for one in _RECORDED.get(format, ()) for path in one.files(corpus)}
    names = (str(path.relative_to(corpus)) for path in found if _body(path).strip())
    return {name for name in names if not kinds.get(name, "").startswith(_NOT_RECORDED)}


def _body(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
