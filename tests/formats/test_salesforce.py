"""Salesforce Trust: instances, incidents that hang under many of them, and how they end."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Response
from bellbuoy.formats import Claim, Formats, _salesforce_wire, salesforce
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus, Part, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.polling.replay import Recorded, Replay
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import Answer, converse
from tests.formats.lives import Life
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample
from tests.moments import least_cpu

PRODUCT = f"{ROOT}/v1/products/Acme_Cloud"
PREVIEW = f"{ROOT}/v1/instances/status/preview?childProducts=false"
OWN = f"{ROOT}/v1/incidents/7001"
GOOD = sample("salesforce")
ALL = json.dumps(json.loads(GOOD[PRODUCT])["Instances"]).encode()


def read(
    answers: dict[str, Answer] | None = None, seen: Seen | None = None, url: str = ROOT
) -> tuple[Snapshot, list[str]]:
    """Read the sample page as all instances, with other answers where they are given."""
    page = page_at(url, "salesforce")
    answers = {**GOOD, PREVIEW: ALL, **(answers or {})}
    return converse(salesforce.read(page, seen or Seen()), answers)


def seen_after(snapshot: Snapshot, **changes: Any) -> Seen:
    """What is held after a first look."""
    held: dict[str, Any] = {
        "first_look": False,
        "open_ids": frozenset(one.id for one in snapshot.incidents if one.is_open),
        "entries": snapshot.entries,
    }
    return Seen(**(held | changes))


def edited(edit: Any) -> bytes:
    """All instances after an edit in place."""
    document = json.loads(ALL)
    edit(document)
    return json.dumps(document).encode()


def own(**changes: Any) -> bytes:
    """The object of the incident that goes on, as its own address might tell it."""
    return json.dumps(json.loads(ALL)[0]["Incidents"][0] | changes).encode()


def the(id: str, snapshot: Snapshot) -> Any:
    """One incident of a snapshot."""
    return next(one for one in snapshot.incidents if one.id == id)


NONE_OPEN = edited(lambda rows: [row.update(Incidents=[]) for row in rows])
ENDED = [{"type": "pageLoadDelays", "endTime": "2026-03-04T18:00:00Z", "severity": "minor"}]


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The document and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "salesforce" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read(url=PRODUCT)[0], order="deterministic"))
    del found["entries"]
    assert found == golden


def test_a_product_and_the_whole_are_read_alike():
    """The one is an object that names its instances, the other is their list."""
    part, asked = read(url=PRODUCT)
    whole, asked_of_whole = read()
    assert (asked, asked_of_whole) == ([PRODUCT], [PREVIEW])
    assert (part.incidents, part.components) == (whole.incidents, whole.components)
    assert (part.name, whole.name) == ("Acme Cloud", "Salesforce")


def test_one_incident_under_many_instances_is_one():
    """It names them all, those of other products too."""
    snapshot, _ = read()
    assert [one.id for one in snapshot.incidents] == ["7001", "7002"]
    affected = the("7001", snapshot).components
    assert [one.name for one in affected] == ["ACME1", "ACME2", "ELSEWHERE"]
    assert affected[0].status is ComponentStatus.MAJOR_OUTAGE
    assert affected[2].status is ComponentStatus.UNKNOWN


def test_of_two_copies_of_one_incident_the_newer_prevails():
    """Each instance brings a copy of its own."""

    def age(rows: list[Any]) -> None:
        rows[1]["Incidents"][0].update(serviceKeys=["search"], updatedAt="2026-03-04T19:00:00Z")

    for rows in (edited(age), json.dumps(json.loads(edited(age))[::-1]).encode()):
        assert the("7001", read({PREVIEW: rows})[0]).title.startswith("Search")


def test_a_title_is_made_of_services_and_impacts():
    """There is none, and what it is made of may be missing."""
    assert the("7001", read()[0]).title == "Core service: page load delays, service disruption"
    for keys, impacts, title in (
        ([], [{"type": "pageLoadDelays"}], "Page load delays"),
        (["search"], [], "Search"),
        (None, None, "Incident 7001"),
    ):

        def strip(rows: list[Any], keys: Any = keys, impacts: Any = impacts) -> None:
            for row in rows[:2]:
                row["Incidents"][0].update(serviceKeys=keys, IncidentImpacts=impacts)

        assert the("7001", read({PREVIEW: edited(strip)})[0]).title == title


def test_an_incident_is_over_when_every_impact_has_an_end():
    """One that still goes on is what counts, and how bad it is."""
    snapshot, _ = read()
    going_on, over = the("7001", snapshot), the("7002", snapshot)
    assert (going_on.status, going_on.impact) == (IncidentStatus.INVESTIGATING, Impact.MAJOR)
    assert over.status is IncidentStatus.RESOLVED
    assert (over.impact, over.impact_raw) == (Impact.UNKNOWN, "severe")
    body = edited(lambda rows: rows[0]["Incidents"][1].update(IncidentImpacts=[]))
    assert the("7002", read({PREVIEW: body})[0]).is_open


def test_components_are_the_active_instances():
    """With their location as region, and their product where there is just one."""

    def sort(rows: list[Any]) -> None:
        rows[0]["Products"] = [{"key": "Marketing_Cloud"}]
        rows[1]["Products"] = [{"key": "Sales_Cloud"}, {"key": "Service_Cloud"}]

    snapshot, _ = read({PREVIEW: edited(sort)})
    found = {one.id: one for one in snapshot.components}
    assert list(found) == ["ACME1", "ACME2", "ACME3", "ACME4"]
    assert [one.region for one in found.values()] == ["NA", "EMEA", "APAC", "APAC"]
    assert [one.group for one in found.values()][:2] == ["Marketing Cloud", None]
    assert (found["ACME4"].status, found["ACME4"].status_raw) == ("unknown", "WOBBLING")
    assert snapshot.complete == {Part.COMPONENTS, Part.OPEN_INCIDENTS}


def test_a_page_that_is_read_again_decodes_no_incident(monkeypatch):
    """Equal bytes are unchanged, whatever moved around them."""
    first, _ = read()
    monkeypatch.setattr(salesforce, "read_incident", lambda *_: pytest.fail("was decoded"))
    moved = ALL.replace(b'"WOBBLING"', b'"OK"')
    second, asked = read({PREVIEW: moved}, seen_after(first))
    assert asked == [PREVIEW]
    assert (second.incidents, second.unchanged) == ((), {"7001", "7002"})
    assert second.components[-1].status is ComponentStatus.OPERATIONAL


def test_an_incident_that_vanished_is_asked_how_it_ended():
    """Its own object is believed if it says that every impact has an end."""
    first, _ = read()
    answers: dict[str, Answer] = {PREVIEW: NONE_OPEN, OWN: own(IncidentImpacts=ENDED)}
    second, asked = read(answers, seen_after(first))
    assert asked == [PREVIEW, OWN]
    assert [(one.id, one.status) for one in second.incidents] == [("7001", "resolved")]
    assert not second.owes


def test_a_life_is_told_once():
    """Opened, away without a word, over by its own word, and an old copy after that."""
    life = Life(salesforce, page_at(ROOT, "salesforce"))
    assert life.look({PREVIEW: ALL}) == [("incident.opened", "")]
    assert life.look({PREVIEW: ALL}) == []
    assert life.look({PREVIEW: NONE_OPEN}) == []
    ended = {PREVIEW: NONE_OPEN, OWN: own(IncidentImpacts=ENDED, updatedAt="2026-03-04T18:01:00Z")}
    assert life.look(ended) == [("incident.resolved", "")]
    assert life.look({PREVIEW: ALL}) == life.look(ended) == life.look(ended) == []


@pytest.mark.parametrize("answer", [own(), own(id=1), b"{}", b"[]", b"<html></html>", 500, 404])
def test_any_other_answer_ends_nothing(answer):
    """The question stays, and a missing address proves nothing so early."""
    first, _ = read()
    second, _ = read({PREVIEW: NONE_OPEN, OWN: answer}, seen_after(first))
    assert (second.incidents, second.gone, second.owes) == ((), frozenset(), True)


def test_c5_what_is_long_missing_is_gone_only_if_its_address_is():
    """Withdrawn is what was there and has no address any more."""
    first, _ = read()
    seen = seen_after(first, missing={"7001": the("7001", first).url})
    for status, gone in ((404, {"7001"}), (410, {"7001"}), (403, set())):
        assert read({PREVIEW: NONE_OPEN, OWN: status}, seen)[0].gone == gone


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"key": None}, {"key": ""}])
def test_a_list_with_an_instance_that_cannot_be_read_is_not_complete(broken):
    """One broken entry costs itself, not its brothers, and its list proves no absence."""
    whole, _ = read()
    snapshot, _ = read({PREVIEW: edited(lambda rows: rows.append(broken))})
    assert snapshot.complete == frozenset()
    assert (snapshot.incidents, snapshot.components) == (whole.incidents, whole.components)


@pytest.mark.parametrize("broken", [None, 7, [], {}, {"id": None}, {"id": ""}])
def test_a_list_with_an_incident_that_cannot_be_read_is_not_complete(broken):
    """Nobody knows which incident it is."""
    body = edited(lambda rows: rows[2]["Incidents"].append(broken))
    assert read({PREVIEW: body})[0].complete == frozenset()


@pytest.mark.parametrize("field", ["IncidentImpacts", "instanceKeys", "serviceKeys", "createdAt"])
@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [3], [None], True])
def test_a_wrong_field_of_an_incident_costs_only_itself(field, wrong):
    """Its other fields are read, and it is not over."""
    body = edited(lambda rows: rows[0]["Incidents"][0].update({field: wrong}))
    assert the("7001", read({PREVIEW: body})[0]).is_open


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"[1]", b"{}", b'[{"key": "A"}]', GOOD[PRODUCT]])
def test_what_does_not_begin_with_an_instance_is_refused(body):
    """The error names the format and the place."""
    with pytest.raises(ReadError) as caught:
        read({PREVIEW: body})
    assert (caught.value.format, caught.value.place) == ("salesforce", "$")


@pytest.mark.parametrize(
    ("address", "url", "name"),
    [
        ("https://status.salesforce.com/", "https://api.status.salesforce.com", "Salesforce"),
        (
            "https://status.salesforce.com/instances/NA1",
            "https://api.status.salesforce.com",
            "Salesforce",
        ),
        (
            "https://status.salesforce.com/products/Marketing_Cloud/x",
            "https://api.status.salesforce.com/v1/products/Marketing_Cloud",
            "Marketing Cloud",
        ),
        (
            "https://status.salesforce.com/products/",
            "https://api.status.salesforce.com",
            "Salesforce",
        ),
    ],
)
def test_its_page_for_people_leads_to_its_data(address, url, name):
    """That page is an empty shell; its data is on another host."""
    body = b"<!DOCTYPE html><html><head><title>Status</title></head></html>"
    claim = salesforce.claims(Response(url=address, status=200, body=body))
    assert claim == Claim(format="salesforce", url=url, name=name)
    assert salesforce.claims(Response(url=ROOT, status=200, body=body)) is None


def test_its_documents_are_known_wherever_they_lie():
    """The list of all instances, and a product with its own."""
    for address, body, claim in (
        (PREVIEW, ALL, (ROOT, "Salesforce")),
        (PRODUCT, GOOD[PRODUCT], (PRODUCT, "Acme Cloud")),
    ):
        found = salesforce.claims(Response(url=address, status=200, body=body))
        assert found == Claim(format="salesforce", url=claim[0], name=claim[1])


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(ALL), mutated(GOOD[PRODUCT]), mutated(own(IncidentImpacts=ENDED)))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(preview, product, end):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    for url, face, body in ((ROOT, PREVIEW, preview), (PRODUCT, PRODUCT, product)):
        salesforce.claims(Response(url=face, status=200, body=body))
        answers: dict[str, Answer] = {face: body, OWN: end}
        try:
            snapshot, _ = read(answers, Seen(open_ids=frozenset({"7001"})), url)
        except ReadError:
            continue
        clean(snapshot)
        again, _ = read(answers, seen_after(snapshot), url)
        assert not {one.id for one in again.incidents} & again.unchanged


# Recordings

LIST = "salesforce-trust/salesforce/salesforce_incident.json"
TABLEAU = "salesforce-trust/tableau/Salesforce-Tableau.json"


@pytest.mark.corpus
def test_the_recorded_bodies_are_recognised_under_their_real_addresses(corpus):
    """The one of texts leads to the page, and is not the page."""
    api = "https://api.status.salesforce.com"
    for path, address, url, name in (
        (LIST, f"{api}/v1/instances/status/preview?childProducts=false", api, "Salesforce"),
        (TABLEAU, f"{api}/v1/products/Tableau", f"{api}/v1/products/Tableau", "Tableau"),
    ):
        found, _ = converse(recognise(address, Formats()), {address: body_of(corpus / path)})
        assert (found.format, found.url, found.name) == ("salesforce", url, name)
    labels = body_of(corpus / "salesforce-trust/salesforce/salesforce_localizations.json")
    address = f"{api}/v1/localizations?locale=en"
    found, _ = converse(recognise(address, Formats()), {address: labels})
    assert (found.format, found.url) == ("salesforce", api)
    with pytest.raises(ReadError):
        read({PREVIEW: labels})


@pytest.mark.corpus
def test_the_recorded_incident_is_told_by_its_impact(corpus):
    """One instance of 1,463 is hit; every word of the recording is known."""
    snapshot, _ = read({PREVIEW: body_of(corpus / LIST)})
    [incident] = snapshot.incidents
    assert incident.title == (
        "Core service: performance degradation asynchronous processing subset"
    )
    assert (incident.id, incident.impact, incident.is_open) == ("5968", Impact.MINOR, True)
    assert [(one.name, one.status) for one in incident.components] == [("NA137", "degraded")]
    assert len(snapshot.components) == 1_463
    assert {one.region for one in snapshot.components} == {"NA", "EMEA", "APAC"}
    assert {one.status.value for one in snapshot.components} == {"operational", "degraded"}
    assert snapshot.complete == {Part.COMPONENTS, Part.OPEN_INCIDENTS}


@pytest.mark.corpus
def test_the_recorded_product_is_read_whole(corpus):
    """22 instances, one of them retired."""
    snapshot, _ = read({PRODUCT: body_of(corpus / TABLEAU)}, url=PRODUCT)
    assert len(snapshot.components) == 21
    assert all(one.status is ComponentStatus.OPERATIONAL for one in snapshot.components)
    assert snapshot.incidents == ()


@pytest.mark.corpus
def test_the_recorded_list_served_again_is_no_news(corpus):
    """An open incident is announced once, and none of the instances."""
    player = Replay(salesforce, page_at(ROOT, "salesforce"), "v1/instances/status/preview")
    body = Recorded(name="1", at=None, body=body_of(corpus / LIST))
    assert [event.kind for event in player.visit(body)] == ["incident.opened"]
    assert player.visit(body) == player.visit(body) == ()


@pytest.mark.corpus
def test_a_million_and_a_half_bytes_take_less_than_the_bare_decoder_thrice(corpus):
    """No poll may hold up the others."""
    body = body_of(corpus / LIST)
    ours = least_cpu(lambda: [read({PREVIEW: body}) for _ in range(10)])
    theirs = least_cpu(lambda: [json.loads(body) for _ in range(10)])
    assert ours < 3 * theirs


def test_the_shapes_name_the_fields_as_the_vendor_does():
    """A renamed field would be read as missing, in silence."""
    row = json.loads(ALL)[0]
    names = {one.encode_name for one in msgspec.structs.fields(_salesforce_wire.InstanceRow)}
    assert names - {"Products"} <= row.keys()
    names = {one.encode_name for one in msgspec.structs.fields(_salesforce_wire.IncidentRow)}
    assert names <= row["Incidents"][0].keys()
