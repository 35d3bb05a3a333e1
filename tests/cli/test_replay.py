"""Recorded bodies, played from the command line."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from bellbuoy.cli import program
from bellbuoy.cli.replay import _stamp


def body(*statuses, updated="2020-11-07T05:00:00Z"):
    """A Statuspage history document with one incident that went through these statuses."""
    updates = [
        {
            "id": f"u{number}",
            "status": status,
            "body": f"We are {status}.",
            "created_at": f"2020-11-07T04:{number:02}:00Z",
            "updated_at": f"2020-11-07T04:{number:02}:00Z",
            "display_at": f"2020-11-07T04:{number:02}:00Z",
            "incident_id": "i1",
        }
        for number, status in enumerate(statuses)
    ]
    incident = {
        "id": "i1",
        "name": "Pages are slow",
        "status": statuses[-1],
        "impact": "minor",
        "shortlink": "https://stspg.example/i1",
        "created_at": "2020-11-07T04:00:00Z",
        "updated_at": updated,
        "started_at": "2020-11-07T04:00:00Z",
        "monitoring_at": None,
        "resolved_at": updated if statuses[-1] == "resolved" else None,
        "page_id": "p1",
        "incident_updates": updates[::-1],
        "components": [],
    }
    page = {
        "id": "p1",
        "name": "Acme",
        "url": "https://status.acme.example",
        "time_zone": "Etc/UTC",
        "updated_at": updated,
    }
    document = {"page": page, "components": [], "incidents": [incident]}
    document |= {"scheduled_maintenances": [], "status": {"indicator": "none", "description": ""}}
    return json.dumps(document).encode()


@pytest.fixture
def bodies(tmp_path):
    """Three visits: an incident opens, a broken body, and it goes on."""
    contents = {
        "0001_20201107T052248Z.json": body("investigating"),
        "0002_20201107T052348Z.json": b'{"page": {"id": "p1',
        "0003_20201107T052448Z.json.gz": gzip.compress(
            body("investigating", "identified", updated="2020-11-07T05:24:00Z")
        ),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in contents]


def replayed(capsys, *arguments):
    """What a replay as JSON prints."""
    code = program.main(["replay", "--format", "statuspage", "--json", *arguments])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def test_bodies_are_visits_in_order_at_the_time_of_their_names(bodies, capsys):
    """Each event is observed when its file was recorded; a broken body ends nothing."""
    events = replayed(capsys, "--path", "api/v2/summary.json", *bodies)
    assert [(e["type"], e["data"]["observed_at"]) for e in events] == [
        ("dev.bellbuoy.incident.opened.v1", "2020-11-07T05:22:48Z"),
        ("dev.bellbuoy.incident.updated.v1", "2020-11-07T05:24:48Z"),
    ]
    assert [e["data"]["seq"] for e in events] == [1, 2]


def test_the_page_is_named_as_asked(bodies, capsys):
    """--url and --name give the events their source and their provider."""
    more = ("--url", "https://status.acme.example/", "--name", "Acme Inc.")
    events = replayed(capsys, "--path", "/api/v2/summary.json", *more, *bodies)
    assert {e["data"]["page"]["key"] for e in events} == {"https://status.acme.example"}
    assert {e["data"]["provider"]["slug"] for e in events} == {"acme-inc"}


def test_only_the_kinds_that_were_asked_for(bodies, capsys):
    """--kinds narrows JSON, too."""
    assert replayed(
        capsys, "--path", "api/v2/summary.json", "--kinds", "incident.updated", *bodies
    )[0]["type"].endswith("updated.v1")


def test_a_file_that_is_not_there_is_named_before_anything_is_played(bodies, call):
    """A wrong file name is a wrong command line."""
    done = call("replay", "--format", "statuspage", "--path", "x", *bodies, "none.json", "no.json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "bellbuoy: none.json: there is no such file",
        "bellbuoy: no.json: there is no such file",
    ]


def test_a_cut_gz_file_is_a_visit_that_failed(bodies, tmp_path, capsys):
    """A packed body that cannot be unpacked counts as a body that was cut."""
    cut = tmp_path / "0002_20201107T052348Z.json.gz"
    cut.write_bytes(gzip.compress(body("resolved"))[:-20])
    events = replayed(capsys, "--path", "api/v2/summary.json", bodies[0], str(cut))
    assert [e["type"] for e in events] == ["dev.bellbuoy.incident.opened.v1"]


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("0001_20201107T052248Z.json", datetime(2020, 11, 7, 5, 22, 48, tzinfo=UTC)),
        ("20201107T052248Z.atom.gz", datetime(2020, 11, 7, 5, 22, 48, tzinfo=UTC)),
        ("0001_20201307T052248Z.json", None),
        ("120201107T052248Z.json", None),
        ("summary.json", None),
    ],
)
def test_the_stamp_of_a_file_name(name, at):
    """A stamp is a whole UTC time; anything else is no stamp."""
    assert _stamp(name) == at


@pytest.mark.corpus
def test_a_recorded_series_of_a_feed_is_played_by_its_path_alone(corpus, capsys):
    """A feed's page is its document, so --path says all; the stretch holds over ninety events."""
    files = sorted((corpus / "statuspage/github/series-history-atom-2022-06").iterdir())
    code = program.main(
        ["replay", "--format", "feed", "--path", "history.atom", "--json", *map(str, files)]
    )
    out, _ = capsys.readouterr()
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(events) > 90
    assert {e["source"] for e in events} == {"https://replay.example/history.atom"}
    assert not any(e["type"].startswith("dev.bellbuoy.page.") for e in events)
