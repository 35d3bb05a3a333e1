"""The conformance tests find what they are for."""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from bellbuoy.errors import DelayedError, DisabledError, FetchError, ReadError, RefusedError
from bellbuoy.events import EventKind, to_json
from bellbuoy.exchange import Request, Response
from bellbuoy.formats import Claim
from bellbuoy.model.delivery import Receipt
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Incident,
    IncidentKind,
    IncidentStatus,
    Snapshot,
)
from bellbuoy.testing import check_format, check_notifier, sample_events

URL = "https://status.acme.example"
BODY = json.dumps({"acme": 1, "at": "2026-01-01"}).encode()


def incident(**facts) -> Incident:
    """An incident with the least that it needs."""
    values = {
        "id": "i", "kind": IncidentKind.INCIDENT, "title": "t",
        "status": IncidentStatus.INVESTIGATING,
    }  # fmt: skip
    return Incident(**{**values, **facts})


def claims(response: Response) -> Claim | None:
    """Whether it is Acme's."""
    is_ours = response.body.startswith(b'{"acme"')
    return Claim(format="acme", url=response.url, name="Acme") if is_ours else None


def read(page, seen):
    """Read one document with one incident."""
    response = yield Request.get(page.at("now.json"))
    try:
        document = json.loads(response.body)
    except ValueError as error:
        raise ReadError(response.url, "acme", "$", "no JSON") from error
    if not isinstance(document, dict) or "acme" not in document:
        raise ReadError(response.url, "acme", "$.acme", "it is missing")
    return Snapshot(incidents=(incident(),))


FINE = Component(id="c", name="c", status=ComponentStatus.OPERATIONAL)
GOOD = {
    "api_version": 1, "NAME": "acme", "PLATFORM": None, "PROBES": ("now.json",),
    "claims": claims, "read": read,
}  # fmt: skip


def check(**parts) -> Snapshot:
    """Check the good format with some parts exchanged."""
    return check_format(SimpleNamespace(**{**GOOD, **parts}), url=URL, answers={"now.json": BODY})


def reading(*incidents: Incident, **facts):
    """A `read` that always gives a fixed snapshot of a good document."""

    def fixed(page, seen):
        yield from read(page, seen)
        return Snapshot(incidents=incidents, **facts)

    return fixed


def test_a_good_format_passes():
    """And what it read is given back."""
    assert check().incidents == (incident(),)


def lenient(page, seen):
    """Take anything for a fine page."""
    yield Request.get(page.at("now.json"))
    return Snapshot()


def forgetful(page, seen):
    """Take a lost answer for a fine page."""
    try:
        return (yield from read(page, seen))
    except FetchError:
        return Snapshot()


def curious(page, seen):
    """Ask without end."""
    while True:
        yield Request.get(page.at("now.json"))


def biased(page, seen):
    """Begin elsewhere at the second look."""
    if not seen.first_look:
        yield Request.get(page.at("later.json"))
    return (yield from read(page, seen))


def sloppy(page, seen):
    """Read what there is of a cut document."""
    response = yield Request.get(page.at("now.json"))
    if not response.body.startswith(b'{"acme"'):
        raise ReadError(response.url, "acme", "$", "not ours")
    return Snapshot(incidents=(incident(title=str(len(response.body))),))


def hopeful(page, seen):
    """Take an error for a fine component."""
    yield Request.get(page.at("now.json"), accepts_failure=True)
    return Snapshot(components=(FINE,))


def writing(page, seen):
    """Send something to a page."""
    yield Request(method="POST", url=page.at("now.json"))
    return Snapshot()


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"api_version": 0}, "api_version is 1"),
        ({"NAME": ""}, "NAME is a text"),
        ({"PLATFORM": 3}, "PLATFORM is a text or None"),
        ({"PROBES": "now.json"}, "PROBES is a tuple"),
        ({"claims": None}, "a function `claims`"),
        ({"read": None}, "a function `read`"),
        ({"claims": lambda response: Claim(format="acme", url="", name="")}, "does not claim b''"),
        ({"claims": lambda r: Claim(format="x", url="", name="")}, "names the format itself"),
        ({"read": lenient}, "raises ReadError for b''"),
        ({"read": forgetful}, "passes on the FetchError"),
        ({"read": curious}, "at most 20 questions"),
        ({"read": biased}, "does not depend on `seen`"),
        ({"read": sloppy}, "a document cut after"),
        ({"read": hopeful}, "nothing is operational that answers 404"),
        ({"PROBES": ()}, "without PROBES claims nothing"),
        ({"read": writing}, "every request is a GET"),
        ({"read": reading(incident(), incident())}, "ids of their own"),
        ({"read": reading(incident(id=""))}, "ids that are not empty"),
        ({"read": reading(incident(title=3))}, "the type it says"),
        ({"read": reading(incident(started_at=datetime(2026, 1, 1)))}, "aware datetime in UTC"),
        ({"read": reading(unchanged=frozenset({"new"}))}, "`unchanged` names only"),
    ],
)
def test_a_format_that_does_not_conform_is_told_why(parts, told):
    """One sentence for each promise that is not kept."""
    with pytest.raises((AssertionError, TypeError), match=told):
        check(**parts)


def test_a_format_that_imports_the_network_is_no_format(tmp_path, monkeypatch):
    """Purity is read from the module's source."""
    (tmp_path / "impure_format.py").write_text("import socket\nimport urllib.parse\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import impure_format  # pyright: ignore[reportMissingImports]

    for name, value in GOOD.items():
        setattr(impure_format, name, value)
    with pytest.raises(AssertionError, match="does not import socket"):
        check_format(impure_format, url=URL, answers={"now.json": BODY})


def test_the_samples_hold_every_kind():
    """A notifier that passed has seen them all, and each can leave as JSON."""
    samples = list(sample_events())
    assert {event.kind for event in samples} == set(EventKind)
    assert all(to_json(event) for event in samples)
    assert samples[0].at == datetime(2026, 2, 23, 16, 9, 30, tzinfo=UTC)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: SecretStr = SecretStr("s3cret-token")


class Loose(BaseModel):
    token: SecretStr = SecretStr("s3cret-token")


class Bare(BaseModel):
    model_config = ConfigDict(extra="forbid")

    api_token: str = "s3cret-token"


def judged(response: Response) -> Receipt:
    """What an answer means."""
    if response.status == 410:
        raise DisabledError("gone")
    if response.status in {408, 409, 425, 429} or response.status >= 500:
        raise DelayedError("later", retry_after=7)
    if not 200 <= response.status < 300:
        raise RefusedError("no")
    return Receipt()


def notify(message, settings):
    """Send the event as it is."""
    body = to_json(message.event)
    response = yield Request.post("https://r.example", body, content_type="application/json")
    return judged(response)


def headed(message, settings):
    """Put the title where it does not belong."""
    title = message.event.incident.title if message.event.incident else ""
    response = yield Request.post("https://r.example", b"", content_type="x", headers={"T": title})
    return judged(response)


def changing(message, settings, calls=iter(range(10_000))):  # noqa: B008 - counts on purpose
    """Send other words each time."""
    response = yield Request.post("https://r.example", b"%d" % next(calls), content_type="x")
    return judged(response)


def deaf(message, settings):
    """Believe that everything arrived."""
    yield Request.post("https://r.example", b"", content_type="x")
    return Receipt()


def talkative(message, settings):
    """Tell the token when refused."""
    response = yield Request.post("https://r.example", b"", content_type="x")
    if response.status >= 400:
        raise RefusedError(f"{settings.token.get_secret_value()} was refused")
    return judged(response)


def hasty(message, settings):
    """Ignore when to come back."""
    response = yield Request.post("https://r.example", b"", content_type="x")
    try:
        return judged(response)
    except DelayedError as error:
        raise DelayedError(error.detail) from error


def quiet(message, settings):
    """Send nothing of some kinds."""
    if message.event.kind is EventKind.PAGE_GAP:
        return Receipt()
    return (yield from notify(message, settings))


def check_it(**parts) -> None:
    """Check the good notifier with some parts exchanged."""
    good = {"api_version": 1, "KIND": "acme", "Settings": Settings, "notify": notify}
    check_notifier(SimpleNamespace(**{**good, **parts}), {})


def test_a_good_notifier_passes():
    """Nothing is raised."""
    check_it()


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"api_version": 9}, "api_version is 1"),
        ({"KIND": None}, "KIND is a text"),
        ({"Settings": dict}, "Settings is a pydantic model"),
        ({"notify": None}, "either a function `notify` or a function `open`"),
        ({"open": lambda settings: None}, "either a function `notify` or a function `open`"),
        ({"Settings": Loose}, "refuses unknown keys"),
        ({"Settings": Bare}, "the setting 'api_token' is a SecretStr"),
        ({"notify": headed}, "out of the headers"),
        ({"notify": changing}, "in the same words"),
        ({"notify": deaf}, "a 301 raises DeliveryError, not None"),
        ({"notify": talkative}, "errors do not tell secrets"),
        ({"notify": hasty}, "the Retry-After of a 429 is honoured"),
        ({"notify": quiet}, "sends a request, or its receipt says why"),
    ],
)
def test_a_notifier_that_does_not_conform_is_told_why(parts, told):
    """One sentence for each promise that is not kept."""
    with pytest.raises(AssertionError, match=told):
        check_it(**parts)


class Shelf:
    """A door that keeps what it is given."""

    def __init__(self) -> None:
        self.kept = []

    async def notify(self, message):
        """Keep it."""
        self.kept.append(message)
        return Receipt()


def test_a_notifier_with_a_door_is_opened_for_real():
    """It is given every sample through one open door."""
    shelf = Shelf()

    @asynccontextmanager
    async def door(settings):
        yield shelf

    notifier = SimpleNamespace(api_version=1, KIND="shelf", Settings=Settings, open=door)
    check_notifier(notifier, {})
    assert len(shelf.kept) == len(list(sample_events()))
