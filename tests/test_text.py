"""Vendor text is made safe once, and stays what it is after that."""

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from bellbuoy import text as room
from bellbuoy.detection.merge import merge
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Snapshot,
    Window,
)
from bellbuoy.model.known import Known, PageState
from bellbuoy.notifiers.console import block
from bellbuoy.stores import Visit
from bellbuoy.stores.opening import open_store
from bellbuoy.text import clean, clean_id, clean_line, clean_text, clean_url
from tests.detection.saying import PAGE, START
from tests.event_schema import valid

# Lone surrogates too: JSON can spell them, and Python keeps them.
WILD = st.text(st.characters() | st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp"]))
CLEANERS = (clean_text, clean_line, clean_id, clean_url)
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_safe(text: str, breaks: str = "") -> bool:
    """Whether a text holds nothing that steers what shows or keeps it."""
    return all(
        char in breaks
        or (
            unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
            and unicodedata.bidirectional(char) not in BIDI
            and char not in "\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
        )
        for char in text
    )


@given(text=WILD)
def test_x6_no_control_no_bidi_no_surrogate_is_left(text):
    """Only a message of several lines keeps its line ends and tabs."""
    assert is_safe(clean_text(text), breaks="\n\t")
    for cleaner in (clean_line, clean_id, clean_url):
        assert is_safe(cleaner(text))


def test_x6_every_character_there_is_keeps_the_rule():
    """All of Unicode, one by one: what is no danger is kept."""
    for code in range(0x110000):
        char = chr(code)
        kept = clean_text(f"a{char}b")
        assert is_safe(kept, breaks="\n\t"), hex(code)
        if unicodedata.category(char)[0] in "LMNPS" or char == " ":
            assert kept == f"a{char}b", hex(code)
    for char in "\x00\x07\x1b\x7f\x9b\u202e\u2066\u2028\ud800\udfff":
        assert clean_text(f"a{char}b") == "ab"
        assert clean_line(f"a{char}b") == "a b"


@given(text=WILD, times=st.integers(1, 2_000))
def test_x6_what_is_clean_stays_as_it_is_and_is_bounded(text, times):
    """Cleaning again changes nothing, also where a text was cut."""
    for cleaner, limit in (
        (clean_text, room.MAX_BODY),
        (clean_line, room.MAX_TITLE),
        (clean_id, room.MAX_NAME),
        (clean_url, room.MAX_URL),
    ):
        once = cleaner(text * times)
        assert cleaner(once) == once
        assert len(once) <= limit


def test_x6_a_megabyte_of_title_is_cut():
    """What is left says that it was cut."""
    assert clean_line("x" * 1_000_000) == "x" * 499 + "…"
    assert clean_text("y" * 16_000) == "y" * 16_000
    assert clean_text("y" * 1_000_000)[-45:].startswith("yy")
    assert "… [cut: 1000000 characters, " in clean_text("y" * 1_000_000)


def test_a_change_behind_the_cut_is_still_a_change():
    """Two long texts that differ at their ends stay two texts."""
    long = "z" * 50_000
    assert clean_text(long + "a") != clean_text(long + "b")


def test_line_ends_of_every_kind_become_one():
    """CR LF and CR are line ends, too."""
    assert clean_text(" a\r\nb\rc\n\n d \n") == "a\nb\nc\n\n d"
    assert clean_line(" a\r\nb\tc  d\u2028e") == "a b c d e"


@given(ids=st.sets(WILD, max_size=8))
def test_ids_that_differ_stay_different(ids):
    """Two incidents never become one because their ids were cleaned."""
    assert len(set(map(clean_id, ids))) == len(ids)


def test_an_id_that_is_safe_is_not_touched():
    """The vendor's own id is what people search for."""
    for id in ("q4xm2v8yk0pl", "tag:status.acme.example,2005:Incident/1", "01K9Z", "ä/ö"):
        assert clean_id(id) == id
    assert clean_id("a" * 301) != clean_id("a" * 302)
    assert clean_id("\ud800") != clean_id("\ud801")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://status.acme.example/incidents/1", True),
        (" HTTP://status.acme.example ", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("//status.acme.example", False),
        ("https://a.example/\nx", False),
        ("https://a.example/ x", False),
        ("https://a.example/\u202egnp", False),
        ("https://a.example/" + "x" * 2_000, False),
        ("", False),
    ],
)
def test_w4_only_http_addresses_go_through(address, kept):
    """A link is followed by a click: an odd one is dropped, not mended."""
    assert clean_url(address) == (address.strip() if kept else "")


def wild_incident(words, ident):
    """An incident with these words in all of its texts."""
    return Incident(
        id=ident,
        kind=IncidentKind.INCIDENT,
        title=words,
        status=IncidentStatus.INVESTIGATING,
        status_raw=words,
        impact_raw=words,
        url=f"https://x.example/{words}",
        components=(AffectedComponent(id=words, name=words, group=words),),
        updates=(
            IncidentUpdate(id=words, status=IncidentStatus.UNKNOWN, status_raw=words, body=words),
        ),
    )


def wild_component(words, status=ComponentStatus.UNKNOWN):
    """A component with these words in all of its texts."""
    return Component(
        id=words, name=words, status=status, status_raw=words, group=words, region=words
    )


def texts(value):
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | frozenset | list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif hasattr(value, "__struct_fields__"):
        yield from texts(asdict(value))


@given(words=WILD, ident=WILD)
def test_x6_every_text_of_a_snapshot_is_cleaned(words, ident):
    """No field is forgotten, and an incident has one id wherever it is named."""
    said = frozenset({ident})
    snapshot = clean(
        Snapshot(
            incidents=(wild_incident(words, ident),),
            components=(wild_component(words),),
            unchanged=said,
            gone=said,
            window=Window(ids=said, floor=None, is_full=False),
            name=words,
        )
    )
    assert all(is_safe(text, breaks="\n\t") for text in texts(snapshot))
    [incident] = snapshot.incidents
    assert snapshot.unchanged == snapshot.gone == snapshot.window.ids == {incident.id}
    assert clean(snapshot) == snapshot


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def address(request, tmp_path_factory):
    """Where a store is; each example has a page of its own in it."""
    folder = tmp_path_factory.mktemp("wild")
    return "memory:" if request.param == "memory" else f"sqlite:///{folder}/bellbuoy.db"


async def test_x6_what_is_clean_can_be_kept_shown_and_sent(address):
    """Two visits with hostile words: kept, read back the same, rendered, and valid as JSON."""
    async with open_store(address) as store:
        for number, words in enumerate(hostile()):
            page = replace(PAGE, key=f"{PAGE.key}/{number}")
            known = Known(page_key=page.key)
            for minute, status in enumerate((ComponentStatus.OPERATIONAL, ComponentStatus.UNKNOWN)):
                said = Snapshot(
                    incidents=(wild_incident(words * (minute + 1), f"i{words}"),),
                    components=(wild_component(words, status),),
                )
                now = START + timedelta(minutes=minute)
                merged = merge(page, known, clean(said), now)
                written = await store.commit(
                    Visit(
                        page=page,
                        state=PageState(page_key=page.key),
                        before=known,
                        known=merged.known,
                        events=merged.events,
                    )
                )
                assert written or minute
                for event in valid(written):
                    assert is_safe(block(event), breaks="\n")
                known = await store.load_known(page.key)
                assert known == merged.known
        events = await store.read_events(limit=10_000)
        assert len(events) >= len(hostile())


def hostile():
    """Words that have broken parsers, terminals and databases before."""
    return (
        "\x00",
        "a\x00b",
        "\ud800 alone \udfff",
        "\u202egnp.exe",
        "\x1b]0;owned\x07",
        "\ufeff\ufffe\uffff",
        "x" * 1_000_000,
        "\U0010ffff\U000e0001",
        "'; DROP TABLE event; --",
        "",
        " ",
        "%s %(x)s {0} {{7*7}}",
        "e\u0301" * 400,
    )


def test_x2_a_text_cleaned_in_slices_is_the_text_cleaned_at_once():
    """Wherever a slice ends, also within a run of unsafe characters."""
    unsafe = "\x00\u202e\u200b"
    for size in range(room._SLICE - 3, room._SLICE + 4):
        text = f"{'a' * size}{unsafe}{'b' * room._SLICE}{unsafe}"
        cleaned = clean_text(text, len(text))
        assert cleaned == "a" * size + "b" * room._SLICE
