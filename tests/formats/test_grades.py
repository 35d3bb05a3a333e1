"""How far each format goes, as docs/formats.md grades it, is what it really reads."""

import inspect
import re
from collections.abc import Iterable

import msgspec
import pytest

from bellbuoy import formats
from bellbuoy.formats import Formats, hosts_of
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import IncidentKind, Part, Snapshot
from bellbuoy.model.known import Seen
from tests.docs.pages import text
from tests.formats.conversation import Answer, converse
from tests.formats.recordings import recordings, visits
from tests.formats.samples import FIXTURES, ROOT, sample, sample_url

FORMATS = Formats()
EACH_FORMAT = pytest.mark.parametrize("name", sorted(formats.builtin_names()))

PARTS = ("incidents", "updates", "components", "regions", "maintenance")
COLUMNS = (*PARTS, "history depth", "recorded samples", "recognition")
GRADE = re.compile(r"done|not offered|to do: .*\w")
DEPTH = re.compile(r"not offered|to do: .*\w|.*\d.*")
COUNTED = re.compile(r"(\d+) (?:of each kind|entries|events|incidents|records)")


def grades() -> dict[str, dict[str, str]]:
    """The rows of the table by format, each cell by its column."""
    section = text("docs/formats.md").partition("\n## How far each goes\n")[2].partition("\n## ")[0]
    head, _, *rows = [line for line in section.splitlines() if line.startswith("|")]
    columns = tuple(cell.strip() for cell in head.strip("|").split("|"))
    assert columns == ("format", *COLUMNS)
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        table[name.strip("`")] = dict(zip(COLUMNS, cells, strict=True))
    return table


GRADES = grades()


def goldens(name: str) -> list[Snapshot]:
    """What the documents among the fixtures become."""
    files = (FIXTURES / name).glob("*.golden.json")
    return [msgspec.json.decode(path.read_bytes(), type=Snapshot) for path in files]


def told(snapshots: Iterable[Snapshot]) -> dict[str, bool]:
    """Which parts stand in at least one of them.

    A single component is no list, unless there are no others. Where no components are listed,
    the group of one that an incident names is no heading: it is a place.
    """
    found = dict.fromkeys((*PARTS, "history depth"), False)
    for one in snapshots:
        incidents = one.incidents
        lists = len(one.components) > (0 if Part.COMPONENTS in one.complete else 1)
        places = [affected.group for each in incidents for affected in each.components]
        new = {
            "incidents": any(each.kind is IncidentKind.INCIDENT for each in incidents),
            "maintenance": any(each.kind is IncidentKind.MAINTENANCE for each in incidents),
            "updates": any(each.updates for each in incidents),
            "components": lists,
            "regions": any(each.region for each in one.components) or (any(places) and not lists),
            "history depth": one.window is not None,
        }
        found = {part: found[part] or new[part] for part in found}
    return found


class Site(dict[str, Answer]):
    """A page that answers 404 to what it does not hold, and needs no parameters."""

    def get(self, url: str, default: object = None) -> Answer:
        """The answer to one question."""
        plain = {key.partition("?")[0]: body for key, body in self.items()}
        index = plain.get(f"{url.rstrip('/')}/index.html")
        return super().get(url) or plain.get(url) or index or 404


def is_done(grade: str) -> bool:
    """Whether a cell says that something is read: in a word, or by a figure."""
    return grade == "done" or (not grade.startswith("to do") and grade != "not offered")


def test_every_format_is_graded_and_nothing_else_is():
    """One row for each."""
    assert GRADES.keys() == formats.builtin_names()


@EACH_FORMAT
def test_a_grade_is_one_of_three_words(name):
    """Done, not offered, or to do with a reason; a figure where it is asked how much."""
    grade = dict(GRADES[name])
    assert DEPTH.fullmatch(grade.pop("history depth"))
    assert grade.pop("recorded samples").isdecimal()
    for column, cell in grade.items():
        assert GRADE.fullmatch(cell), (column, cell)


@EACH_FORMAT
def test_what_is_done_stands_in_a_golden_snapshot_and_nothing_else_does(name):
    """A part that no fixture shows is not done, and one that a fixture shows is."""
    assert goldens(name)
    found = told(goldens(name))
    assert {part: is_done(GRADES[name][part]) for part in found} == found


@pytest.mark.parametrize("name", [one for one in GRADES if is_done(GRADES[one]["recognition"])])
def test_a_page_is_found_by_its_address_where_recognition_is_done(name):
    """By the page's own address, at the vendor's own host if it has one."""
    hosts = hosts_of(FORMATS[name])
    root = f"https://{hosts[0]}" if hosts else ROOT
    site = Site({url.replace(ROOT, root): body for url, body in sample(name).items()})
    address = sample_url(FORMATS[name]).replace(ROOT, root).removesuffix("/index.html")
    found, _ = converse(recognise(address, FORMATS), site)
    # The sample of a feed is Statuspage's, whose own format tells more.
    assert found.format == ("statuspage" if name == "feed" else name)


@pytest.mark.parametrize("name", sorted(formats.builtin_names() - {"probe"}))
def test_the_docstring_ends_with_what_no_recording_verified(name):
    """So that whoever sends a recording knows what it is wanted for; a probe is of no vendor."""
    docstring = inspect.getdoc(FORMATS[name]) or ""
    last = docstring.rpartition("\n\n")[2]
    assert re.search(r"^No recording verified: ", last, re.MULTILINE), last


@pytest.mark.corpus
@EACH_FORMAT
def test_no_recording_contradicts_a_grade(corpus, name):
    """What any recorded body tells is not graded as missing, and the samples are counted."""
    grade = GRADES[name]
    assert int(grade["recorded samples"]) == len(recordings(name, corpus))
    snapshots = [one for visit in visits(name, corpus) if (one := visit.read(Seen()))]
    assert snapshots
    for part, is_told in told(snapshots).items():
        assert is_done(grade[part]) or not is_told, part
    counted = COUNTED.fullmatch(grade["history depth"])
    if counted:
        for one in snapshots:
            over = [each for each in one.incidents if not each.is_open]
            kinds = [sum(each.kind is kind for each in over) for kind in IncidentKind]
            assert max(kinds) <= int(counted[1])
