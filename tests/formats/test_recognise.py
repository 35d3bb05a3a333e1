"""From whatever a person pastes to a page: the format, the canonical address, the name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from bellbuoy.errors import FetchError
from bellbuoy.exchange import Exchange, Response
from bellbuoy.formats import Claim, Formats, statuspage
from bellbuoy.formats.recognise import MOST_REQUESTS, Recognition, recognise
from bellbuoy.model.facts import Page, Snapshot
from bellbuoy.model.known import Seen
from tests.formats.conversation import Answer, converse
from tests.formats.samples import ROOT, body_of, sample
from tests.moments import least_cpu

FORMATS = Formats()
SUMMARY = sample("statuspage")[f"{ROOT}/api/v2/summary.json"]
HOME = (
    b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>All systems fine</body></html>"
)
ASSET = "https://dka575ofm4ao0.cloudfront.net/assets/status/status_manifest.css"


class Everywhere(dict[str, Answer]):
    """A server that answers every question, some of them specially."""

    def __init__(self, otherwise: Answer, answers: dict[str, Answer] | None = None) -> None:
        super().__init__(answers or {})
        self.otherwise = otherwise

    def get(self, key: str, _default: object = None) -> Answer:  # type: ignore[override]
        """The special answer, or the one for all."""
        return super().get(key, self.otherwise)


def found(address: str, answers: dict[str, Answer], formats: Formats = FORMATS) -> Recognition:
    """Recognise an address; nothing is asked twice, and never too much."""
    recognition, asked = converse(recognise(address, formats), answers)
    assert list(recognition.tried) == asked
    assert len(asked) == len(set(asked)) <= MOST_REQUESTS
    return recognition


def missing(answers: dict[str, Answer]) -> Everywhere:
    """A server that knows nothing but some documents."""
    return Everywhere(404, answers)


def web_page(head: str, title: str = "Acme Status", body: str = "") -> bytes:
    """A web page with something in its head."""
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"
    ).encode()


@pytest.mark.parametrize(
    "address",
    [
        "https://status.example.com",
        "https://status.example.com/",
        "HTTPS://Status.Example.COM:443/",
        "status.example.com",
        "//status.example.com",
        " status.example.com/ ",
        "https://status.example.com/#about",
        "https://user:word@status.example.com",
        "https://status.example.com/api/v2/summary.json",
        "https://status.example.com/incidents/incident0003",
        "https://status.example.com/history?page=2",
        "https://status.example.com/uptime",
    ],
)
def test_any_address_of_a_page_leads_to_its_canonical_one(address):
    """Page, document, incident or history: the page is one and the same."""
    recognition = found(address, missing({f"{ROOT}/api/v2/summary.json": SUMMARY}))
    assert (recognition.format, recognition.url, recognition.name) == ("statuspage", ROOT, "Acme")


def test_a_page_below_a_path_keeps_its_path():
    """A host may hold several pages."""
    address = "https://example.com/status/acme"
    answers = missing({f"{address}/api/v2/summary.json": SUMMARY})
    assert found(f"{address}/", answers).url == address


def test_a_page_on_another_port_or_without_tls_keeps_both():
    """Only what is the default is dropped."""
    for address in ("http://127.0.0.1:8484", "http://[::1]:8484"):
        answers = missing({f"{address}/api/v2/summary.json": SUMMARY})
        assert found(address, answers).url == address


def test_without_a_scheme_http_is_tried_where_https_does_not_answer():
    """A page on a private host often has no certificate."""
    answers: dict[str, Answer] = {
        "http://localhost:8484": HOME,
        "http://localhost:8484/api/v2/summary.json": SUMMARY,
    }
    recognition = found("localhost:8484", answers)
    assert (recognition.format, recognition.url) == ("statuspage", "http://localhost:8484")
    assert recognition.tried[0] == "https://localhost:8484"


def test_where_no_server_answers_the_error_says_so_at_once():
    """A dead host is not asked twelve times, and is no page of an unknown format."""
    exchange = recognise("https://status.example.com", FORMATS)
    request = next(exchange)
    with pytest.raises(FetchError, match="nobody there"):
        converse(recognise("status.example.com", FORMATS), {})
    error = FetchError(request.url, "network", "nobody there")
    with pytest.raises(FetchError, match="nobody there"):
        exchange.throw(error)


@pytest.mark.parametrize("address", ["", "  ", "no address", "ftp://example.com", "https://[bad"])
def test_what_is_no_address_is_recognised_as_nothing_without_a_question(address):
    """Whatever a person types, there is an answer."""
    recognition, asked = converse(recognise(address, FORMATS), missing({}))
    assert asked == []
    assert recognition == Recognition(
        format=None, url=address.strip(), name=address.strip(), tried=()
    )


def test_a_server_that_answers_everything_with_one_page_is_claimed_by_nobody():
    """Positive evidence only: status 200 is none."""
    for body in (HOME, b"{}", b"[]", b"OK", b"", SUMMARY[:300]):
        recognition = found("https://example.com/some/page", Everywhere(body))
        assert recognition.format is None
        assert recognition.url == "https://example.com/some/page"
        assert recognition.name == "example.com"


def test_an_error_at_one_address_only_means_that_the_next_is_asked():
    """A forbidden front page says nothing of the documents below it."""
    for status in (403, 404, 418, 500):
        answers = missing({ROOT: status, f"{ROOT}/api/v2/summary.json": SUMMARY})
        assert found(ROOT, answers).format == "statuspage"


def test_after_a_redirect_the_page_is_where_the_answer_came_from():
    """The old host is not what should be watched."""
    moved = Response(url="https://new.example.com/", status=200, body=HOME)
    answers = missing({ROOT: moved, "https://new.example.com/api/v2/summary.json": SUMMARY})
    assert found(ROOT, answers).url == "https://new.example.com"


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"probe"}))
def test_every_sample_page_is_recognised_from_each_of_its_addresses(name):
    """The registry's formats recognise their own, or one that tells more."""
    answers = missing(dict(sample(name)))
    for address in sample(name):
        recognition = found(address, answers)
        assert recognition.format == name or (name == "feed" and recognition.format), address


def test_incident_io_is_asked_before_what_it_imitates():
    """Its JSON is never taken for Statuspage's."""
    recognition = found(ROOT, missing(dict(sample("incidentio"))))
    assert recognition.format == "incidentio"


# Which claim wins


class Claimer(Struct):
    """A format that claims whatever holds its mark."""

    NAME: str
    PROBES: tuple[str, ...]
    mark: bytes
    api_version: int = 1
    PLATFORM: str | None = None

    def claims(self, response: Response) -> Claim | None:
        """Claim what holds the mark."""
        if self.mark not in response.body:
            return None
        return Claim(format=self.NAME, url=response.url, name=f"by {self.NAME}")

    def read(self, page: Page, seen: Seen) -> Exchange[Snapshot]:
        """Never read here."""
        raise NotImplementedError


def claimers() -> dict[str, Claimer]:
    """Formats that differ only in what they look for."""
    return {
        "feed": Claimer("feed", ("a.feed", "b.feed"), b"FEED"),
        "zebra": Claimer("zebra", ("z",), b"ZEBRA"),
        "apple": Claimer("apple", ("a", "a2"), b"APPLE"),
        "statuspage": Claimer("statuspage", ("s",), b"PAGE"),
        "incidentio": Claimer("incidentio", ("s", "i"), b"IO"),
    }


@pytest.mark.parametrize(
    ("body", "winner"),
    [
        (b"IO PAGE FEED APPLE", "incidentio"),
        (b"PAGE FEED APPLE", "statuspage"),
        (b"ZEBRA APPLE FEED", "apple"),
        (b"ZEBRA FEED", "zebra"),
        (b"FEED", "feed"),
    ],
)
def test_of_several_claims_the_most_specific_wins(body, winner):
    """incident.io before Statuspage, both before others, a feed last."""
    assert found(ROOT, missing({ROOT: body}), claimers()).format == winner


def test_a_feed_is_only_taken_when_nothing_better_is_found():
    """All other probes are tried first, and the feed that was pasted beats the one found."""
    feed = f"{ROOT}/news"
    both = found(feed, missing({feed: b"FEED", f"{ROOT}/z": b"ZEBRA"}), claimers())
    assert (both.format, both.url) == ("zebra", f"{ROOT}/z")
    alone = found(feed, missing({feed: b"FEED", f"{ROOT}/a.feed": b"FEED"}), claimers())
    assert (alone.format, alone.url) == ("feed", feed)


def test_the_surest_probe_of_every_format_comes_before_any_second_one():
    """And a probe that two formats share is asked once."""
    tried = found(ROOT, missing({}), claimers()).tried
    assert [url.removeprefix(ROOT) for url in tried] == [
        "", "/s", "/a", "/z", "/a.feed", "/i", "/a2", "/b.feed",
    ]  # fmt: skip


# What is Statuspage's


@pytest.mark.parametrize(
    ("head", "body", "headers"),
    [
        (f'<link rel="stylesheet" href="{ASSET}">', "", {}),
        ('<script src="//dka575ofm4ao0.cloudfront.net/packs/runtime.js"></script>', "", {}),
        ("", '<div data-react-class="HistoryIndex" data-react-props="{}"></div>', {}),
        ("", "", {"x-statuspage-version": "31499eb207ca"}),
    ],
)
def test_statuspage_s_html_is_known_by_its_own_marks(head, body, headers):
    """Its assets, its React class, its header: each is enough."""
    page = Response(
        url=f"{ROOT}/history", status=200, headers=headers, body=web_page(head, body=body)
    )
    assert statuspage.claims(page) == Claim(format="statuspage", url=ROOT, name="Acme")


@pytest.mark.parametrize(
    "page",
    [
        web_page(""),
        web_page("", body=f'<img src="{ASSET}"> <a href="{ASSET}">Statuspage</a>'),
        web_page('<link href="https://dka575ofm4ao0.cloudfront.net.evil.example/x.css">'),
        web_page('<link href="https://[bad">'),
        web_page("<!-- dka575ofm4ao0.cloudfront.net -->", body="HistoryIndex"),
        b"<!DOCTYPE html>",
        b"<html",
        b"<!DOCTYPE html>" + b"<" * 1000,
    ],
)
def test_a_web_page_that_only_speaks_of_statuspage_is_not_one(page):
    """A picture, a link or a word is no evidence."""
    assert statuspage.claims(Response(url=ROOT, status=200, body=page)) is None


def test_a_name_is_what_the_title_says_without_its_tail():
    """`GitHub Status - Incident History` is about GitHub."""
    mark = f'<link href="{ASSET}">'
    for title, name in {
        "GitHub Status": "GitHub",
        "GitHub Status - Incident History": "GitHub",
        "  Acme\n &amp; Sons   Status ": "Acme & Sons",
        "": "status.example.com",
    }.items():
        claim = statuspage.claims(Response(url=ROOT, status=200, body=web_page(mark, title)))
        assert claim is not None
        assert claim.name == name


def test_a_history_feed_of_statuspage_leads_to_the_page_whose_json_tells_more():
    """Its Atom is known by its id scheme, its RSS by its description."""
    atom = (
        b'<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        b"<id>tag:status.example.com,2005:/history</id>"
        b"<title>Acme Status - Incident History</title></feed>"
    )
    rss = (
        b'<?xml version="1.0"?><rss version="2.0"><channel>'
        b"<title>Acme Status - Incident History</title>"
        b"<description>Statuspage</description></channel></rss>"
    )
    for address, body in ((f"{ROOT}/history.atom", atom), (f"{ROOT}/history.rss", rss)):
        recognition = found(address, missing({address: body}))
        assert (recognition.format, recognition.url, recognition.name) == (
            "statuspage", ROOT, "Acme",
        )  # fmt: skip
    # A copy of it elsewhere has no page beside it.
    copy = Response(url="https://feeds.example.com/acme.xml", status=200, body=atom)
    assert statuspage.claims(copy) is None


def test_x3_a_web_page_with_a_hundred_thousand_attributes_is_dealt_with_at_once():
    """libxml2 takes seconds for it, so only the head of a page is searched."""
    body = b"<!DOCTYPE html><html " + b" ".join(b"a%d=b" % n for n in range(100_000)) + b"></html>"

    def act():
        assert statuspage.claims(Response(url=ROOT, status=200, body=body)) is None

    assert least_cpu(act, enough=1) < 1


@given(
    st.binary(max_size=400), st.sampled_from([b"<!DOCTYPE html><html>", b"<rss>", b"{", b"<?xml"])
)
def test_no_body_breaks_a_claim(body, beginning):
    """Whatever a server sends, claiming ends with a claim or with none."""
    for format in FORMATS.values():
        for path in ("", "/history.atom", "/api/v2/summary.json"):
            response = Response(url=f"{ROOT}{path}", status=200, body=beginning + body)
            assert format.claims(response) is None


# Recordings

TRIMMED = {
    "incidents-2026-07-30-atlas.json",
    "incidents-clauth-2026-06.json",
    "github_incident.json",
}
"""Recorded without the time zone, which is what tells Statuspage from its imitations."""

UNSIGNED = {"history-2014-01-09.rss"}
"""Older than the mark in the description: a feed like any other."""


def real_addresses(corpus: Path) -> Iterator[tuple[Path, str]]:
    """Every recording with its address, as the list of sources tells it."""
    for path in sorted((corpus / "statuspage").rglob("*")):
        name = path.name.removesuffix(".gz")
        if not path.is_file():
            continue
        if name.endswith(".json"):
            document = "incidents" if name.startswith("incidents") else "summary"
            yield path, f"{ROOT}/api/v2/{document}.json"
        else:
            yield path, f"{ROOT}/history.{name.rpartition('.')[2]}"


@pytest.mark.corpus
def test_every_recording_of_statuspage_is_recognised_under_its_real_path(corpus):
    """All whole documents are; empty and error bodies are nobody's."""
    others: dict[str | None, set[str]] = {}
    recognised = 0
    for path, address in real_addresses(corpus):
        body = body_of(path)
        is_outage = not body.strip() or re.match(rb'\s*\{\s*"status": 500', body)
        recognition = found(address, missing({address: body}))
        if is_outage:
            assert recognition.format is None
        elif recognition.format == "statuspage":
            assert recognition.url == ROOT
            recognised += 1
        else:
            others.setdefault(recognition.format, set()).add(path.name)
    assert recognised > 1_000
    assert others.get(None, set()) <= TRIMMED
    assert others.get("feed", set()) <= UNSIGNED
    assert others.keys() <= {None, "feed"}


@pytest.mark.corpus
def test_no_recording_of_another_engine_is_taken_for_statuspage(corpus):
    """Not the imitations, not their feeds, not their HTML."""
    paths = ("", "/api/v2/summary.json", "/history.atom", "/history.rss")
    count = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or "statuspage" in path.parts or path.suffix == ".md":
            continue
        if "series" in path.parent.name and path.name[:4] > "0003":
            continue
        for place in paths:
            answer = Response(url=f"{ROOT}{place}", status=200, body=body_of(path))
            assert statuspage.claims(answer) is None, path
        count += 1
    assert count > 50
