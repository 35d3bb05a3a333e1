"""An incident in Discord is one message that is kept up to date, and a new one if it matters."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, DisabledError, RefusedError
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.model.facts import IncidentStatus
from bellbuoy.notifiers import Digest, DigestNotifier, PacedNotifier, discord
from bellbuoy.notifiers._wording import AFTER_GAP, REPEAT
from bellbuoy.testing import check_notifier
from bellbuoy.testing.events import HOSTILE, sample_events
from tests.event_samples import component_event, incident_event, message, monitor_event, page_event
from tests.notifiers import goldens
from tests.notifiers.exchanges import lost, response, told
from tests.notifiers.fakes.discord import DiscordFake, check, shown
from tests.notifiers.test_conformance import many, way_to, words

ADDRESS = "https://discord.example/api/webhooks/1234/canary"
SETTINGS = discord.Settings(webhook_url=ADDRESS)
ID = "900000000000"
TAKEN = response({"id": ID, "channel_id": "5678"})
NEW = response({"id": "900000000001", "channel_id": "5678"})
UPDATED = incident_event(EventKind.INCIDENT_UPDATED, update="u2")
RESOLVED = incident_event(EventKind.INCIDENT_RESOLVED, status=IncidentStatus.RESOLVED)


def no(status, code, words="As the test says", **body):
    """Discord says no, with a number."""
    return response({"message": words, "code": code, **body}, status)


def known(event=UPDATED, **delivery):
    """A message of an incident that has its message in the channel already."""
    return replace(message(event, **delivery), reference=ID)


def sent(message, *answers, settings=SETTINGS):
    """Methods and contents of what is asked, and the receipt; Discord takes all if not said."""
    asked, receipt = told(discord.notify(message, settings), answers or [TAKEN] * 2)
    return [(one.method, json.loads(one.body)) for one in asked], receipt


def error_of(*answers, message=None):
    """What a message comes to that is answered so."""
    with pytest.raises((DelayedError, RefusedError)) as caught:
        sent(message or known(), *answers)
    return caught.value


# How an incident is told.


def test_it_takes_digests_and_has_a_pace():
    """The dispatcher and the worker ask."""
    assert isinstance(discord, DigestNotifier)
    assert isinstance(discord, PacedNotifier)


def test_a_life_is_one_message_and_those_that_must_be_seen():
    """Nobody is notified of an edit, so the end is a message of its own as well."""
    asked, receipt = sent(message(incident_event()))
    assert [method for method, _ in asked] == ["POST"]
    assert receipt.reference == ID
    asked, receipt = sent(known())
    assert [method for method, _ in asked] == ["PATCH"]
    assert receipt.reference == ID
    asked, receipt = sent(known(RESOLVED), TAKEN, NEW)
    assert [method for method, _ in asked] == ["PATCH", "POST"]
    assert receipt.reference == ID


@pytest.mark.parametrize(
    ("event", "is_loud"),
    [
        (incident_event(EventKind.INCIDENT_CHANGED, changes={"impact": ("minor", "major")}), True),
        (incident_event(EventKind.INCIDENT_REOPENED), True),
        (incident_event(EventKind.INCIDENT_EDITED, closing=True), False),
    ],
    ids=["impact raised", "begins again", "closing text edited"],
)
def test_what_somebody_must_act_on_is_a_new_message(event, is_loud):
    """An edited closing text only edits."""
    assert len(sent(known(event))[0]) == 1 + is_loud


def test_a_reminder_is_a_new_message_and_edits_nothing():
    """The message of the incident says what is true already, and stays the one."""
    asked, receipt = sent(known(incident_event(), occasion=Occasion.REMINDER))
    ((method, content),) = asked
    assert method == "POST"
    assert "Reminder: still open" in content["content"]
    assert receipt.reference == ""


@pytest.mark.parametrize(
    ("event", "reference"),
    [(page_event(EventKind.PAGE_GAP), ""), (component_event(), ID)],
    ids=["a notice", "a component's next trouble"],
)
def test_what_is_not_a_step_of_it_leaves_a_message_alone(event, reference):
    """A notice belongs to nothing; the next trouble begins a new message."""
    asked, receipt = sent(known(event), TAKEN)
    assert [method for method, _ in asked] == ["POST"]
    assert receipt.reference == reference


def test_a_message_that_was_deleted_is_posted_anew():
    """The new one is the one that the next steps belong to."""
    asked, receipt = sent(known(), no(404, 10008, "Unknown Message"), NEW)
    assert [method for method, _ in asked] == ["PATCH", "POST"]
    assert receipt.reference == "900000000001"


def test_an_end_of_a_deleted_message_is_posted_once():
    """Not once anew and once because it is the end."""
    asked, _ = sent(known(RESOLVED), no(404, 10008), NEW)
    assert [method for method, _ in asked] == ["PATCH", "POST"]


def test_an_update_that_cannot_be_edited_in_is_posted():
    """Discord limits how often a message older than an hour is edited."""
    asked, receipt = sent(known(), no(429, 30046, retry_after=3600.0), NEW)
    assert [method for method, _ in asked] == ["PATCH", "POST"]
    assert receipt.reference == ID


def test_a_reference_of_another_kind_is_no_message_of_ours():
    """A receiver that was a Slack one under the same name begins anew."""
    slack = replace(known(), reference="C0:1.2/../..")
    asked, _ = sent(slack, TAKEN)
    assert [method for method, _ in asked] == ["POST"]
    both = Digest(id="d", messages=(slack, slack), sent_at=0)
    asked, _ = told(discord.digest(both, SETTINGS), [TAKEN])
    assert [one.method for one in asked] == ["POST"]


@pytest.mark.parametrize("query", ["", "?thread_id=77", "?wait=false&thread_id=77"])
def test_an_edit_is_made_in_the_thread_of_the_webhooks_address(query):
    """And a post always waits for the message to be kept."""
    settings = discord.Settings(webhook_url=f"{ADDRESS}{query}")
    edited, posted = told(discord.notify(known(RESOLVED), settings), [TAKEN] * 2)[0]
    assert urlsplit(edited.url).path == f"/api/webhooks/1234/canary/messages/{ID}"
    assert urlsplit(posted.url).path == "/api/webhooks/1234/canary"
    assert parse_qs(urlsplit(posted.url).query)["wait"] == ["true"]
    for request in (edited, posted):
        thread = parse_qs(urlsplit(request.url).query).get("thread_id")
        assert thread == (["77"] if "77" in query else None)


# What is said.


def test_whoever_needs_it_finds_owner_and_runbook():
    """Beside what is affected."""
    services = (
        Service(name="Checkout", owner="payments", runbook="https://wiki.example/check_out"),
        Service(name="Search *beta*", runbook="see the red folder"),
    )
    (posted,), _ = sent(replace(message(incident_event()), services=services))
    text = shown(posted[1])
    assert "Needed by: Checkout (payments), Search *beta*" in text
    assert "Runbook: read it (https://wiki.example/check_out), see the red folder" in text


def test_a_gap_is_said_and_a_repeat_too():
    """Discord's webhooks know no key, so a reader must be able to tell."""
    edited, posted = sent(known(RESOLVED, after_gap=True, repeat=True))[0]
    assert AFTER_GAP in shown(posted[1])
    assert REPEAT in shown(posted[1])
    assert REPEAT not in shown(edited[1])


def test_times_are_in_the_zone_of_the_settings():
    """Which is the display's, if the receiver says nothing."""
    settings = discord.Settings(webhook_url=ADDRESS, timezone="Europe/Berlin")
    event = incident_event(EventKind.MAINTENANCE_SCHEDULED, status=IncidentStatus.SCHEDULED)
    (posted,), _ = sent(message(event, occasion=Occasion.AHEAD), settings=settings)
    assert "Begins at 2026-02-23 17:09 CET" in shown(posted[1])


def test_what_one_line_can_say_has_no_empty_embed():
    """Bellbuoy's own notices have neither text nor address."""
    (posted,), _ = sent(message(monitor_event()))
    assert posted[1]["embeds"] == []


@pytest.mark.parametrize("event", [*sample_events()], ids=lambda event: event.kind)
def test_j2_every_kind_of_event_is_as_discord_wants_it(event):
    """Ordinary, hostile, long and without any text, told and edited."""
    for one in (message(event), known(event)):
        for _, content in sent(one)[0]:
            check(content)


VENDOR = st.one_of(
    st.text(max_size=200),
    st.text("*_~`|<>[]()@#:/-+\\\n a", max_size=400),
    st.sampled_from([HOSTILE * 20, "@everyone <@&1> " * 300, "😀" * 4000, "\\" * 16_000]),
)


@given(VENDOR, VENDOR, VENDOR, st.text("abc<>()[]|&\" '/:?#%_*", max_size=90))
def test_j2_no_text_of_a_vendors_is_markup_and_nobody_is_mentioned(title, body, component, path):
    """All markup that is left is our own: bold, and links to http(s) addresses."""
    event = incident_event(
        EventKind.INCIDENT_RESOLVED, title=title, body=body, components=(component,) * 3
    )
    incident = replace(event.incident, url=f"https://vendor.example/{path}")
    one = known(replace(event, incident=incident), after_gap=True, repeat=True)
    for _, content in sent(one)[0]:
        check(content)
    asked, _ = told(
        discord.digest(Digest(id="d", messages=(one, one), sent_at=0), SETTINGS), [TAKEN] * 9
    )
    for request in asked:
        check(json.loads(request.body))


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://x.example", "data:text/html,x"])
def test_j7_only_http_addresses_become_links(address):
    """Whatever a page gives as the address of an incident."""
    event = incident_event()
    event = replace(event, incident=replace(event.incident, url=address))
    (posted,), _ = sent(message(event))
    assert "](" not in json.dumps(posted[1])


def test_j5_it_keeps_every_promise_of_a_notifier():
    """The check of the plugins' authors, with the answer that Discord really gives."""
    check_notifier(discord, {"webhook_url": ADDRESS}, accepted=TAKEN)


# What Discord answers.


@pytest.mark.parametrize("is_global", [False, True])
def test_n2_a_limit_is_heeded_to_the_fraction_of_a_second(is_global):
    """The body says it more precisely than the header."""
    body = {"message": "You are being rate limited.", "retry_after": 64.57, "global": is_global}
    error = error_of(response(body, 429, retry_after="65"))
    assert type(error) is DelayedError
    assert error.retry_after == 64.57


def test_n2_a_limit_from_in_front_of_discord_is_heeded_by_its_header():
    """A web page answers there instead of JSON."""
    assert error_of(response(b"<html>1015</html>", 429, retry_after="120")).retry_after == 120


MENDABLE = {
    (404, 10015): "make a new one",
    (401, 50027): "make a new one",
    (404, 10003): "in another",
    (403, 50013): "permission",
    (400, 220001): "?thread_id=",
    (400, 50083): "?thread_id=",
}


@pytest.mark.parametrize(("said", "cure"), MENDABLE.items(), ids=str)
def test_w8_what_a_person_can_mend_is_tried_again_but_rarely(said, cure):
    """A webhook that was deleted costs no message; Discord is asked a few times an hour."""
    for error in (error_of(no(*said)), error_of(no(*said), message=message(incident_event()))):
        assert type(error) is DelayedError
        assert not error.uncertain
        assert error.retry_after == 900
        assert cure in error.detail


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (no(400, 50035, "Invalid Form Body"), RefusedError),
        (no(400, 10008, "Unknown Message"), RefusedError),
        (response(b"", 404), RefusedError),
        (response(b"", 410), DisabledError),
        (response(b"", 502), DelayedError),
        (response(b"<html>Sign in</html>"), DelayedError),
    ],
    ids=["malformed", "not an edit", "nothing there", "gone", "broken", "a web page"],
)
def test_n5_an_answer_is_judged_by_status_and_number(answer, wanted):
    """A web page with status 200 is not Discord's."""
    assert type(error_of(answer, message=message(incident_event()))) is wanted


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id": 7}', b'{"id": "../../x"}'])
def test_a_receipt_without_a_good_id_names_no_message(body):
    """What is no id never becomes part of an address."""
    assert sent(message(incident_event()), response(body))[1].reference == ""


def test_n4_only_what_is_posted_can_come_twice():
    """A lost answer to an edit makes no repeat."""
    assert error_of(lost(), message=message(incident_event())).uncertain
    assert not error_of(lost()).uncertain
    assert error_of(TAKEN, lost(), message=known(RESOLVED)).uncertain
    assert not error_of(lost(uncertain=False), message=message(incident_event())).uncertain


# Digests.


async def test_n2_five_hundred_events_lose_none():
    """What does not fit into one message goes into more."""
    async with DiscordFake() as fake, way_to(fake) as way:
        heard = await way.tell_many(many(500))
        said = words(heard)
        assert all(f"Trouble {number} " in said for number in range(500))
        assert 2 <= len(heard) <= 30
        assert not fake.complaints


async def test_a_digest_brings_the_messages_in_the_channel_up_to_date():
    """Those of incidents that it tells of: the channel must not say that they are still open."""
    async with DiscordFake() as fake, way_to(fake) as way:
        await way.tell(message(incident_event(title="An old trouble")))
        old = replace(message(RESOLVED), reference=way.reference)
        new = message(incident_event(incident="i2", title="A new trouble"))
        await way.tell_many(Digest(id="d", messages=(new, old), sent_at=0))
        assert "Resolved" in fake.root()
        assert not fake.complaints


def test_n4_a_digest_that_was_told_in_part_is_a_repeat_next_time():
    """Its first message is in the channel already."""
    with pytest.raises(DelayedError) as caught:
        told(discord.digest(many(500), SETTINGS), [TAKEN, no(429, 0, retry_after=9.5)])
    assert (caught.value.uncertain, caught.value.retry_after) == (True, 9.5)
    (first, *_), _ = told(discord.digest(replace(many(), repeat=True), SETTINGS), [TAKEN] * 9)
    assert REPEAT in shown(json.loads(first.body))


def test_an_edit_after_a_digest_that_fails_does_not_repeat_the_digest():
    """All was told by then."""
    both = Digest(id="d", messages=(known(), known(RESOLVED)), sent_at=0)
    asked, _ = told(discord.digest(both, SETTINGS), [TAKEN, no(500, 0)])
    assert [one.method for one in asked] == ["POST", "PATCH"]


# Settings.

BAD = {
    "nothing": {},
    "no address": {"webhook_url": "discord.example/canary"},
    "an address on two lines": {"webhook_url": f"{ADDRESS}\nX: y"},
    "a zone that is none": {"webhook_url": ADDRESS, "timezone": "Mars/Olympus"},
    "a key that is none": {"webhook_url": ADDRESS, "token": "canary"},
}


@pytest.mark.parametrize("settings", BAD.values(), ids=BAD)
def test_settings_that_cannot_work_are_refused(settings):
    """When the config is read, without a word of the secrets."""
    with pytest.raises(ValidationError) as caught:
        discord.Settings.model_validate(settings)
    assert "canary" not in str(caught.value)


def test_the_pace_is_the_webhooks_and_tells_no_secret():
    """Five messages in two seconds."""
    pace = discord.pace(SETTINGS)
    assert (pace.burst, pace.burst * pace.every) == (5, 2.0)
    assert pace == discord.pace(discord.Settings(webhook_url=ADDRESS))
    assert "canary" not in f"{pace}{SETTINGS!r}"


# As it leaves the house.


@pytest.mark.parametrize("name", ["opened", "updated", "reminder", "resolved", "maintenance"])
def test_a_message_leaves_the_house_as_agreed(name):
    """Requests to Discord, in the order in which they are made."""
    one = getattr(goldens, name)()
    reference = ID if name in {"updated", "reminder", "resolved"} else ""
    asked, _ = sent(replace(one, reference=reference))
    kept = [{"method": method, **content} for method, content in asked]
    goldens.kept(f"discord/{name}.json", f"{json.dumps(kept, indent=2, ensure_ascii=False)}\n")


def test_a_digest_leaves_the_house_as_agreed():
    """A line for each incident, what is open first."""
    asked, _ = told(discord.digest(goldens.digest(), SETTINGS), [TAKEN])
    text = json.dumps([json.loads(one.body) for one in asked], indent=2, ensure_ascii=False)
    goldens.kept("discord/digest.json", f"{text}\n")


@pytest.mark.parametrize(("name", "number"), [("opened", 0), ("resolved", 0), ("digest", 0)])
def test_the_documentation_shows_what_the_channel_shows(name, number):
    """The text of the golden payloads, word for word."""
    contents = json.loads((goldens.FOLDER / "discord" / f"{name}.json").read_text("utf-8"))
    page = Path(__file__).parents[2] / "docs" / "receivers" / "discord.md"
    assert f"```text\n{shown(contents[number])}\n```" in page.read_text("utf-8")
