"""Statuspage: what is asked, what is read, what is skipped, and what is refused."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import _statuspage_look, statuspage
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Seen
from bellbuoy.text import clean
from tests.conftest import PROFILE
from tests.formats.conversation import Answer, converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, body_of, page_at, sample

PAGE = page_at(ROOT, "statuspage")
SUMMARY = f"{ROOT}/api/v2/summary.json"
INCIDENTS = f"{ROOT}/api/v2/incidents.json"
MAINTENANCES = f"{ROOT}/api/v2/scheduled-maintenances.json"
GOOD = sample("statuspage")
NOT_MODIFIED = Response(url=INCIDENTS, status=304)


def read(
    answers: dict[str, Answer] | None = None, seen: Seen | None = None
) -> tuple[Snapshot, list[str]]:
    """Read the sample page, with other answers where they are given."""
    return converse(statuspage.read(PAGE, seen or Seen()), {**GOOD, **(answers or {})})


def seen_after(snapshot: Snapshot, **changes: Any) -> Seen:
    """What is held after a first look, some minutes ago."""
    held: dict[str, Any] = {
        "first_look": False,
        "open_ids": frozenset(
            incident.id
            for incident in snapshot.incidents
            if incident.is_open and incident.status is not IncidentStatus.UNKNOWN
        ),
        "entries": snapshot.entries,
        "stamp": snapshot.stamp,
        "history_due": False,
    }
    return Seen(**(held | changes))


def edited(address: str, edit: Any) -> bytes:
    """A document of the sample page after an edit in place."""
    document = json.loads(GOOD[address])
    edit(document)
    return json.dumps(document).encode()


def stamped(document: dict[str, Any]) -> None:
    """Only the page's stamp moves."""
    document["page"]["updated_at"] = "2026-03-04T17:30:00.000Z"


def emptied(*lists: str) -> Any:
    """Some lists are empty, and the stamp has moved."""

    def edit(document: dict[str, Any]) -> None:
        stamped(document)
        document.update({name: [] for name in lists})

    return edit


# What is read


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The documents and the objects that they must become stand side by side."""
    golden = json.loads((FIXTURES / "statuspage" / "sample.golden.json").read_text())
    found = json.loads(msgspec.json.encode(read()[0], order="deterministic"))
    del found["entries"]
    assert found == golden


def test_a_group_is_a_heading_and_its_members_name_it():
    """A row with `group: true` is no component of its own."""
    components = {component.name: component for component in read()[0].components}
    assert components["Core"].is_group
    assert components["API"].group == "Core"
    assert components["Mail"].group is None
    assert components["Mail"].status is ComponentStatus.MAINTENANCE


def test_unknown_words_become_unknown_and_are_kept():
    """A word that nobody knows is neither an error nor all fine."""
    snapshot, _ = read()
    beta = next(component for component in snapshot.components if component.name == "Beta")
    assert (beta.status, beta.status_raw) == (ComponentStatus.UNKNOWN, "rebooting")
    strange = next(incident for incident in snapshot.incidents if incident.id == "incident0001")
    assert (strange.status, strange.status_raw) == (IncidentStatus.UNKNOWN, "thinking")
    assert (strange.impact, strange.impact_raw) == (Impact.UNKNOWN, "catastrophic")
    assert strange.updates[0].status is IncidentStatus.UNKNOWN


def test_planned_work_starts_when_planned_and_has_no_impact():
    """The impact "maintenance" says that work is planned, not how bad it is."""
    work = next(i for i in read()[0].incidents if i.id == "mainten00002")
    assert work.kind is IncidentKind.MAINTENANCE
    assert work.started_at == datetime(2026, 3, 4, 17, tzinfo=UTC)
    assert (work.impact, work.impact_raw) == (Impact.NONE, "maintenance")
    assert [update.status_raw for update in work.updates] == ["scheduled", "in_progress"]


def test_updates_are_oldest_first_with_the_time_of_their_edit():
    """The vendor lists them newest first; a body is left as it came."""
    incident = next(i for i in read()[0].incidents if i.id == "incident0003")
    assert [update.id for update in incident.updates] == ["update000031", "update000032"]
    newest = incident.updates[-1]
    assert newest.body == "A bad deploy.\r\nWe roll it back."
    assert (newest.at, newest.updated_at) == (
        datetime(2026, 3, 4, 17, 20, tzinfo=UTC),
        datetime(2026, 3, 4, 17, 22, 10, tzinfo=UTC),
    )


def test_an_incident_without_a_short_link_has_the_address_on_its_page():
    """People get a link in any case, and no id can lead it elsewhere."""
    incident = next(i for i in read()[0].incidents if i.id == "incident0001")
    assert incident.url == f"{ROOT}/incidents/incident0001"
    for bad in ("../../evil", "//evil.example/x", "https://evil.example"):

        def rename(document: dict[str, Any], bad: str = bad) -> None:
            document["incidents"][0].update(id=bad, shortlink=None)

        found = {i.id: i for i in read({SUMMARY: edited(SUMMARY, rename)})[0].incidents}
        assert urlsplit(found[bad].url).hostname == "status.example.com"


def test_the_stamp_the_name_and_the_complete_parts_are_those_of_the_summary():
    """All three lists of the summary are whole."""
    snapshot, _ = read()
    assert snapshot.name == "Acme"
    assert snapshot.stamp == datetime(2026, 3, 4, 17, 20, 5, tzinfo=UTC)
    assert snapshot.complete == set(Part)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("components", Part.COMPONENTS),
        ("incidents", Part.OPEN_INCIDENTS),
        ("scheduled_maintenances", Part.OPEN_MAINTENANCES),
    ],
)
def test_a_list_with_an_entry_that_cannot_be_read_is_not_complete(name, part):
    """One broken entry costs itself, not its brothers, and its list proves no absence."""
    whole, _ = read()
    for broken in (None, 7, "x", [], {}, {"id": None}, {"id": 12}):
        body = edited(SUMMARY, lambda document, broken=broken: document[name].append(broken))
        snapshot, _ = read({SUMMARY: body})
        assert part not in snapshot.complete
        assert snapshot.complete == whole.complete - {part}
        assert snapshot.incidents == whole.incidents
        assert snapshot.components == whole.components


def test_a_list_that_is_not_there_is_not_complete():
    """Absent and null say nothing; an empty list says that there is nothing."""
    for missing in ("absent", None):

        def drop(document: dict[str, Any], missing: str | None = missing) -> None:
            document["scheduled_maintenances"] = missing
            if missing:
                del document["scheduled_maintenances"]

        snapshot, _ = read({SUMMARY: edited(SUMMARY, drop)})
        assert Part.OPEN_MAINTENANCES not in snapshot.complete


@pytest.mark.parametrize("field", ["name", "impact", "shortlink", "updated_at", "components"])
@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [3], True])
def test_a_wrong_field_of_an_incident_costs_only_itself(field, wrong):
    """Its other fields are read, whatever stands there."""
    body = edited(SUMMARY, lambda document: document["incidents"][0].update({field: wrong}))
    snapshot, _ = read({SUMMARY: body, INCIDENTS: 503})
    incident = next(i for i in snapshot.incidents if i.id == "incident0003")
    assert incident.status is IncidentStatus.IDENTIFIED
    assert len(incident.updates) == 2


def test_updates_without_ids_have_ids_that_stay():
    """Trimmed copies leave the ids out; equal times and words still are two updates."""

    def strip(document: dict[str, Any]) -> None:
        for update in document["incidents"][0]["incident_updates"]:
            del update["id"]
            update.update(display_at="2026-03-04T17:00:00Z", status="identified")

    body = edited(SUMMARY, strip)
    found = [read({SUMMARY: body, INCIDENTS: 503})[0].incidents[0].updates for _ in range(2)]
    assert found[0] == found[1]
    assert len({update.id for update in found[0]}) == 2


def test_x6_half_pairs_control_characters_and_marks_do_not_hide_a_page():
    """JSON that a strict reader refuses for one character is read without that character."""
    plain = GOOD[SUMMARY]
    for bad in (
        plain.replace(b"API errors", b"API \\ud800 errors"),
        plain.replace(b"API errors", b"API \x00\x07 errors"),
        plain.replace(b"API errors", b"API \xff\xfe errors"),
        b"\xef\xbb\xbf" + plain,
        plain.decode().encode("utf-16"),
    ):
        snapshot = clean(read({SUMMARY: bad, INCIDENTS: 503})[0])
        incident = next(i for i in snapshot.incidents if i.id == "incident0003")
        assert incident.title.startswith("API")
        assert incident.title.endswith("errors")
        assert len(snapshot.components) == 5


# What is skipped


def test_a_page_that_is_read_again_decodes_no_entry(monkeypatch):
    """Equal bytes are unchanged, whatever moved around them."""
    plain = {address: msgspec.json.format(body, indent=1) for address, body in GOOD.items()}
    moved = {
        address: msgspec.json.format(edited(address, stamped), indent=1)
        for address in (SUMMARY, INCIDENTS)
    }
    first, _ = read(plain)

    def fail(*_args: Any) -> None:
        pytest.fail("an unchanged entry was decoded")

    monkeypatch.setattr(_statuspage_look, "read_incident", fail)
    second, asked = read(moved, seen_after(first, history_due=True))
    assert asked == [SUMMARY, INCIDENTS]
    assert second.incidents == ()
    assert second.unchanged == {"incident0001", "incident0002", "incident0003", "mainten00002"}
    assert second.components == first.components
    assert second.window == first.window


def test_a_changed_entry_is_decoded_and_its_brothers_are_not():
    """Only what changed comes back in full."""
    first, _ = read()

    changed = {SUMMARY: GOOD[SUMMARY].replace(b"We roll it back.", b"Rolled back.")}
    second, asked = read(changed, seen_after(first))
    assert asked == [SUMMARY]
    assert [incident.id for incident in second.incidents] == ["incident0003"]
    assert second.incidents[0].updates[-1].body.endswith("Rolled back.")
    assert second.unchanged == {"mainten00002"}
    assert second.entries["i:incident0003"] != first.entries["i:incident0003"]


def test_an_incident_in_two_documents_is_listed_once_as_the_newer_says():
    """An older copy of the history does not undo what the summary says."""
    for summary_at, history_at, title in (
        ("2026-03-04T18:00:00Z", "2026-03-04T17:00:00Z", "in the summary"),
        ("2026-03-04T17:00:00Z", "2026-03-04T18:00:00Z", "in the history"),
    ):

        def say(title: str, at: str) -> Any:
            return lambda document: document["incidents"][0].update(name=title, updated_at=at)

        snapshot, _ = read(
            {
                SUMMARY: edited(SUMMARY, say("in the summary", summary_at)),
                INCIDENTS: edited(INCIDENTS, say("in the history", history_at)),
            }
        )
        found = [incident.title for incident in snapshot.incidents if incident.id == "incident0003"]
        assert found == [title]
        assert "incident0003" not in snapshot.unchanged


# What is asked


def test_the_first_look_asks_for_both_histories():
    """So that closed incidents are adopted, and never announced as new."""
    snapshot, asked = read()
    assert asked == [SUMMARY, INCIDENTS, MAINTENANCES]
    assert {incident.id for incident in snapshot.incidents} == {
        "incident0001", "incident0002", "incident0003", "mainten00001", "mainten00002",
    }  # fmt: skip


def test_a_later_look_asks_for_nothing_more_while_nothing_is_odd():
    """The summary alone tells of new incidents and of new updates."""
    first, _ = read()
    _, asked = read(seen=seen_after(first, history_due=True))
    assert asked == [SUMMARY]


def test_a_known_open_incident_that_vanished_is_looked_up_in_the_history():
    """How it ended stands only there."""
    first, _ = read()
    after = {SUMMARY: edited(SUMMARY, emptied("incidents"))}
    ended = edited(INCIDENTS, lambda document: document["incidents"][0].update(status="resolved"))
    second, asked = read({**after, INCIDENTS: ended}, seen_after(first))
    assert asked == [SUMMARY, INCIDENTS]
    incident = next(i for i in second.incidents if i.id == "incident0003")
    assert incident.status is IncidentStatus.RESOLVED


def test_known_open_planned_work_that_vanished_is_looked_up_in_its_own_history():
    """Incidents are not asked for on its account."""
    first, _ = read()

    def complete(document: dict[str, Any]) -> None:
        stamped(document)
        document["scheduled_maintenances"][0]["status"] = "completed"

    after = {
        SUMMARY: edited(SUMMARY, emptied("scheduled_maintenances")),
        MAINTENANCES: edited(MAINTENANCES, complete),
    }
    second, asked = read(after, seen_after(first))
    assert asked == [SUMMARY, MAINTENANCES]
    assert not second.owes
    assert "completed" in {i.status for i in second.incidents if i.id == "mainten00002"}


def test_what_vanished_without_being_known_by_kind_is_looked_up_in_both():
    """While entries wait to be seen again, nothing tells what an id was."""
    first, _ = read()
    after = {SUMMARY: edited(SUMMARY, emptied("incidents"))}
    _, asked = read(after, seen_after(first, entries={}))
    assert asked == [SUMMARY, INCIDENTS, MAINTENANCES]


def test_after_a_gap_the_history_is_asked():
    """Whole lives may have passed meanwhile."""
    first, _ = read()
    _, asked = read(seen=seen_after(first, after_gap=True, history_due=True))
    assert asked == [SUMMARY, INCIDENTS]


def test_a_stamp_that_moved_for_no_visible_reason_asks_for_the_history_when_it_is_due():
    """An incident may have come and gone between two looks, or an old one been edited."""
    moved = {SUMMARY: edited(SUMMARY, stamped)}
    plain, _ = read({SUMMARY: edited(SUMMARY, lambda _: None)})
    assert read(moved, seen_after(plain, history_due=True))[1] == [SUMMARY, INCIDENTS]
    assert read(moved, seen_after(plain, history_due=False))[1] == [SUMMARY]


def test_a_stamp_that_moved_too_early_is_explained_at_the_next_occasion():
    """The question that was not asked stays owed, also when the stamp then stands still."""
    plain, _ = read({SUMMARY: edited(SUMMARY, lambda _: None)})
    moved = {SUMMARY: edited(SUMMARY, stamped), INCIDENTS: edited(INCIDENTS, stamped)}
    early, asked = read(moved, seen_after(plain))
    assert asked == [SUMMARY]
    assert early.owes
    held = {**plain.entries, **early.entries}
    later, asked = read(moved, seen_after(plain, entries=held, stamp=early.stamp, history_due=True))
    assert asked == [SUMMARY, INCIDENTS]
    held = {**held, **later.entries}
    seen = seen_after(plain, entries=held, stamp=later.stamp, history_due=True)
    assert read(moved, seen)[1] == [SUMMARY]


@pytest.mark.parametrize("reason", ["incident", "component"])
def test_a_stamp_that_moved_for_a_visible_reason_asks_for_nothing(reason):
    """A new update, or a component's status, is why it moved."""
    plain, _ = read({SUMMARY: edited(SUMMARY, lambda _: None)})

    def edit(document: dict[str, Any]) -> None:
        stamped(document)
        if reason == "incident":
            document["incidents"][0]["name"] = "Renamed"
        else:
            document["components"][2]["status"] = "major_outage"

    assert read({SUMMARY: edited(SUMMARY, edit)}, seen_after(plain, history_due=True))[1] == [
        SUMMARY
    ]


def test_a_component_that_only_got_a_new_time_is_no_visible_reason():
    """Vendors touch components all the time (248 times in GitHub's history)."""
    plain, _ = read({SUMMARY: edited(SUMMARY, lambda _: None)})

    def edit(document: dict[str, Any]) -> None:
        stamped(document)
        document["components"][2]["updated_at"] = "2026-03-04T17:30:00.000Z"
        document["components"].reverse()

    _, asked = read({SUMMARY: edited(SUMMARY, edit)}, seen_after(plain, history_due=True))
    assert asked == [SUMMARY, INCIDENTS]


def test_an_older_copy_does_not_count_as_a_moved_stamp():
    """A content network alternates between copies; that is no news."""
    first, _ = read()
    assert first.stamp is not None
    newer = seen_after(first, stamp=first.stamp + timedelta(minutes=5), history_due=True)
    assert read(seen=newer)[1] == [SUMMARY]


@pytest.mark.parametrize("fault", [None, 500, 404, b"<html></html>", b'{"page": {}}', b""])
def test_a_history_that_cannot_be_had_leaves_the_visit_whole(fault):
    """The summary is told without it, and what was not answered stays owed."""
    answers = {**GOOD, INCIDENTS: fault, MAINTENANCES: fault}
    snapshot, asked = converse(
        statuspage.read(PAGE, Seen()), {url: a for url, a in answers.items() if a is not None}
    )
    assert asked == [SUMMARY, INCIDENTS, MAINTENANCES]
    assert {i.id for i in snapshot.incidents} == {"incident0003", "mainten00002"}
    assert snapshot.window is None
    assert snapshot.complete == set(Part)
    seen = seen_after(snapshot, history_due=True)
    assert read(seen=seen)[1] == [SUMMARY, INCIDENTS]


def test_an_error_at_the_face_ends_the_visit():
    """Without the summary nothing is known."""
    with pytest.raises(FetchError):
        read({SUMMARY: 503})


# The window of history


def test_the_window_is_what_the_history_lists():
    """Its floor is the start of the oldest entry; fifty entries are all that it ever holds."""
    window = read()[0].window
    assert window is not None
    assert window.ids == {"incident0001", "incident0002", "incident0003"}
    assert window.floor == datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert not window.is_full

    def fill(document: dict[str, Any]) -> None:
        oldest = document["incidents"][-1]
        document["incidents"] += [{**oldest, "id": f"older{n:07}"} for n in range(47)]

    full = read({INCIDENTS: edited(INCIDENTS, fill)})[0].window
    assert full is not None
    assert full.is_full
    assert len(full.ids) == 50


def test_a_history_that_did_not_change_lists_what_it_listed():
    """A 304 to the second question means nothing new there: its entries are unchanged."""
    first, _ = read()
    second, asked = read({INCIDENTS: NOT_MODIFIED}, seen_after(first, after_gap=True))
    assert asked == [SUMMARY, INCIDENTS]
    assert not second.owes
    assert second.unchanged >= {"incident0001", "incident0002", "incident0003"}
    assert second.window is not None
    assert first.window is not None
    assert second.window.ids == first.window.ids
    for id in second.window.ids:
        assert second.entries[f"i:{id}"] == first.entries[f"i:{id}"]


# Copies of different age


def test_c4_what_has_ended_and_is_still_open_in_an_older_history_is_not_known_yet():
    """Caches keep documents apart, and the summary may be the newer one by half a minute.

    The old word on the incident is not taken, the question stays, the next copy settles it.
    """
    first, _ = read()
    ended = {SUMMARY: edited(SUMMARY, emptied("incidents"))}
    second, asked = read(ended, seen_after(first))
    assert asked == [SUMMARY, INCIDENTS]
    assert second.owes
    assert "incident0003" not in second.unchanged | {i.id for i in second.incidents}
    assert "incident0002" in second.unchanged

    def resolve(document: dict[str, Any]) -> None:
        stamped(document)
        document["incidents"][0].update(status="resolved", updated_at="2026-03-04T17:29:59.000Z")

    held = {**first.entries, **second.entries}
    third, asked = read(
        {**ended, INCIDENTS: edited(INCIDENTS, resolve)},
        seen_after(first, entries=held, stamp=second.stamp),
    )
    assert asked == [SUMMARY, INCIDENTS]
    assert not third.owes
    [incident] = [incident for incident in third.incidents if incident.id == "incident0003"]
    assert incident.status is IncidentStatus.RESOLVED


def test_c4_an_older_history_that_tells_of_the_end_is_believed():
    """An end does not become untrue by being older than the summary."""
    first, _ = read()
    resolved = edited(INCIDENTS, lambda page: page["incidents"][0].update(status="resolved"))
    answers = {SUMMARY: edited(SUMMARY, emptied("incidents")), INCIDENTS: resolved}
    second, _ = read(answers, seen_after(first))
    assert "incident0003" in {incident.id for incident in second.incidents}


def test_a_history_of_the_same_age_that_lists_it_as_open_is_believed():
    """Then the page has its reasons not to show it."""
    first, _ = read()
    answers = {
        SUMMARY: edited(SUMMARY, emptied("incidents")),
        INCIDENTS: edited(INCIDENTS, stamped),
    }
    second, _ = read(answers, seen_after(first))
    assert "incident0003" in second.unchanged | {incident.id for incident in second.incidents}
    assert not second.owes


@pytest.mark.parametrize("older", [GOOD[INCIDENTS], NOT_MODIFIED, 500, b"<html></html>"])
def test_a_stamp_is_only_explained_by_a_history_that_is_not_older(older):
    """Else what came and went between two looks would be missed for good."""
    plain, _ = read({SUMMARY: edited(SUMMARY, lambda _: None)})
    moved = {SUMMARY: edited(SUMMARY, stamped)}
    snapshot, asked = read({**moved, INCIDENTS: older}, seen_after(plain, history_due=True))
    assert asked == [SUMMARY, INCIDENTS]
    assert snapshot.owes
    held = {**plain.entries, **snapshot.entries}
    seen = seen_after(plain, entries=held, stamp=snapshot.stamp, history_due=True)
    settled, asked = read({**moved, INCIDENTS: edited(INCIDENTS, stamped)}, seen)
    assert asked == [SUMMARY, INCIDENTS]
    assert not settled.owes


# Those that vanished altogether


def own_page(id: str, **fields: Any) -> dict[str, Answer]:
    """An incident's own document, as it differs from its entry: `code`, no update ids."""
    document = {
        "id": 31013816, "code": id, "name": "Mail upgrade", "impact": "maintenance",
        "scheduled_for": "2026-03-04T17:00:00.000Z", "updated_at": "2026-03-04T19:00:00.000Z",
        "incident_updates": [{"status": "completed", "body": "Done."}], **fields,
    }  # fmt: skip
    return {f"{ROOT}/incidents/{id}.json": json.dumps(document).encode()}


def test_work_that_ended_behind_a_full_history_is_asked_itself():
    """Where more is planned than a history holds, what ended is in none of the lists."""
    first, _ = read()
    no_work = {
        SUMMARY: edited(SUMMARY, emptied("scheduled_maintenances")),
        MAINTENANCES: edited(MAINTENANCES, emptied("scheduled_maintenances")),
    }
    own = own_page("mainten00002", status="completed")
    second, asked = read({**no_work, **own}, seen_after(first))
    assert asked == [SUMMARY, MAINTENANCES, f"{ROOT}/incidents/mainten00002.json"]
    work = next(i for i in second.incidents if i.id == "mainten00002")
    assert (work.kind, work.status) == (IncidentKind.MAINTENANCE, IncidentStatus.COMPLETED)
    assert work.updates == ()

    for other in (own_page("mainten00002", status="in_progress"), {}):
        third, _ = read({**no_work, **other}, seen_after(first))
        assert "mainten00002" not in third.unchanged | {i.id for i in third.incidents}
        assert third.gone == frozenset()


@pytest.mark.parametrize(
    ("status", "is_gone"), [(404, True), (410, True), (403, False), (500, False), (None, False)]
)
def test_c5_only_a_missing_address_proves_that_an_incident_is_gone(status, is_gone):
    """Any other error proves nothing."""
    first, _ = read()
    answers: dict[str, Answer] = {
        SUMMARY: edited(SUMMARY, emptied("incidents")),
        INCIDENTS: edited(INCIDENTS, emptied("incidents")),
    }
    if status is not None:
        answers[f"{ROOT}/incidents/incident0003"] = status
    seen = seen_after(first, missing={"incident0003": "https://stspg.io/incide"})
    snapshot, asked = read(answers, seen)
    assert asked[-1] == f"{ROOT}/incidents/incident0003"
    assert snapshot.gone == ({"incident0003"} if is_gone else set())


def test_what_is_listed_again_is_not_asked_whether_it_is_gone():
    """The list is the better evidence."""
    first, _ = read()
    snapshot, asked = read(seen=seen_after(first, missing={"incident0003": ""}))
    assert asked == [SUMMARY]
    assert snapshot.gone == frozenset()


def test_many_missing_incidents_are_asked_for_by_turns():
    """A visit stays short, and each has its turn as the stamp moves."""
    ids = {f"lost{n:08}" for n in range(30)}
    asked: set[str] = set()
    for minute in range(60):
        at = f"2026-03-04T17:{minute:02}:00Z"
        body = edited(SUMMARY, lambda document, at=at: document["page"].update(updated_at=at))
        first, _ = read({SUMMARY: body})
        seen = seen_after(first, missing=dict.fromkeys(ids, ""))
        questions = read({SUMMARY: body}, seen)[1][1:]
        assert len(questions) == 5
        asked.update(question.rpartition("/")[2] for question in questions)
    assert asked == ids


# What is refused


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        (b'{"status": 500, "error": "Internal Server Error"}', "$.page", "Internal Server Error"),
        (b"null", "$", "object"),
        (b'{"page": []}', "$.page", "no such object"),
        (b'{"page": {"id": "acmepage0001"}}', "$", "neither components nor incidents"),
        (
            b'{"page": {"name": "Acme", "status": "UP"}, "components": []}',
            "$.page.id",
            "Statuspage",
        ),
        (b'{"page": {"id": "acmepage0001"}, "components": {}}', "$.components", "array"),
        (b'{"page": {"id": "acmepage0001"}, "incidents": "no"}', "$.incidents", "array"),
        (b"<!DOCTYPE html><html></html>", "$", "web page"),
    ],
)
def test_a_document_of_another_kind_is_not_the_format(body, place, said):
    """The error names the format, where reading ended, and what stands there."""
    with pytest.raises(ReadError, match=said) as caught:
        read({SUMMARY: body})
    assert caught.value.reason is Unreadable.NOT_THE_FORMAT
    assert (caught.value.format, caught.value.place) == ("statuspage", place)


def test_incident_ios_imitation_is_refused_with_the_cure():
    """Its lists are cut and its ids are others: read as Statuspage it would tell untruths."""

    def imitate(document: dict[str, Any]) -> None:
        document["page"]["id"] = "01JMDK9XYNY6RXSED6SDWW50WY"
        del document["page"]["time_zone"]

    with pytest.raises(ReadError, match=r"format: incidentio"):
        read({SUMMARY: edited(SUMMARY, imitate)})


def test_h6_a_challenge_is_blocked():
    """A captcha with status 200 is neither an empty page nor another format."""
    challenge = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
    with pytest.raises(ReadError) as caught:
        read({SUMMARY: challenge})
    assert caught.value.reason is Unreadable.BLOCKED


def test_h7_a_body_cut_at_any_byte_is_cut():
    """No cut leaves a document that can be read, and each is known as one."""
    whole = GOOD[SUMMARY].rstrip()
    for length in range(len(whole)):
        with pytest.raises(ReadError) as caught:
            read({SUMMARY: whole[:length]})
        assert caught.value.reason is Unreadable.CUT, length


@settings(max_examples=2_000 if PROFILE == "full" else 200)
@given(mutated(GOOD[SUMMARY]), st.sampled_from([SUMMARY, INCIDENTS, MAINTENANCES]))
def test_a_mutated_body_is_read_or_refused_and_never_breaks(body, address):
    """Whatever a vendor's server sends, reading ends with a snapshot or a ReadError."""
    try:
        snapshot, _ = read({address: body})
    except ReadError:
        return
    clean(snapshot)
    again, _ = read({address: body}, seen_after(snapshot))
    assert not {incident.id for incident in again.incidents} - {i.id for i in snapshot.incidents}


# Recordings

TRIMMED = {"incidents-2026-07-30-atlas.json"}
"""Recorded without its `page`."""

UNKNOWN_WORDS = {"catastrophic", "surprise"}
"""Words that the authors of two recordings made up."""


def recorded(corpus: Path) -> list[Path]:
    """Every recorded JSON body of Statuspage."""
    return sorted(p for p in (corpus / "statuspage").rglob("*.json*") if p.is_file())


def is_good(path: Path, body: bytes) -> bool:
    """Whether a recording is of a page at all, and not of an outage of its own."""
    return bool(body.strip()) and b'"error"' not in body[:60] and path.name not in TRIMMED


@pytest.mark.corpus
def test_every_recorded_body_is_read_and_read_again_without_decoding(corpus):
    """Only the documented empty and error bodies are refused; the words are all known."""
    words: Counter[str] = Counter()
    unknown: set[str] = set()
    refused = 0
    for path in recorded(corpus):
        body = body_of(path)
        if not is_good(path, body):
            with pytest.raises(ReadError):
                converse(statuspage.read(PAGE, Seen()), {SUMMARY: body})
            refused += 1
            continue
        snapshot, _ = converse(statuspage.read(PAGE, Seen()), {SUMMARY: body})
        again, _ = converse(statuspage.read(PAGE, seen_after(snapshot)), {SUMMARY: body})
        assert again.incidents == ()
        assert again.unchanged == {incident.id for incident in snapshot.incidents}
        assert again.components == snapshot.components
        for what in (*snapshot.components, *snapshot.incidents):
            words[what.status_raw] += 1
            unknown |= {what.status_raw} if what.status == "unknown" else set()
        for incident in snapshot.incidents:
            words[f"impact {incident.impact_raw}"] += 1
            unknown |= {incident.impact_raw} if incident.impact is Impact.UNKNOWN else set()
            for update in incident.updates:
                unknown |= {update.status_raw} if update.status == "unknown" else set()
            assert incident.started_at
            assert all(update.at for update in incident.updates)
    assert unknown <= UNKNOWN_WORDS
    assert refused < 25
    assert sum(words.values()) > 50_000
    assert words["operational"] > 10 * words["partial_outage"] > 0
    assert min(words[word] for word in ("investigating", "identified", "monitoring")) > 10


@pytest.mark.corpus
def test_a_recorded_series_decodes_only_what_changed(corpus):
    """Over GitHub's month, most new bodies bring no new entry."""
    entries: dict[str, str] = {}
    decoded = bodies = 0
    for path in sorted((corpus / "statuspage/github/series-summary-2026-08").iterdir()):
        body = body_of(path)
        if not is_good(path, body):
            continue
        seen = Seen(first_look=not entries, entries=entries, history_due=False)
        snapshot, _ = converse(statuspage.read(PAGE, seen), {SUMMARY: body})
        entries |= snapshot.entries
        decoded += len(snapshot.incidents)
        bodies += 1
    assert bodies > 100
    assert 0 < decoded < bodies


@pytest.mark.corpus
def test_no_recording_of_incident_io_is_read_as_statuspage(corpus):
    """Each is refused, and the cure is named."""
    bodies = [body_of(path) for path in (corpus / "incidentio").rglob("*.json")]
    assert bodies
    for body in bodies:
        with pytest.raises(ReadError, match="incidentio"):
            read({SUMMARY: body})


def test_what_another_bellbuoy_means_counts_more_than_the_word_it_had_to_say():
    """Statuspage has no word for unknown or cancelled; whatever else is there is passed over."""
    summary = json.loads(GOOD[SUMMARY])
    part, other = summary["components"][:2]
    part["bellbuoy"], other["bellbuoy"] = {"status": "unknown"}, 5
    other["status"] = "operational"
    (incident, *_) = summary["incidents"]
    incident["bellbuoy"] = {"impact": "unknown", "status": 7}
    incident["incident_updates"][0]["bellbuoy"] = {"status": "cancelled"}
    snapshot, _ = read({SUMMARY: json.dumps(summary).encode()})
    statuses = {one.id: one.status for one in snapshot.components}
    assert statuses[part["id"]] is ComponentStatus.UNKNOWN
    assert statuses[other["id"]] is ComponentStatus.OPERATIONAL
    (found,) = (one for one in snapshot.incidents if one.id == incident["id"])
    assert (found.impact, found.status_raw) == (Impact.UNKNOWN, incident["status"])
    assert found.updates[-1].status is IncidentStatus.CANCELLED
