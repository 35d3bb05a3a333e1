"""All pages answer 304 on connections that are kept: the most frequent poll by far."""

from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks.figures import Figure, Scale, apart, micros, ratio
from benchmarks.vendors import Vendors


def run(scale: Scale) -> Iterator[Figure]:
    count = scale.of(4000, 20)
    ours, bare, heavy = [], [], []
    with Vendors("same", hosts=scale.of(200, 5)) as vendors:
        for _ in range(scale.repeats):
            bare.append(apart("benchmarks.plain", "aiohttp_loop", urls=vendors.urls, count=count))
            ours.append(apart("benchmarks.watching", "polls", urls=vendors.urls, count=count))
            if find_spec("httpx"):
                heavy.append(apart("benchmarks.plain", "httpx_loop", urls=vendors.urls, count=1))
    counts = {
        "not modified": sum(each["outcomes"].get("not modified", 0) for each in ours),
        "visits": sum(each["visits"] for each in ours),
        "baseline 304": sum(each["outcomes"].get("304", 0) for each in bare),
    }
    cpu = [each["cpu"] for each in ours]
    for name, others, most in (("aiohttp", bare, 1.5), ("httpx + feedparser", heavy, 0.1)):
        if not others:
            continue
        baseline = [each["cpu"] for each in others]
        value, measured = ratio(cpu, baseline)
        yield Figure(
            what=f"CPU per poll, all 304, kept connections; against {name}",
            ours=micros(cpu),
            baseline=micros(baseline),
            target=f"<= {most}x",
            measured=measured,
            holds=value <= most,
            counts=counts,
        )
