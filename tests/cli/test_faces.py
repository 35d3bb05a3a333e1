"""What the face of a page tells a gate, of every format, beside what a whole visit tells."""

from datetime import UTC, datetime

import pytest

from bellbuoy.detection.merge import merge
from bellbuoy.errors import VisitError
from bellbuoy.exchange import face_only
from bellbuoy.formats import Formats
from bellbuoy.model.facts import Part
from bellbuoy.model.known import Known, Seen
from bellbuoy.routing.gate import told
from bellbuoy.text import clean
from tests.docs.pages import text
from tests.formats.conversation import converse
from tests.formats.samples import page_at, sample, sample_url

FORMATS = Formats()
AT = datetime(2026, 10, 1, tzinfo=UTC)
POORER = {"cachet", "instatus", "microsoft365"}
"""Their components, or some, are told in other documents."""

NAMELESS = {"incidentio"}
"""Which components an incident concerns is told in another document."""

OTHERS = sorted(set(FORMATS) - POORER - NAMELESS - {"uptimekuma"})


def what_is_told(name, only_face):
    """Components and what goes on, as a gate has them after one visit; None if not readable."""
    format = FORMATS[name]
    page = page_at(sample_url(format), name)
    exchange = format.read(page, Seen())
    try:
        snapshot, _ = converse(face_only(exchange) if only_face else exchange, sample(name))
    except VisitError:
        return None
    snapshot = clean(snapshot)
    known = merge(page, Known(page_key=page.key), snapshot, AT).known
    is_whole = Part.COMPONENTS in snapshot.complete
    found = told(page.url, known, AT, is_whole=is_whole)
    goes_on = {
        one.id: (one.kind, one.impact, one.status, {part.name for part in one.components})
        for one in found.incidents
    }
    return found.components, goes_on, found.is_whole


@pytest.mark.parametrize("name", OTHERS)
def test_the_face_tells_a_gate_all_that_a_visit_tells(name):
    """More questions tell how things ended, and what was said; not how they are."""
    assert what_is_told(name, only_face=True) == what_is_told(name, only_face=False)


@pytest.mark.parametrize("name", sorted(NAMELESS))
def test_an_incident_whose_components_are_told_elsewhere_names_none(name):
    """So it concerns every component; all else is as a visit tells it."""
    components, goes_on, is_whole = what_is_told(name, only_face=True)
    whole, named, _ = what_is_told(name, only_face=False)
    assert (components, is_whole) == (whole, False)
    assert {id: one[:3] for id, one in goes_on.items()} == {
        id: one[:3] for id, one in named.items()
    }
    assert any(names for *_, names in named.values())
    assert not any(names for *_, names in goes_on.values())


@pytest.mark.parametrize("name", sorted(POORER))
def test_a_poorer_face_tells_of_no_list_that_it_is_whole(name):
    """So nobody is told that a component is not there; the documentation says what is lost."""
    components, _, is_whole = what_is_told(name, only_face=True)
    whole, _, _ = what_is_told(name, only_face=False)
    assert set(components) < set(whole)
    assert not is_whole


def test_a_face_that_tells_nothing_by_itself_is_not_read():
    """Uptime Kuma's beats have no names."""
    assert what_is_told("uptimekuma", only_face=True) is None
    assert what_is_told("uptimekuma", only_face=False) is not None


def test_what_a_face_cannot_tell_is_documented():
    """One row for each such format."""
    rows = [line.split("|")[1].strip() for line in text("docs/gate.md").splitlines() if "|" in line]
    named = {row.replace(" ", "").replace(".", "").lower() for row in rows}
    assert {"uptimekuma", *POORER, *NAMELESS} <= named
