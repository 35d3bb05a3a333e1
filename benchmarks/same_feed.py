"""All pages answer 200 with a new ETag and the same 25 entries."""

from collections.abc import Iterator

from benchmarks.figures import Figure, Scale, apart, micros, ratio
from benchmarks.vendors import Vendors

SCRIPTS = {
    "retagged": "the same bytes",
    "moved": "only the feed's own <updated> moved",
}


def run(scale: Scale) -> Iterator[Figure]:
    for script, words in SCRIPTS.items():
        ours, plain = [], []
        with Vendors(script, hosts=scale.of(50, 2)) as vendors:
            for _ in range(scale.repeats):
                plain.append(
                    apart(
                        "benchmarks.plain",
                        "aiohttp_loop",
                        urls=vendors.urls[: scale.of(10, 2)],
                        count=scale.of(30, 2),
                        parses=True,
                    )
                )
                ours.append(
                    apart(
                        "benchmarks.watching",
                        "polls",
                        urls=vendors.urls,
                        count=scale.of(500, 4),
                    )
                )
        cpu, baseline = [one["cpu"] for one in ours], [one["cpu"] for one in plain]
        value, measured = ratio(cpu, baseline)
        yield Figure(
            what=f"CPU per poll, all 200, 25-entry Atom, {words}; against aiohttp + feedparser",
            ours=micros(cpu),
            baseline=micros(baseline),
            target="<= 0.125x",
            measured=measured,
            holds=value <= 0.125,
            counts={
                "visits": sum(one["visits"] for one in ours),
                "unchanged": sum(one["outcomes"].get("not modified", 0) for one in ours),
            },
        )
