"""Cards for Microsoft Teams: nothing in them stands for something else, and they fit."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, DisabledError, FetchError, RefusedError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.notifiers import (
    Digest,
    DigestNotifier,
    Notifiers,
    PacedNotifier,
    _teams_card,
    teams,
)
from bellbuoy.notifiers._wording import AFTER_GAP, REPEAT
from bellbuoy.testing.events import HOSTILE, sample_events
from bellbuoy.text import MAX_BODY, MAX_NAME, MAX_TITLE, clean_line, clean_text
from tests.docs import pages
from tests.event_samples import AT, incident_event, message
from tests.notifiers import goldens
from tests.notifiers.fakes.teams import MAX_BYTES, MESSAGE, texts

SETTINGS = teams.Settings(url="https://flows.example/workflows/1?sig=canary")


def asked(sent):
    """The request for a message or a digest, and the exchange that waits for its answer."""
    make = teams.digest if isinstance(sent, Digest) else teams.notify
    exchange = make(sent, SETTINGS)
    return next(exchange), exchange


def card_of(sent):
    """What is posted, which keeps the schema of a card and the limit of its size."""
    request, _ = asked(sent)
    assert len(request.body) <= MAX_BYTES
    card = json.loads(request.body)
    MESSAGE.validate(card)
    return card


def said(sent):
    """Every word of a card, one text per line."""
    return "\n".join(texts(card_of(sent)))


def answered(status, body=b"", **headers):
    """What comes of an answer: the receipt, or what is raised."""
    _, exchange = asked(goldens.opened())
    with pytest.raises(StopIteration) as ended:
        exchange.send(Response(url="", status=status, headers=headers, body=body))
    return ended.value.value


def test_it_is_a_notifier_that_takes_digests_and_has_a_pace():
    """The registry finds it by its name."""
    assert isinstance(Notifiers()["teams"], DigestNotifier)
    assert isinstance(Notifiers()["teams"], PacedNotifier)


@pytest.mark.parametrize(
    "name", ["opened", "updated", "resolved", "maintenance", "reminder", "digest"]
)
def test_a_card_is_as_agreed(name):
    """As it is posted."""
    card = card_of(getattr(goldens, name)())
    goldens.kept(f"teams/{name}.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("event", list(sample_events()), ids=lambda event: event.kind)
@pytest.mark.parametrize("occasion", [*Occasion])
def test_every_event_is_a_good_card(event, occasion):
    """Ordinary, hostile, long and empty, for every reason to tell it."""
    text = said(message(event, occasion=occasion, after_gap=True))
    assert AFTER_GAP in text
    assert event.id in text


def test_n4_a_repeat_says_so():
    """A workflow cannot know it."""
    assert REPEAT not in said(goldens.opened())
    assert REPEAT in said(goldens.opened(repeat=True))
    assert REPEAT in said(replace(goldens.digest(), repeat=True))


vendor = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="*_[]()<>{}-#`~\\1.aATDEIM/: \n", max_size=80),
    st.just(HOSTILE),
)


@example(title="<at>everyone</at>", body="<AT id='0'>x</aT>")
@example(title="{{DATE(2017-02-14T06:00:00Z)}}", body="{{TIME(2017-02-14T06:00:00Z)}}")
@example(title="**bold** _x_ [a](https://evil.example)", body="- list\n1. list\n![](x)")
@given(title=vendor, body=vendor)
def test_j1_j2_text_of_a_vendor_is_shown_as_it_is_and_stands_for_nothing(title, body):
    """No mention, no function, no Markdown: a text stands only where none of them is known."""
    title, body = clean_line(title), clean_text(body)
    card = card_of(message(incident_event(title=title, body=body, components=(title,))))
    text = "\n".join(texts(card))
    assert not any(kind in json.dumps(card) for kind in ('"TextBlock"', '"FactSet"', '"entities"'))
    assert "<at" not in text.lower()
    assert "</at" not in text.lower()
    assert "{{DATE" not in text
    assert "{{TIME" not in text
    spaced = text.replace("< ", "<").replace("{{ ", "{{")
    for line in filter(str.strip, [title, *body.splitlines()]):
        assert line.replace("< ", "<").replace("{{ ", "{{") in spaced


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "msteams:/l/x"])
def test_j7_only_addresses_of_the_web_can_be_opened(address):
    """What else a vendor calls an address has no button."""
    event = incident_event()
    event = replace(event, incident=replace(event.incident, url=address))
    assert "actions" not in card_of(message(event))["attachments"][0]["content"]
    many = replace(goldens.digest(), messages=(message(event), message(incident_event())))
    assert address not in said(many)


@pytest.mark.parametrize("character", ["a", "€", "𝄞", '"', "\\", "<at>", "{{DATE", "\n€"])
def test_the_longest_message_fits(character):
    """Whatever it is made of, and however it is encoded; the links stay whole."""
    long = character * MAX_BODY
    event = incident_event(
        title=long[:MAX_TITLE],
        body=long[:MAX_BODY],
        components=tuple(f"{number}{long[:MAX_NAME]}" for number in range(100)),
    )
    services = tuple(Service(name=long[:200], runbook="https://w.example") for _ in range(50))
    text = said(replace(message(event), services=services))
    assert "https://status.openai.com/incidents/i1" in text
    assert "Investigating" in text


def test_a_message_that_fits_is_not_cut():
    """Cutting is for what is too long alone."""
    body = "words " * 2_500
    assert body.strip() in said(message(incident_event(body=body)))


@pytest.mark.parametrize("count", [2, 25, 100, 1_000])
@pytest.mark.parametrize("title", ["Trouble", "€" * MAX_TITLE])
def test_n2_a_digest_fits_and_counts_what_does_not(count, title):
    """What is still open comes first, and what is left out is counted."""
    messages = tuple(
        message(incident_event(incident=f"i{number}", title=f"{title} {number}"))
        for number in range(count)
    )
    text = said(Digest(id="d", messages=messages, sent_at=int(AT.timestamp())))
    shown = text.count("https://status.openai.com/incidents/")
    assert shown >= min(count, 5)
    assert (f"and {count - shown} more" in text) is (shown < count)
    ids = [one.event.id in text for one in messages]
    assert sum(ids) == shown


def test_n2_many_events_of_one_incident_are_counted_too():
    """A card holds so many ids; the log has all."""
    messages = tuple(message(incident_event(update=f"u{number}")) for number in range(300))
    text = said(Digest(id="d", messages=messages, sent_at=0))
    assert "and 100 more" in text
    assert text.count("https://") == 1


def test_a_gap_is_said_in_a_digest_too():
    """The reader must not believe to have seen everything."""
    assert AFTER_GAP not in said(goldens.digest())
    late = message(incident_event(incident="i9"), after_gap=True)
    assert AFTER_GAP in said(replace(goldens.digest(), messages=(late, *goldens.digest().messages)))


@pytest.mark.parametrize("status", [200, 202])
def test_a_workflow_that_has_the_card_is_done(status):
    """It answers 202 with nothing, older webhooks 200 with `1`."""
    assert answered(status, b"1").detail == f"HTTP {status}"


@pytest.mark.parametrize(
    ("status", "error"), [(429, DelayedError), (500, DelayedError), (413, RefusedError)]
)
def test_n5_a_failure_inside_a_success_is_the_status_that_it_names(status, error):
    """As the webhooks before the workflows said it."""
    body = (
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP "
        f"error {status} with ContextId tcid=0,server=x"
    )
    with pytest.raises(error, match=str(status)):
        answered(200, body.encode(), **{"retry-after": "7"})


def test_what_a_status_means_is_in_the_shared_table():
    """410 disables, 429 waits as long as it is asked to, 400 is final and says its code."""
    with pytest.raises(DisabledError):
        answered(410)
    with pytest.raises(DelayedError) as delayed:
        answered(429, **{"retry-after": "7"})
    assert delayed.value.retry_after == 7
    with pytest.raises(RefusedError, match="HTTP 400 TriggerInputSchemaMismatch"):
        answered(400, b'{"error": {"code": "TriggerInputSchemaMismatch", "message": "..."}}')


def test_a_workflow_that_is_switched_off_may_be_switched_on():
    """It is no fault of the message."""
    with pytest.raises(DelayedError, match="switched off"):
        answered(400, b'{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"..."}}')


@pytest.mark.parametrize("uncertain", [True, False])
def test_n4_only_what_may_have_arrived_makes_the_next_attempt_a_repeat(uncertain):
    """As the driver says it."""
    _, exchange = asked(goldens.opened())
    failure = FetchError("https://h/…", Unreadable.NETWORK, "reset", uncertain=uncertain)
    with pytest.raises(DelayedError) as delayed:
        exchange.throw(failure)
    assert delayed.value.uncertain is uncertain


def test_n2_an_address_is_asked_four_times_a_second_at_most():
    """Receivers with the same address share it, and the pace does not tell the address."""
    pace, other = teams.pace(SETTINGS), teams.Settings(url="https://flows.example/2")
    assert pace == teams.pace(teams.Settings(url=SETTINGS.url))
    assert (pace.every, pace.burst) == (0.25, 1)
    assert pace.key != teams.pace(other).key
    assert "canary" not in pace.key


def test_w8_the_address_cannot_be_printed():
    """Whoever knows it may post."""
    for shown in (repr(SETTINGS), str(SETTINGS), SETTINGS.model_dump_json()):
        assert "canary" not in shown


@pytest.mark.parametrize("url", ["", "flows.example", "ftp://h.example/canary", "https://"])
def test_w4_only_http_addresses(url):
    """Other schemes, and what is no address at all, are refused in the config."""
    with pytest.raises(ValidationError, match="must be an http or https address") as caught:
        teams.Settings(url=url)
    assert "canary" not in str(caught.value)


def test_inert_leaves_everything_else_alone():
    """Braces, angles and attributes as vendors write them."""
    for text in ("{{7*7}}", "a < b > c", "<attach>", "x@y.example", "{ {DATE"):
        assert _teams_card.inert(text) == text


def test_the_page_about_it_shows_a_card_as_it_is():
    """What a reader of the documentation sees is what is posted."""
    card = card_of(goldens.opened())["attachments"][0]["content"]
    state, *rest = card["body"]
    blocks = [*state["items"], *rest]
    lines = "".join("".join(run["text"] for run in block["inlines"]) + "\n" for block in blocks)
    assert f"```text\n{lines}```" in pages.text("docs/receivers/teams.md")
