"""Mail: in one thread, over a connection that is safe, to everybody who is to have it."""

import asyncio
from contextlib import asynccontextmanager
from email import message_from_string
from email.policy import default

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import html
from msgspec.structs import replace
from pydantic import ValidationError

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Occasion
from bellbuoy.model.facts import ComponentStatus, Impact, Provider
from bellbuoy.notifiers import Digest, Notifiers, _mail, _smtp, email, takes_digests
from bellbuoy.notifiers._wording import AFTER_GAP, REPEAT
from bellbuoy.testing.events import HOSTILE, sample_events
from bellbuoy.text import clean_line, clean_text
from tests.docs import pages
from tests.event_samples import component_event, incident_event, message
from tests.notifiers import goldens
from tests.notifiers.fakes import Trouble
from tests.notifiers.fakes.email import ALLOWED, EmailFake, part

FROM = "Bellbuoy <bellbuoy@watch.example>"
TO = ("ops@team.example",)
GOOD = {"host": "mail.example", "from": "bellbuoy@watch.example", "to": "ops@team.example"}


def mail_of(sent, zone="UTC"):
    """A message or a digest as a mail."""
    make = _mail.of_digest if isinstance(sent, Digest) else _mail.of_message
    return make(sent, FROM, TO, zone)


@asynccontextmanager
async def door(fake, **changed):
    """The way to a server, with settings that may differ from the right ones."""
    settings = {**fake.settings(), **changed}
    good = {name: value for name, value in settings.items() if value is not None}
    async with email.open(email.Settings.model_validate(good)) as opened:
        yield opened


async def failure(door, sent=None):
    """Why a message was not taken."""
    with pytest.raises((DelayedError, RefusedError)) as caught:
        await door.notify(sent or goldens.opened())
    assert "canary" not in str(caught.value)
    return caught.value


def test_it_is_a_kind_whose_door_takes_digests():
    """The registry finds it by its name."""
    assert takes_digests(Notifiers()["email"])


STEPS = ["opened", "updated", "resolved", "maintenance", "reminder", "digest"]


@pytest.mark.parametrize("name", STEPS)
def test_a_mail_reads_as_agreed(name):
    """Its head, and its text part."""
    mail = mail_of(getattr(goldens, name)())
    head = "".join(f"{field}: {value}\n" for field, value in mail.items())
    goldens.kept(f"email/{name}.txt", f"{head}\n{part(mail, 'plain')}")


@pytest.mark.parametrize("name", ["opened", "reminder", "digest"])
def test_an_html_part_is_as_agreed(name):
    """Look at it in a browser, narrow and wide, in light and dark, before it is kept."""
    goldens.kept(f"email/{name}.html", part(mail_of(getattr(goldens, name)()), "html"))


def test_n4_a_repeat_is_the_same_mail_and_says_so():
    """Its Message-ID is the same, so that what knows it already shows it once."""
    first, again = mail_of(goldens.opened()), mail_of(goldens.opened(repeat=True))
    assert first.as_bytes() == mail_of(goldens.opened()).as_bytes()
    assert first["Message-ID"] == again["Message-ID"] != mail_of(goldens.reminder())["Message-ID"]
    assert REPEAT not in part(first, "plain") + part(first, "html")
    assert REPEAT in part(again, "plain")
    assert REPEAT in part(again, "html")
    assert REPEAT in part(mail_of(replace(goldens.digest(), repeat=True)), "plain")


def test_the_mails_of_an_incident_are_one_thread():
    """The first is answered by the others, and all have one subject."""
    first = mail_of(goldens.opened())
    reference = _mail.reference(goldens.opened(), first)
    assert reference == first["Message-ID"]
    later = [replace(one, reference=reference) for one in (goldens.updated(), goldens.resolved())]
    for sent in later:
        mail = mail_of(sent)
        assert mail["In-Reply-To"] == reference
        assert mail["References"].split() == [first["References"], reference]
        assert mail["Subject"] == first["Subject"] == "[Bellbuoy] OpenAI: Elevated error rates"
        assert _mail.reference(sent, mail) == reference


def test_the_next_trouble_of_a_component_is_a_thread_of_its_own():
    """Its lane goes on for ever, its thread does not."""
    fine = {"status": (ComponentStatus.OPERATIONAL, ComponentStatus.PARTIAL_OUTAGE)}
    worse = {"status": (ComponentStatus.DEGRADED, ComponentStatus.PARTIAL_OUTAGE)}
    before = f"<{'0' * 32}.bellbuoy@watch.example>"
    anew = replace(message(component_event(changes=fine)), reference=before)
    on = replace(message(component_event(changes=worse)), reference=before)
    assert "In-Reply-To" not in mail_of(anew)
    assert _mail.reference(anew, mail_of(anew)) == mail_of(anew)["Message-ID"]
    assert mail_of(on)["In-Reply-To"] == before


def test_a_reference_of_another_kind_is_not_used():
    """A receiver that was a chat before has references that are no Message-IDs."""
    for reference in ("1712345678.9", "<a@b>\r\nBcc: x@y.example", "<a@b.example>", "C1/123"):
        mail = mail_of(replace(goldens.updated(), reference=reference))
        assert "In-Reply-To" not in mail
        assert "Bcc" not in mail.as_string()


@pytest.mark.parametrize(
    ("sent", "is_loud"),
    [
        (goldens.opened(), False),
        (goldens.reminder(), True),
        (message(incident_event(impact=Impact.CRITICAL)), True),
    ],
)
def test_what_is_critical_and_what_reminds_is_marked_as_important(sent, is_loud):
    """Mail knows no louder way."""
    assert (mail_of(sent)["Importance"] == "high") is is_loud


@pytest.mark.parametrize("event", list(sample_events()), ids=lambda event: event.kind)
@pytest.mark.parametrize("occasion", [*Occasion])
def test_every_event_can_be_a_mail(event, occasion):
    """Ordinary, hostile, long and empty, for every reason to tell it."""
    mail = mail_of(message(event, occasion=occasion, after_gap=True))
    assert AFTER_GAP in part(mail, "plain")
    assert event.id in part(mail, "html")


def test_the_largest_digest_is_not_too_large():
    """Five hundred incidents with long titles stay below what servers take."""
    messages = tuple(
        message(incident_event(incident=f"i{number}", title=f"{number} {'€' * 490}"))
        for number in range(500)
    )
    mail = mail_of(Digest(id="d", messages=messages, sent_at=0))
    assert all(f"OpenAI: {number} €" in part(mail, "plain") for number in range(500))
    assert all(one.event.id in part(mail, "plain") for one in messages)
    assert len(mail.as_bytes()) < 5_000_000


vendor = st.text(max_size=200)


@example(words="x\r\nBcc: everyone@evil.example")
@example(words="x\nBcc: everyone@evil.example\n\nbody")
@example(words="=?utf-8?q?x=0d=0aBcc:_a?= =?utf-8?q?y?=")
@example(words="€" * 200)
@given(words=vendor)
def test_j5_no_text_of_a_vendor_makes_a_header(words):
    """Whatever stands in a title or a name, the fields of a mail are its own."""
    provider = Provider(slug="acme", name=words)
    event = incident_event(title=words, body=words, provider=provider, components=(words,))
    mail = mail_of(message(event))
    raw = mail.as_bytes().decode("ascii")
    head, _, _ = raw.partition("\r\n\r\n")
    fields = [line.partition(":")[0] for line in head.split("\r\n") if line[:1] not in " \t"]
    usual = mail_of(message(incident_event())).keys()
    assert fields == list(usual)
    assert all(len(line) <= 998 for line in raw.split("\r\n"))
    assert not message_from_string(raw, policy=default)["Subject"].defects


# What reaches a notifier went through bellbuoy.text; markup is what is left to escape.
cleaned = st.one_of(
    st.text(max_size=100),
    st.text(alphabet="<>&\"'/=aAbhref:;\n ", max_size=100),
    st.just(HOSTILE),
)


@given(title=cleaned, body=cleaned)
def test_j7_text_of_a_vendor_is_shown_as_it_is_and_never_as_markup(title, body):
    """Escaped once: a reader sees each character, and no element comes of it."""
    title, body = clean_line(title), clean_text(body)
    event = incident_event(title=title, body=body, components=(title,))
    page = html.document_fromstring(part(mail_of(message(event)), "html"))
    assert {element.tag for element in page.iter()} <= ALLOWED
    assert page.find(".//h1").text_content() == f"OpenAI: {title or 'incident'}"
    shown = "".join(page.find("body").itertext())
    assert all(line in shown for line in body.split("\n"))
    [link] = page.iter("a")
    assert link.get("href") == "https://status.openai.com/incidents/i1"


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "JavaScript:x", "//evil.example", ""]
)
def test_j7_only_addresses_of_the_web_are_links(address):
    """What else a vendor calls an address is no link."""
    event = incident_event()
    event = replace(event, incident=replace(event.incident, url=address))
    page = html.document_fromstring(part(mail_of(message(event)), "html"))
    hrefs = [link.get("href") for link in page.iter("a")]
    assert hrefs == ([event.page.url] if not address else [])


def test_what_a_vendor_writes_cannot_be_taken_for_our_lines():
    """In the text part, its words stand apart from the labels."""
    body = "All is well.\nImpact: none\n-- \nBellbuoy, event 0"
    text = part(mail_of(message(incident_event(body=body))), "plain")
    assert text.count("\nImpact: ") == 1
    assert "  Impact: none\n  --\n  Bellbuoy, event 0\n" in text


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_arrives_over_every_kind_of_connection(security):
    """For everybody, from the sender, with the server's words in the receipt."""
    async with EmailFake(security=security) as fake, door(fake) as opened:
        receipt = await opened.notify(goldens.opened())
        assert receipt.detail == "250 2.0.0 Queued as 4ABC"
        assert receipt.reference == fake.mails[0]["Message-ID"]
        assert fake.envelopes == [("ops@team.example", "oncall@team.example")]
        assert not (await opened.digest(goldens.digest())).reference
        assert (fake.connections, fake.complaints) == (2, [])


async def test_a_server_without_starttls_gets_neither_password_nor_mail():
    """It is never done without; the cure is in the text."""
    login = {"security": "starttls", "user": "bellbuoy", "password": "canary"}
    async with EmailFake(security="none") as fake, door(fake, **login) as opened:
        error = await failure(opened)
        assert isinstance(error, DelayedError)
        assert "security: none" in error.detail
        assert not fake.heard


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("fault", ["nobody vouches for it", "it is another's"])
async def test_a_server_with_a_bad_certificate_gets_no_mail(security, fault):
    """Neither one that nobody vouches for, nor one for another name."""
    host = "127.0.0.1" if fault == "nobody vouches for it" else "other.example"
    trusted = {"ca_file": None} if host == "127.0.0.1" else {}
    async with EmailFake(security=security, host=host) as fake, door(fake, **trusted) as opened:
        error = await failure(opened)
        assert isinstance(error, DelayedError)
        assert "ca_file" in error.detail
        assert not error.uncertain
        assert not fake.heard


async def test_a_missing_ca_file_is_said_when_the_door_opens(tmp_path):
    """Nothing is sent that nobody can vouch for."""
    async with EmailFake() as fake:
        with pytest.raises(DelayedError, match=r"no-such\.pem cannot be used: No such file"):
            async with door(fake, ca_file=str(tmp_path / "no-such.pem")):
                pass


async def test_a_refused_login_or_sender_is_about_us_and_tried_again():
    """The mail is as good as before once the password is."""
    async with EmailFake() as fake:
        async with door(fake, password="canary-wrong") as opened:
            error = await failure(opened)
            assert isinstance(error, DelayedError)
            assert error.detail.endswith("user and password are refused (535)")
        fake.refused = {"bellbuoy@watch.example": ["553 5.7.1 Not your address"]}
        async with door(fake) as opened:
            error = await failure(opened)
            assert isinstance(error, DelayedError)
            assert "553 5.7.1 Not your address" in error.detail
            await opened.notify(goldens.opened())


async def test_a_recipient_who_is_not_known_does_not_keep_it_from_the_others():
    """The receipt names who did not get it."""
    async with EmailFake() as fake, door(fake) as opened:
        fake.refused = {"oncall@team.example": ["550 5.1.1 No such user"]}
        receipt = await opened.notify(goldens.opened())
        assert receipt.detail.endswith("; refused for oncall@team.example: 550 5.1.1 No such user")
        assert fake.envelopes == [("ops@team.example",)]


async def test_if_nobody_is_known_it_is_dead():
    """There is nobody to send it to."""
    async with EmailFake() as fake, door(fake) as opened:
        gone = "550 5.1.1 No such user"
        fake.refused = {name: [gone] for name in ("ops@team.example", "oncall@team.example")}
        error = await failure(opened)
        assert isinstance(error, RefusedError)
        assert error.detail.count(gone) == 2


async def test_who_was_put_off_gets_it_later_and_the_others_only_once():
    """Greylisting of one recipient makes no repeats for the rest."""
    async with EmailFake() as fake, door(fake) as opened:
        fake.refused = {"oncall@team.example": ["450 4.2.0 Greylisted"]}
        error = await failure(opened)
        assert isinstance(error, DelayedError)
        assert not error.uncertain
        assert "oncall@team.example: 450 4.2.0 Greylisted" in error.detail
        await opened.notify(goldens.resolved())
        await opened.notify(goldens.opened())
        assert fake.envelopes == [
            ("ops@team.example",),
            ("ops@team.example", "oncall@team.example"),
            ("oncall@team.example",),
        ]


async def test_what_is_remembered_of_recipients_is_bounded(monkeypatch):
    """The oldest is forgotten, and then somebody gets a mail twice."""
    monkeypatch.setattr(email, "REMEMBERED", 2)
    async with EmailFake() as fake, door(fake) as opened:
        for number in range(4):
            fake.refused = {"oncall@team.example": ["450 4.2.0 Greylisted"]}
            await failure(opened, message(incident_event(incident=f"i{number}")))
        assert len(opened._reached) == 2


async def test_nobody_there_is_no_uncertainty():
    """Nothing can have arrived where no connection was."""
    async with EmailFake() as fake:
        settings = fake.settings()
    async with email.open(email.Settings.model_validate(settings | {"ca_file": None})) as opened:
        error = await failure(opened)
        assert isinstance(error, DelayedError)
        assert not error.uncertain


async def say_nothing(reader, writer):
    """Listen until the other side has had enough."""
    await reader.read()
    writer.close()


async def test_n6_a_server_that_says_nothing_does_not_hold_it_for_ever(monkeypatch):
    """Before its greeting nothing has arrived; after the mail it may have."""
    monkeypatch.setattr(_smtp, "SECONDS", 0.5)
    mute = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with EmailFake() as fake, mute:
        async with door(fake, port=mute.sockets[0].getsockname()[1]) as opened:
            error = await failure(opened)
            assert isinstance(error, DelayedError)
            assert not error.uncertain
        fake.silent_at = "DATA"
        async with door(fake) as opened:
            assert (await failure(opened)).uncertain


async def test_a_farewell_without_an_answer_spoils_nothing(monkeypatch):
    """The mail was taken before it."""
    monkeypatch.setattr(_smtp, "QUIT_SECONDS", 0.05)
    async with EmailFake() as fake, door(fake) as opened:
        fake.silent_at = "QUIT"
        assert (await opened.notify(goldens.opened())).detail.startswith("250 ")


async def test_n4_a_mail_that_may_have_arrived_is_sent_again_to_everybody():
    """Nobody knows who has it."""
    async with EmailFake() as fake, door(fake) as opened:
        fake.next(Trouble.CUT)
        assert (await failure(opened)).uncertain
        await opened.notify(goldens.opened(repeat=True))
        first, again = fake.mails
        assert first["Message-ID"] == again["Message-ID"]
        assert fake.envelopes[0] == fake.envelopes[1]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"from": "nobody"}, "must be like ops@example.com"),
        ({"from": "a@b.example, c@d.example"}, "must be like"),
        ({"from": "a@b.example\r\nBcc: c@d.example"}, "must be like"),
        ({"from": "=?utf-8?q?x=0d=0aBcc:_a?= <a@b.example>"}, "must be like"),
        ({"to": []}, "at least 1"),
        ({"to": ["a@b.example", "b@ü.example"]}, "must be like"),
        ({"to": "a b@c.example"}, "must be like"),
        ({"host": ""}, "pattern"),
        ({"host": "mail example"}, "pattern"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"security": "ssl"}, "'starttls', 'tls' or 'none'"),
        ({"user": "me"}, "user and password belong together"),
        ({"password": "canary"}, "user and password belong together"),
        ({"user": "me", "password": "canary", "security": "none"}, "not sent in the clear"),
        ({"timezone": "Berlin"}, "IANA"),
    ],
)
def test_a_wrong_setting_is_one_error_that_tells_no_secret(settings, fault):
    """One line says what is wanted."""
    with pytest.raises(ValidationError, match=fault) as caught:
        email.Settings.model_validate({**GOOD, **settings})
    assert "canary" not in str(caught.value)


def test_the_port_goes_with_the_security():
    """Where it is not said, and one recipient is a list of one."""
    settings = email.Settings.model_validate(GOOD)
    assert (settings.port, settings.security, settings.to) == (None, "starttls", TO)


def test_w8_the_password_cannot_be_printed():
    """Not even by accident."""
    settings = email.Settings.model_validate({**GOOD, "user": "me", "password": "canary"})
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "canary" not in shown


async def test_a_life_of_planned_work_is_one_thread_too():
    """From its announcement to its end."""
    async with EmailFake() as fake, door(fake) as opened:
        for kind in (EventKind.MAINTENANCE_SCHEDULED, EventKind.MAINTENANCE_COMPLETED):
            await opened.notify(message(incident_event(kind, incident="m1")))
        assert len({one.thread for one in fake.heard}) == 1


def test_the_page_about_it_shows_a_mail_as_it_is():
    """What a reader of the documentation sees is what arrives."""
    text = part(mail_of(goldens.opened()), "plain")
    assert f"```text\n{text}```" in pages.text("docs/receivers/email.md")
