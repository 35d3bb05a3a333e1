"""What a config asks for, in words: matchers, routes, quiet hours, what a probe expects; pure."""

from collections.abc import Iterable, Iterator
from datetime import time
from json import dumps

from bellbuoy.config.values import STATUS_CLASSES, statuses
from bellbuoy.durations import spoken
from bellbuoy.model.delivery import Matcher
from bellbuoy.model.facts import Expectation, Impact
from bellbuoy.routing.routes import Route
from bellbuoy.routing.schedules import DAYS, Quiet, Rhythm, Window
from bellbuoy.text import clean_line


def plain_matcher(matcher: Matcher) -> dict[str, list[str]]:
    """A matcher as plain values, each in one order; what asks for nothing is an empty list."""
    return {name: _words(getattr(matcher, name)) for name in matcher.__struct_fields__}


def spoken_matcher(matcher: Matcher) -> str:
    """What a matcher asks for, in the words of the config; `everything` if for nothing."""
    said = [
        f"{name}: {', '.join(words)}" for name, words in plain_matcher(matcher).items() if words
    ]
    return clean_line("; ".join(said) or "everything", 500)


def spoken_route(route: Route) -> tuple[str, ...]:
    """A route's conditions and delays, one sentence each; who is told is not among them."""
    asked = spoken_matcher(route.when)
    said = [f"when {asked}" if asked != "everything" else "everything that is announced"]
    if route.unless is not None:
        said.append(f"unless {spoken_matcher(route.unless)}")
    if route.late:
        said.append("also what was over before it was seen")
    if route.hold:
        said.append(f"held back for {spoken(route.hold)}; what ends meanwhile is never told")
    if route.remind:
        said.append(f"told again every {spoken(route.remind)} while it is open")
    if route.ahead:
        said.append(f"planned work is told again {_listed(map(spoken, route.ahead))} ahead")
    if route.quiet is not None:
        said.append(spoken_quiet(route.quiet))
    if route.digest is not None:
        said.append(spoken_rhythm(route.digest))
    return tuple(said)


def spoken_quiet(quiet: Quiet) -> str:
    """When a route holds back what it tells: `quiet mon-fri 22:00-07:00 (Europe/Berlin)`."""
    hours = ", ".join(map(_window, quiet.windows))
    return f"quiet {'outside of ' if quiet.outside else ''}{hours} ({quiet.timezone})"


def spoken_rhythm(rhythm: Rhythm) -> str:
    """When a digest goes out: `one digest daily at 09:00 (UTC)`."""
    return f"one digest {_days(rhythm.days) or 'daily'} at {rhythm.at:%H:%M} ({rhythm.timezone})"


def spoken_expectation(expect: Expectation) -> str:
    """What the answer of a probed address must be like: `HTTP 2xx with the text "ok"`."""
    whole = [name for name in STATUS_CLASSES if statuses(name) <= expect.statuses]
    rest = sorted(expect.statuses - statuses(whole)) if whole else sorted(expect.statuses)
    words = [f"HTTP {' or '.join([*whole, *map(str, rest)])}"]
    if expect.text:
        words.append(f"the text {dumps(expect.text, ensure_ascii=False)}")
    words += [f"{v.path} {dumps(v.value, ensure_ascii=False)}" for v in expect.values]
    return " with ".join(filter(None, (words[0], " and ".join(words[1:]))))


def _words(value: tuple[str, ...] | frozenset[Impact]) -> list[str]:
    if isinstance(value, frozenset):
        return [impact.value for impact in Impact if impact in value]
    return list(value)


def _window(window: Window) -> str:
    midnight = time()
    is_whole = window.begin == window.end == midnight
    end = "24:00" if window.end == midnight else f"{window.end:%H:%M}"
    hours = "" if is_whole else f"{window.begin:%H:%M}-{end}"
    return " ".join(filter(None, (_days(window.days), hours))) or "always"


def _days(days: frozenset[int]) -> str:
    """Days of the week as the config writes them; empty if it is all of them."""
    return "" if len(days) == len(DAYS) else ",".join(_spans(sorted(days)))


def _spans(days: list[int]) -> Iterator[str]:
    """Runs of three days or more as one word."""
    while days:
        end = 1
        while end < len(days) and days[end] == days[0] + end:
            end += 1
        run, days = days[:end], days[end:]
        if len(run) > 2:
            yield f"{DAYS[run[0]]}-{DAYS[run[-1]]}"
        else:
            yield from (DAYS[day] for day in run)


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
