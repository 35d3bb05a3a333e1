"""What a page says, against what somebody is about to do."""

from datetime import timedelta

import pytest

from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.model.known import Known, KnownComponent, KnownIncident
from bellbuoy.routing.gate import (
    Bars,
    Look,
    Told,
    Unread,
    Verdict,
    judge,
    told,
    worst_of,
)
from tests.event_samples import AT

URL = "https://status.acme.example"
BARS = Bars()


def part(name, status=ComponentStatus.OPERATIONAL, group=None, id=""):
    """A component of the page."""
    return KnownComponent(id=id or name, name=name, status=status, group=group)


def incident(title, impact, *components, kind=IncidentKind.INCIDENT, status=None, **more):
    """Something that goes on and names these components."""
    usual = IncidentStatus.INVESTIGATING
    if kind is IncidentKind.MAINTENANCE:
        usual = IncidentStatus.IN_PROGRESS
    return KnownIncident(
        id=title,
        key=title,
        kind=kind,
        title=title,
        status=status or usual,
        impact=impact,
        url=f"{URL}/{title}",
        components=tuple(AffectedComponent(name=name) for name in components),
        **more,
    )


def page(*what, is_whole=True, url=URL):
    """A page that tells this."""
    known = Known(
        page_key=url,
        incidents={one.key: one for one in what if isinstance(one, KnownIncident)},
        components={one.id: one for one in what if isinstance(one, KnownComponent)},
    )
    return told(url, known, AT, is_whole=is_whole)


def verdict(*what, globs=(), bars=BARS):
    """The verdict over one page."""
    return judge("acme", [Look(page=page(*what), components=globs)], bars).verdict


API, WEB = part("API"), part("Web")


@pytest.mark.parametrize(
    ("impact", "said"),
    [
        (Impact.NONE, Verdict.GO),
        (Impact.MINOR, Verdict.DEGRADED),
        (Impact.UNKNOWN, Verdict.DEGRADED),
        (Impact.MAJOR, Verdict.STOP),
        (Impact.CRITICAL, Verdict.STOP),
    ],
)
def test_an_open_incident_counts_by_its_impact(impact, said):
    """Unless somebody says otherwise: minor is soft, major is hard, unknown is minor."""
    assert verdict(API, incident("Errors", impact, "API")) is said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ComponentStatus.OPERATIONAL, Verdict.GO),
        (ComponentStatus.DEGRADED, Verdict.DEGRADED),
        (ComponentStatus.PARTIAL_OUTAGE, Verdict.STOP),
        (ComponentStatus.MAJOR_OUTAGE, Verdict.STOP),
        (ComponentStatus.MAINTENANCE, Verdict.GO),
    ],
)
def test_a_component_counts_by_its_status(status, said):
    """Degraded is minor, a partial outage major, a major outage critical."""
    assert verdict(part("API", status)) is said


def test_a_major_outage_of_a_component_is_critical():
    """So it stops even those who stop for nothing less."""
    bars = Bars(soft=Impact.CRITICAL, hard=Impact.CRITICAL)
    assert verdict(part("API", ComponentStatus.PARTIAL_OUTAGE), bars=bars) is Verdict.GO
    assert verdict(part("API", ComponentStatus.MAJOR_OUTAGE), bars=bars) is Verdict.STOP


def test_the_bars_are_the_persons():
    """A soft bar of none lets every notice count; a hard one of critical stops for little."""
    notice, major = incident("Notice", Impact.NONE), incident("Errors", Impact.MAJOR)
    assert verdict(notice, bars=Bars(soft=Impact.NONE)) is Verdict.DEGRADED
    assert verdict(API, bars=Bars(soft=Impact.NONE, hard=Impact.NONE)) is Verdict.GO
    assert verdict(major, bars=Bars(hard=Impact.CRITICAL)) is Verdict.DEGRADED


def test_only_what_was_asked_for_counts():
    """Another component's trouble lets pass, be it told by status or by incident."""
    ill = part("Web", ComponentStatus.MAJOR_OUTAGE)
    assert verdict(API, ill, incident("Errors", Impact.MAJOR, "Web"), globs=("API",)) is Verdict.GO
    assert verdict(API, ill, globs=("W*",)) is Verdict.STOP
    assert verdict(API, ill) is Verdict.STOP


def test_groups_and_paths_are_found():
    """`group`, `group/name`, and the name alone."""
    ill = part("ec2", ComponentStatus.DEGRADED, group="us-east-1")
    for glob in ("ec2", "us-east-1", "us-east-1/ec2", "us-*/*"):
        assert verdict(ill, globs=(glob,)) is Verdict.DEGRADED
    assert verdict(ill, globs=("eu-west-1/ec2",), bars=Bars()) is Verdict.GO


def test_an_incident_without_components_concerns_every_component_and_says_so():
    """A filter must not hide an outage; nothing is marked where nothing was asked for."""
    looks = [Look(page=page(API, incident("Errors", Impact.MAJOR)), components=("API",))]
    judged = judge("acme:API", looks, BARS)
    assert judged.verdict is Verdict.STOP
    assert [cause.not_stated for cause in judged.causes] == [True]
    (cause,) = judge("acme", [Look(page=looks[0].page)], BARS).causes
    assert not cause.not_stated


def test_planned_work_counts_only_where_it_is_asked_for():
    """Under way it is minor at least; what is only planned never counts."""
    planned = IncidentKind.MAINTENANCE
    work = incident("Upgrade", Impact.NONE, "API", kind=planned)
    bad = incident("Move", Impact.MAJOR, "API", kind=planned, status=IncidentStatus.VERIFYING)
    later = incident("Later", Impact.MAJOR, kind=planned, status=IncidentStatus.SCHEDULED)
    resting = part("API", ComponentStatus.MAINTENANCE)
    bars = Bars(maintenance=True)
    assert verdict(resting, work, bad, later) is Verdict.GO
    assert verdict(work, bars=bars) is Verdict.DEGRADED
    assert verdict(resting, bars=bars) is Verdict.DEGRADED
    assert verdict(bad, bars=bars) is Verdict.STOP
    assert verdict(later, bars=bars) is Verdict.GO


def test_what_is_over_or_withdrawn_does_not_count():
    """Only what goes on stands in the way."""
    over = incident("Over", Impact.CRITICAL, status=IncidentStatus.RESOLVED)
    assert verdict(over, incident("Gone", Impact.CRITICAL, withdrawn=True)) is Verdict.GO


def test_the_worst_cause_comes_first_and_decides():
    """Of all pages of a provider; where they are equal, in the page's order."""
    first = page(part("Web", ComponentStatus.DEGRADED), incident("Slow", Impact.MINOR))
    second = page(incident("Down", Impact.CRITICAL), url="https://status2.acme.example")
    judged = judge("acme", [Look(page=first), Look(page=second)], BARS)
    assert judged.verdict is Verdict.STOP
    assert [cause.what for cause in judged.causes] == ["Down", "Slow", "Web: degraded"]


def test_r6_a_page_that_was_not_read_is_a_doubt():
    """It lets pass, is said, and stops those who are strict."""
    looks = [Look(page=Unread(url=URL, reason="network: cannot connect"))]
    judged = judge("acme", looks, BARS)
    assert (judged.verdict, judged.causes) == (Verdict.GO, ())
    assert judged.doubts == (f"{URL}: network: cannot connect",)
    assert judge("acme", looks, Bars(strict=True)).verdict is Verdict.STOP


def test_a_doubt_hides_no_trouble():
    """One page of two cannot be read: the other one's incident counts all the same."""
    away = Look(page=Unread(url=URL, reason="gone"))
    judged = judge("acme", [away, Look(page=page(incident("Slow", Impact.MINOR)))], BARS)
    assert judged.verdict is Verdict.DEGRADED


def test_a_component_that_is_not_there_is_a_doubt_with_the_names_that_are():
    """A typing error must not look like a component that is fine."""
    looks = [Look(page=page(API, WEB), components=("APl",))]
    judged = judge("acme:APl", looks, BARS)
    assert judged.verdict is Verdict.GO
    assert judged.doubts == (f"{URL}: no component is like APl; there are: API, Web",)
    assert judge("acme:APl", looks, Bars(strict=True)).verdict is Verdict.STOP


def test_a_long_list_of_names_is_cut():
    """A page of a thousand components does not fill the log."""
    many = [part(f"Region {number}") for number in range(1000)]
    (doubt,) = judge("acme", [Look(page=page(*many), components=("API",))], BARS).doubts
    assert doubt.endswith("Region 29 and 970 more")


def test_a_component_that_cannot_be_known_to_be_missing_is_no_doubt():
    """Where the list is not whole, an incident names it, or another page has it."""
    unsure = Look(page=page(API, is_whole=False), components=("Web",))
    assert judge("acme:Web", [unsure], BARS).doubts == ()
    named = Look(page=page(API, incident("Slow", Impact.NONE, "Web")), components=("Web",))
    assert judge("acme:Web", [named], BARS).doubts == ()
    two = [Look(page=page(one), components=("Web",)) for one in (API, WEB)]
    assert judge("acme:Web", two, BARS).doubts == ()


def test_r6_a_component_in_no_status_that_we_know_is_a_doubt():
    """Only for those whom it concerns."""
    odd = part("Web", ComponentStatus.UNKNOWN)
    judged = judge("acme", [Look(page=page(API, odd))], BARS)
    assert judged.doubts == (f"{URL}: how Web is, it does not say",)
    assert judge("acme:API", [Look(page=page(API, odd), components=("API",))], BARS).doubts == ()


def test_r6_a_fresh_notice_that_does_not_say_whether_it_is_over_is_a_doubt():
    """A plain feed never says it; after a day nobody is warned any more."""
    unknown = IncidentStatus.UNKNOWN
    fresh = incident("Errors", Impact.UNKNOWN, status=unknown, adopted=True, started_at=AT)
    old = incident(
        "Old", Impact.UNKNOWN, status=unknown, adopted=True, started_at=AT - timedelta(days=1)
    )
    judged = judge("acme", [Look(page=page(fresh, old, is_whole=False))], BARS)
    assert judged.verdict is Verdict.GO
    assert judged.doubts == (f"{URL}: it does not say whether this is over: Errors",)


def test_headings_are_not_components():
    """A group is as its components are; it counts for nothing itself."""
    heading = KnownComponent(id="g", name="All", status=ComponentStatus.MAJOR_OUTAGE, is_group=True)
    assert verdict(heading, API) is Verdict.GO


def test_the_worst_target_decides_for_all():
    """One exit code for the whole line."""
    go = judge("a", [Look(page=page(API))], BARS)
    stop = judge("b", [Look(page=page(incident("Down", Impact.CRITICAL)))], BARS)
    assert worst_of([go, stop, go]) is Verdict.STOP
    assert worst_of([go]) is Verdict.GO
    assert [one.exit_code for one in Verdict] == [0, 10, 20]


def test_what_is_kept_is_only_what_counts():
    """The messages of an incident can be long, and planned work can be plenty."""
    later = incident(
        "Later", Impact.NONE, kind=IncidentKind.MAINTENANCE, status=IncidentStatus.SCHEDULED
    )
    kept = page(later, incident("Slow", Impact.MINOR))
    assert isinstance(kept, Told)
    assert [(one.title, one.updates) for one in kept.incidents] == [("Slow", ())]
