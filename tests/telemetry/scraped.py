"""Figures as a scraper reads them: parsed by prometheus-client's own parser."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from bellbuoy.errors import Unreadable
from bellbuoy.model.delivery import Delivery, DeliveryStatus
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, Page, Provider
from bellbuoy.model.known import Health
from bellbuoy.model.leases import Role
from bellbuoy.observer import Attempted, RequestDone, VisitDone
from bellbuoy.telemetry.metrics import Metrics
from bellbuoy.telemetry.stock import ComponentNow, PageNow, ReceiverNow, Stock, WorkersNow

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = "https://status.acme.example"
PAGE = Page(
    key=KEY, url=KEY, provider=Provider(slug="acme", name="Acme"), format="statuspage", every=60.0
)
READABLE = Health(polled_at=NOW, read_at=NOW, latency=0.25)
API = ComponentNow(id="c1", name="Core/API", status=ComponentStatus.PARTIAL_OUTAGE)

FULL = Stock(
    pages=(
        PageNow(
            provider="acme",
            page=KEY,
            every=60.0,
            health=READABLE,
            components={ComponentStatus.PARTIAL_OUTAGE: 1, ComponentStatus.OPERATIONAL: 7},
            shown=(API,),
            incidents={(IncidentKind.INCIDENT, Impact.CRITICAL): 2},
        ),
    ),
    receivers=(
        ReceiverNow(
            name="ops",
            deliveries={DeliveryStatus.DONE: 40, DeliveryStatus.WAITING: 3},
            oldest=NOW - timedelta(minutes=10),
        ),
    ),
    last_seq=77,
    workers=WorkersNow(alive={Role.POLL: 3, Role.DELIVER: 3, Role.WEB: 2}, shards=86, deliveries=1),
)
"""A stock in which nothing is missing."""


def counted(*, pages=(PAGE,), receivers=("ops",)):
    """Metrics of one page and one receiver."""
    return Metrics(pages, receivers)


def samples(metrics, stock=FULL):
    """Every sample by its name and labels, as (name, ((label, value), ...)) -> value."""
    text = metrics.render(stock).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found, name, **labels):
    """One sample; None if it is not there."""
    return found.get((f"bellbuoy_{name}", tuple(sorted(labels.items()))))


def visit(outcome="not modified", *, failure=None, lag=0.0, key=KEY):
    """The end of a poll."""
    return VisitDone(
        page_key=key, provider="acme", outcome=outcome, seconds=0.1, lag=lag, failure=failure
    )


def request(status):
    """An HTTP exchange that ended."""
    return RequestDone(method="GET", url=KEY, status=status, seconds=0.1)


def attempt(status, receiver="ops"):
    """A delivery that was tried."""
    return Attempted(
        delivery=Delivery(
            id="e/ops",
            receiver=receiver,
            seq=1,
            event_id="e",
            lane="l",
            rule="r",
            status=status,
            created_at=NOW,
            due_at=NOW,
        )
    )


FAILED = visit("failed", failure=Unreadable.NOT_THE_FORMAT)
