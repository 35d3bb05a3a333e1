"""An incident in Slack is one message that is kept up to date, whatever Slack answers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, DisabledError, FetchError, RefusedError
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Occasion, Service
from bellbuoy.model.facts import IncidentStatus
from bellbuoy.notifiers import Digest, DigestNotifier, PacedNotifier, slack
from bellbuoy.notifiers._wording import AFTER_GAP, REPEAT
from bellbuoy.testing import check_notifier
from bellbuoy.testing.events import HOSTILE, sample_events
from tests.event_samples import component_event, incident_event, message, page_event
from tests.notifiers import goldens
from tests.notifiers.exchanges import lost, response, told
from tests.notifiers.fakes.slack import CHANNEL, SlackFake, SlackWebhookFake, check, shown
from tests.notifiers.test_conformance import many, way_to, words

BOT = {"token": "xoxb-canary", "channel": "#ops"}
SETTINGS = slack.Settings.model_validate(BOT)
HOOK = slack.Settings(webhook_url="https://hooks.slack.example/services/T0/B0/canary")
TS = "1771862970.000001"
REFERENCE = f"{CHANNEL}:{TS}"
TAKEN = response({"ok": True, "channel": CHANNEL, "ts": TS})
UPDATED = incident_event(EventKind.INCIDENT_UPDATED, update="u2")


def no(word, status=200, **headers):
    """Slack says no, with a word."""
    return response({"ok": False, "error": word}, status, **headers)


def known(event=UPDATED, **delivery):
    """A message of an incident that has its message in the channel already."""
    return replace(message(event, **delivery), reference=REFERENCE)


def sent(message, *answers, settings=SETTINGS):
    """Methods and contents of what is asked, and the receipt; Slack takes all if not said."""
    asked, receipt = told(slack.notify(message, settings), answers or [TAKEN] * 3)
    return [(one.url.rpartition("/")[2], json.loads(one.body)) for one in asked], receipt


def error_of(*answers, message=None, settings=SETTINGS):
    """What a message comes to that is answered so."""
    with pytest.raises((DelayedError, RefusedError)) as caught:
        sent(message or known(), *answers, settings=settings)
    return caught.value


# How an incident is told.


def test_it_takes_digests_and_has_a_pace():
    """The dispatcher and the worker ask."""
    assert isinstance(slack, DigestNotifier)
    assert isinstance(slack, PacedNotifier)


def test_a_life_is_one_message_and_its_thread():
    """Posted once, edited to what is true now, each step below it, loud where it must be."""
    (posted,), receipt = sent(message(incident_event()))
    assert posted[0] == "chat.postMessage"
    assert "thread_ts" not in posted[1]
    assert receipt.reference == REFERENCE
    (edited, replied), receipt = sent(known())
    assert (edited[0], edited[1]["channel"], edited[1]["ts"]) == ("chat.update", CHANNEL, TS)
    assert (replied[1]["thread_ts"], replied[1]["reply_broadcast"]) == (TS, False)
    assert receipt.reference == REFERENCE
    (edited, replied), _ = sent(known(incident_event(EventKind.INCIDENT_RESOLVED)))
    assert replied[1]["reply_broadcast"] is True


@pytest.mark.parametrize(
    ("event", "is_loud"),
    [
        (incident_event(EventKind.INCIDENT_CHANGED, changes={"impact": ("minor", "major")}), True),
        (incident_event(EventKind.INCIDENT_REOPENED), True),
        (incident_event(EventKind.INCIDENT_EDITED, closing=True), False),
    ],
    ids=["impact raised", "begins again", "closing text edited"],
)
def test_what_somebody_must_act_on_is_shown_in_the_channel(event, is_loud):
    """An edited closing text is one quiet reply."""
    (_, replied), _ = sent(known(event))
    assert replied[1]["reply_broadcast"] is is_loud


def test_a_reminder_is_a_loud_reply_and_edits_nothing():
    """The message of the incident says what is true already."""
    (replied,), receipt = sent(known(incident_event(), occasion=Occasion.REMINDER))
    assert replied[0] == "chat.postMessage"
    assert replied[1]["reply_broadcast"] is True
    assert "Reminder: still open" in replied[1]["text"]
    assert receipt.reference == REFERENCE


def test_a_notice_leaves_the_pages_message_alone():
    """A gap in the history says nothing of whether the page can be read."""
    (posted,), receipt = sent(known(page_event(EventKind.PAGE_GAP)))
    assert posted[0] == "chat.postMessage"
    assert receipt.reference == ""


def test_a_components_next_trouble_begins_a_new_message():
    """Nobody looks for it in last month's thread."""
    (posted,), receipt = sent(known(component_event()), TAKEN)
    assert "thread_ts" not in posted[1]
    assert receipt.reference == REFERENCE


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message", "channel_not_found"])
def test_a_message_that_was_deleted_is_posted_anew(word):
    """The new one is the one that the next steps belong to."""
    new = response({"ok": True, "channel": CHANNEL, "ts": "2.000002"})
    (_, posted), receipt = sent(known(), no(word), new)
    assert posted[0] == "chat.postMessage"
    assert "thread_ts" not in posted[1]
    assert receipt.reference == f"{CHANNEL}:2.000002"


def test_a_thread_that_is_gone_is_begun_anew():
    """Deleted between the edit and the reply, or before a reminder."""
    new = response({"ok": True, "channel": CHANNEL, "ts": "2.000002"})
    asked, receipt = sent(known(), TAKEN, no("thread_not_found"), new)
    assert len(asked) == 3
    assert receipt.reference == f"{CHANNEL}:2.000002"


def test_where_nobody_may_edit_the_reply_is_still_made():
    """A workspace can forbid edits after some minutes."""
    asked, receipt = sent(known(), no("edit_window_closed"), TAKEN)
    assert [method for method, _ in asked] == ["chat.update", "chat.postMessage"]
    assert receipt.reference == REFERENCE


def test_a_reference_of_another_kind_is_no_message_of_ours():
    """A receiver that was a Discord one under the same name begins anew."""
    other = replace(known(), reference="900000000000")
    (posted,), _ = sent(other, TAKEN)
    assert posted[0] == "chat.postMessage"
    assert (
        len(told(slack.digest(replace(many(), messages=(other,) * 2), SETTINGS), [TAKEN])[0]) == 1
    )


def test_a_webhook_gets_one_message_for_each_step():
    """It can neither edit nor reply, so nothing is kept of it."""
    asked, receipt = sent(known(), response(b"ok"), settings=HOOK)
    assert len(asked) == 1
    assert receipt.reference == ""


# What is said.


def test_whoever_needs_it_finds_owner_and_runbook():
    """Beside what is affected, in the first message and in every loud one."""
    services = (
        Service(name="Checkout", owner="payments", runbook="https://wiki.example/checkout"),
        Service(name="Search <beta>", runbook="see the red folder"),
    )
    (posted,), _ = sent(replace(message(incident_event()), services=services))
    text = shown(posted[1])
    assert "*Needed by:* Checkout (payments), Search <beta>" in text
    assert "*Runbook:* read it (https://wiki.example/checkout), see the red folder" in text


def test_a_gap_is_said_and_a_repeat_too():
    """Slack knows no key, so a reader must be able to tell."""
    (edited, replied), _ = sent(known(after_gap=True, repeat=True))
    assert AFTER_GAP in shown(replied[1])
    assert REPEAT in shown(replied[1])
    assert REPEAT not in shown(edited[1])


def test_times_are_in_the_zone_of_the_settings():
    """Which is the display's, if the receiver says nothing."""
    settings = slack.Settings(**BOT, timezone="Europe/Berlin")
    event = incident_event(EventKind.MAINTENANCE_SCHEDULED, status=IncidentStatus.SCHEDULED)
    (posted,), _ = sent(message(event, occasion=Occasion.AHEAD), settings=settings)
    assert "Begins at 2026-02-23 17:09 CET" in posted[1]["text"]


@pytest.mark.parametrize("event", [*sample_events()], ids=lambda event: event.kind)
def test_j1_every_kind_of_event_is_as_slack_wants_it(event):
    """Ordinary, hostile, long and without any text, told and edited."""
    for one in (message(event), known(event)):
        for method, content in sent(one)[0]:
            check(method, content)


VENDOR = st.one_of(
    st.text(max_size=200),
    st.text("<>&|!@#*_`\n a", max_size=400),
    st.sampled_from([HOSTILE * 20, "<!channel> " * 300, "😀" * 4000, "&" * 16_000]),
)


@given(VENDOR, VENDOR, VENDOR, st.text("abc<>|&\" '/:?#%", max_size=90))
def test_j1_no_text_of_a_vendors_is_markup(title, body, component, path):
    """Every angle bracket that is left is our own, and stands around an http(s) address."""
    event = incident_event(
        EventKind.INCIDENT_UPDATED, title=title, body=body, components=(component,) * 3
    )
    incident = replace(event.incident, url=f"https://vendor.example/{path}")
    one = known(replace(event, incident=incident), after_gap=True, repeat=True)
    for method, content in sent(one)[0]:
        check(method, content)
    for content in digest_of(one, one):
        check("chat.postMessage", content)


def digest_of(*messages, answers=9):
    """The contents of the messages that a digest becomes."""
    digest = Digest(id="d1", messages=messages, sent_at=0)
    asked, _ = told(slack.digest(digest, SETTINGS), [TAKEN] * answers)
    return [json.loads(one.body) for one in asked if one.url.endswith("chat.postMessage")]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://x.example", "data:text/html,x"])
def test_j7_only_http_addresses_become_links(address):
    """Whatever a page gives as the address of an incident."""
    event = incident_event()
    event = replace(event, incident=replace(event.incident, url=address))
    (posted,), _ = sent(message(event))
    assert "<" not in json.dumps(posted[1])


def test_j5_a_bot_keeps_every_promise_of_a_notifier():
    """The check of the plugins' authors, for the way that the contract test does not take."""
    check_notifier(slack, BOT, accepted=TAKEN)


# What Slack answers.

LATER = ["ratelimited", "rate_limited", "service_unavailable", "request_timeout"]
MENDABLE = {
    "invalid_auth": "Bot User OAuth Token",
    "not_authed": "Bot User OAuth Token",
    "account_inactive": "Bot User OAuth Token",
    "token_revoked": "Bot User OAuth Token",
    "token_expired": "Bot User OAuth Token",
    "missing_scope": "chat:write",
    "no_permission": "chat:write",
    "channel_not_found": "/invite",
    "not_in_channel": "/invite",
    "is_archived": "archived",
    "restricted_action": "administrator",
    "restricted_action_read_only_channel": "administrator",
    "ekm_access_denied": "administrator",
}
NEVER = ["msg_too_long", "no_text", "invalid_blocks", "msg_blocks_too_long", "invalid_arguments"]


@pytest.mark.parametrize("word", [*LATER, "update_failed", "team_added_to_org"])
def test_n5_a_passing_trouble_inside_a_success_is_tried_again(word):
    """And nothing has arrived."""
    error = error_of(no(word), message=message(incident_event()))
    assert type(error) is DelayedError
    assert not error.uncertain


def test_n2_a_limit_inside_a_success_is_heeded_like_a_429():
    """With the wait that Slack asks for."""
    assert error_of(no("ratelimited", retry_after="30")).retry_after == 30


@pytest.mark.parametrize("word", ["internal_error", "fatal_error"])
def test_n4_slacks_own_errors_may_come_after_the_message(word):
    """Its reference says so; an edit may be made twice without harm."""
    assert error_of(no(word), message=message(incident_event())).uncertain
    assert not error_of(no(word)).uncertain
    assert error_of(TAKEN, no(word)).uncertain


@pytest.mark.parametrize(("word", "cure"), MENDABLE.items())
def test_w8_what_a_person_can_mend_is_tried_again_and_names_the_cure(word, cure):
    """A changed token or an archived channel costs no message."""
    error = error_of(no(word), message=message(incident_event()))
    assert type(error) is DelayedError
    assert not error.uncertain
    assert cure in error.detail
    assert word in error.detail


@pytest.mark.parametrize("word", [*NEVER, "a_word_that_is_new"])
def test_n3_what_is_wrong_with_one_message_is_refused(word):
    """Trying again would hold up its incident for three days."""
    error = error_of(no(word), message=message(incident_event()))
    assert isinstance(error, RefusedError)
    assert word in error.detail


def test_a_reason_that_is_no_word_is_not_repeated():
    """What stands there may be anything."""
    error = error_of(no("<script>\n"), message=message(incident_event()))
    assert "script" not in error.detail


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"[]", b"{}", b'{"ok": 1}'])
def test_n5_a_success_that_is_not_slacks_is_none(body):
    """A portal in between, or a wrong `base_url`: it may have arrived, and is tried again."""
    error = error_of(response(body), message=message(incident_event()))
    assert type(error) is DelayedError
    assert error.uncertain


def test_n4_only_what_is_posted_can_come_twice():
    """A lost answer to an edit makes no repeat."""
    assert error_of(lost(), message=message(incident_event())).uncertain
    assert not error_of(lost()).uncertain
    assert error_of(TAKEN, lost()).uncertain
    assert not error_of(lost(uncertain=False), message=message(incident_event())).uncertain


@pytest.mark.parametrize(
    ("status", "word", "cure"),
    [
        (403, "invalid_token", "webhook_url"),
        (403, "action_prohibited", "administrator"),
        (404, "no_service", "webhook_url"),
        (404, "channel_not_found", "/invite"),
        (410, "channel_is_archived", "archived"),
    ],
)
def test_w8_a_webhook_that_a_person_can_mend_is_tried_again(status, word, cure):
    """An archived channel does not switch the receiver off for ever."""
    error = error_of(response(word.encode(), status), settings=HOOK)
    assert type(error) is DelayedError
    assert cure in error.detail


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (400, b"invalid_payload", RefusedError),
        (410, b"gone", DisabledError),
        (500, b"rollup_error", DelayedError),
        (200, b"<html>Sign in</html>", DelayedError),
        (429, b"", DelayedError),
    ],
)
def test_n5_a_webhooks_answer_is_judged_by_word_and_status(status, body, wanted):
    """Its words come as plain text."""
    assert type(error_of(response(body, status), settings=HOOK)) is wanted


# Digests.


@pytest.mark.parametrize("fake_type", [SlackFake, SlackWebhookFake])
async def test_n2_five_hundred_events_lose_none(fake_type):
    """What does not fit into one message goes into more, in the thread if there is one."""
    async with fake_type() as fake, way_to(fake) as way:
        heard = await way.tell_many(many(500))
        said = words(heard)
        assert all(f"Trouble {number} " in said for number in range(500))
        assert 2 <= len(heard) <= 10
        assert not fake.complaints
        if isinstance(fake, SlackFake):
            assert len({one.thread for one in heard}) == 1


async def test_a_digest_brings_the_messages_in_the_channel_up_to_date():
    """Those of incidents that it tells of: the channel must not say that they are still open."""
    async with SlackFake() as fake, way_to(fake) as way:
        await way.tell(message(incident_event(title="An old trouble")))
        over = incident_event(EventKind.INCIDENT_RESOLVED, status=IncidentStatus.RESOLVED)
        old = replace(message(over), reference=way.reference)
        new = message(incident_event(incident="i2", title="A new trouble"))
        await way.tell_many(Digest(id="d", messages=(new, old), sent_at=0))
        assert "Resolved" in fake.root()
        assert not fake.complaints


async def test_an_edit_after_a_digest_that_fails_does_not_repeat_the_digest():
    """All was told by then."""
    async with SlackFake() as fake, way_to(fake) as way:
        old = replace(message(UPDATED), reference=f"{CHANNEL}:{TS}")
        fake.says = ["", "ratelimited"]
        await way.tell_many(Digest(id="d", messages=(old, old), sent_at=0))
        assert [method for method, _ in fake.calls] == ["chat.postMessage"]


def test_n4_a_digest_that_was_told_in_part_is_a_repeat_next_time():
    """Its first message is in the channel already."""
    exchange = slack.digest(many(500), SETTINGS)
    with pytest.raises(DelayedError) as caught:
        told(exchange, [TAKEN, no("ratelimited", retry_after="9")])
    assert (caught.value.uncertain, caught.value.retry_after) == (True, 9)
    (first, *_), _ = told(slack.digest(replace(many(), repeat=True), SETTINGS), [TAKEN] * 9)
    assert REPEAT in shown(json.loads(first.body))


# Settings.

BAD = {
    "nothing": {},
    "a token without a channel": {"token": "xoxb-canary"},
    "a channel without a token": {"channel": "#ops"},
    "both ways": {**BOT, "webhook_url": "https://hooks.slack.example/canary"},
    "a token on two lines": {**BOT, "token": "xoxb-canary\nX: y"},
    "an empty token": {**BOT, "token": ""},
    "no address": {"webhook_url": "hooks.slack.example/canary"},
    "a base address with a query": {**BOT, "base_url": "https://slack.example/api?canary"},
    "a zone that is none": {**BOT, "timezone": "Mars/Olympus"},
    "a key that is none": {**BOT, "url": "https://slack.example"},
}


@pytest.mark.parametrize("settings", BAD.values(), ids=BAD)
def test_settings_that_cannot_work_are_refused(settings):
    """When the config is read, without a word of the secrets."""
    with pytest.raises(ValidationError) as caught:
        slack.Settings.model_validate(settings)
    assert "canary" not in str(caught.value)


def test_the_pace_is_the_channels_and_tells_no_secret():
    """Two receivers in one channel share it, whatever their tokens."""
    other = slack.Settings(token="xoxb-other", channel="#ops")
    assert slack.pace(SETTINGS) == slack.pace(other)
    assert slack.pace(SETTINGS).every == 1.0
    assert slack.pace(SETTINGS) != slack.pace(HOOK)
    assert "canary" not in f"{slack.pace(SETTINGS)} {slack.pace(HOOK)}"


def test_the_token_is_in_one_header_only():
    """Never in an address or a body."""
    asked, _ = told(slack.notify(known(), SETTINGS), [TAKEN] * 2)
    for request in asked:
        assert request.headers["Authorization"] == "Bearer xoxb-canary"
        assert "canary" not in f"{request.url} {request.body}"


def test_a_lost_answer_tells_no_secret():
    """The driver's error names the host alone, and so does ours."""
    failure = FetchError("hooks.slack.example/…", lost().reason, "reset", uncertain=True)
    assert "canary" not in str(error_of(failure, settings=HOOK))


# As it leaves the house.


@pytest.mark.parametrize("name", ["opened", "updated", "reminder", "resolved", "maintenance"])
def test_a_message_leaves_the_house_as_agreed(name):
    """Requests to Slack, in the order in which they are made."""
    one = getattr(goldens, name)()
    reference = REFERENCE if name in {"updated", "reminder", "resolved"} else ""
    asked, _ = sent(replace(one, reference=reference))
    kept = [{"method": method, **content} for method, content in asked]
    goldens.kept(f"slack/{name}.json", f"{json.dumps(kept, indent=2, ensure_ascii=False)}\n")


def test_a_digest_leaves_the_house_as_agreed():
    """A line for each incident, what is open first."""
    asked, _ = told(slack.digest(goldens.digest(), SETTINGS), [TAKEN])
    text = json.dumps([json.loads(one.body) for one in asked], indent=2, ensure_ascii=False)
    goldens.kept("slack/digest.json", f"{text}\n")


@pytest.mark.parametrize(
    ("name", "number"), [("opened", 0), ("updated", 0), ("updated", 1), ("digest", 0)]
)
def test_the_documentation_shows_what_the_channel_shows(name, number):
    """The text of the golden payloads, word for word."""
    contents = json.loads((goldens.FOLDER / "slack" / f"{name}.json").read_text("utf-8"))
    page = Path(__file__).parents[2] / "docs" / "receivers" / "slack.md"
    assert f"```text\n{shown(contents[number])}\n```" in page.read_text("utf-8")
