"""Each poll comes over a new TLS connection to a host seen before; and idle connections."""

import asyncio
import gc
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bellbuoy import platform
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.driver import Driver
from bellbuoy.model.known import Validators
from benchmarks.figures import Figure, Scale, apart, micros, ratio, spread
from benchmarks.vendors import Vendors

DOMAIN = ".status.test"

ANSWERS = {"a 304": "same", "a body of 7 KB": "short", "a body of 55 KB": "retagged"}
"""What each host is looked at for, and the script of the vendors that answer so."""


def run(scale: Scale) -> Iterator[Figure]:
    ours, plain = [], []
    idle: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
        ca_file = str(Path(directory) / "root.pem")
        with _secured(scale.of(20, 2), Path(directory), closes=True) as vendors:
            for _ in range(scale.repeats):
                arguments = {"urls": vendors.urls, "count": scale.of(600, 4), "ca_file": ca_file}
                plain.append(apart("benchmarks.plain", "aiohttp_loop", **arguments))
                ours.append(apart("benchmarks.watching", "polls", **arguments))
        hosts = scale.of(600, 30)
        for answer, script in ANSWERS.items():
            with _secured(hosts, Path(directory), script=script, wildcard=True) as many:
                arguments = {"urls": many.urls, "ca_file": ca_file}
                idle[answer] = [
                    apart("benchmarks.new_tls", "idle_connections", **arguments)
                    for _ in range(min(scale.repeats, 3))
                ]
    cpu, baseline = [one["cpu"] for one in ours], [one["cpu"] for one in plain]
    value, measured = ratio(cpu, baseline)
    yield Figure(
        what="CPU per unchanged poll on a new TLS connection, P-384 chain; against aiohttp",
        ours=micros(cpu),
        baseline=micros(baseline),
        target="<= 0.65x",
        measured=measured,
        holds=value <= 0.65,
        counts={"not modified": sum(one["outcomes"]["not modified"] for one in ours)},
    )
    for answer, found in idle.items():
        each = [one["bytes"] / 1024 for one in found]
        kept = max(one["open"] for one in found)
        yield Figure(
            what=f"memory that a look over TLS leaves at each host, after {answer}; "
            f"of {hosts} connections {kept} are kept",
            ours=f"{median(each):.0f} KB",
            baseline="",
            target="<= 80 KB, <= 512",
            measured=f"{spread(each)} KB",
            holds=median(each) <= 80 and kept <= 512,
            counts={"open": kept},
        )


def idle_connections(urls: list[str], ca_file: str) -> dict[str, Any]:
    """How many connections stay open after a look at each host, and the bytes for each host.

    The bytes are those of hosts that are within the bound of kept connections.

    The hosts go by names under one wildcard: a certificate that lists hundreds of addresses
    would itself be most of what a connection holds.
    """

    def resident() -> int:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def sockets() -> int:
        return sum(one.is_socket() for one in Path("/proc/self/fd").iterdir())

    known = Validators(etag='"x"')
    port = urls[0].rpartition(":")[2]
    places = {f"h{n}{DOMAIN}": urlsplit(url).hostname or "" for n, url in enumerate(urls)}
    urls = [f"https://{name}:{port}/" for name in places]

    async def resolve(name: str) -> list[str]:
        return [places[name]]

    async def main() -> dict[str, Any]:
        settings = HttpSettings(allow_private=("127.0.0.0/8",), ca_file=ca_file)
        async with Driver(settings, resolver=resolve) as driver:

            async def look(url: str) -> None:
                async with driver.visit(url) as visit:
                    await visit.ask(Request.get(url), known)

            async def looks(some: list[str]) -> None:
                for begin in range(0, len(some), 20):
                    await asyncio.gather(*map(look, some[begin : begin + 20]))
                await asyncio.sleep(0.3)

            before_all = sockets()
            first, some = len(urls) // 30, len(urls) // 3
            await looks(urls[:first])
            before = resident()
            await looks(urls[first:some])
            each = (resident() - before) / (some - first)
            await looks(urls[some:])
            return {"bytes": each, "open": sockets() - before_all}

    return platform.run(main)


def _secured(
    hosts: int,
    directory: Path,
    *,
    script: str = "same",
    closes: bool = False,
    wildcard: bool = False,
) -> Vendors:
    """Vendors behind a certificate of a P-384 chain, which is written to `directory`."""
    certificate = directory / "leaf.pem"
    vendors = Vendors(script, hosts=hosts, certificate=certificate, closes=closes)
    _write_chain(directory, certificate, [] if wildcard else vendors.addresses)
    return vendors


def _write_chain(directory: Path, certificate: Path, addresses: list[str]) -> None:
    """Root, intermediate and leaf: `root.pem`, and the two others in `certificate`."""

    def sign(subject: str, issuer: str, key: Any, by: Any, *, is_ca: bool) -> x509.Certificate:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            names = x509.SubjectAlternativeName(
                [
                    x509.DNSName(f"*{DOMAIN}"),
                    *(x509.IPAddress(ip_address(address)) for address in addresses),
                ]
            )
            builder = builder.add_extension(names, critical=False)
        return builder.sign(by, hashes.SHA384())

    keys = [ec.generate_private_key(ec.SECP384R1()) for _ in range(3)]
    root = sign("root", "root", keys[0], keys[0], is_ca=True)
    between = sign("between", "root", keys[1], keys[0], is_ca=True)
    leaf = sign("leaf", "between", keys[2], keys[1], is_ca=False)
    pem = serialization.Encoding.PEM
    (directory / "root.pem").write_bytes(root.public_bytes(pem))
    private = keys[2].private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    certificate.write_bytes(private + leaf.public_bytes(pem) + between.public_bytes(pem))
