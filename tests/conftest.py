"""What every test may use: profiles, the corpus, and skips that count."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import pgbouncer, postgres

settings.register_profile(
    "quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "full", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
PROFILE = os.environ.get("BELLBUOY_PROFILE", "quick")
settings.load_profile(PROFILE)


def corpus_root() -> Path | None:
    """Where the recorded bodies lie, if this machine has them."""
    named = os.environ.get("BELLBUOY_CORPUS")
    return Path(named) if named else None


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The recorded bodies; without them the test is skipped, with that reason."""
    root = corpus_root()
    if root is None:
        pytest.skip("BELLBUOY_CORPUS is not set: no recorded bodies on this machine")
    return root


@pytest.fixture(scope="session")
def full_profile() -> bool:
    """Whether the long form of a test was asked for (BELLBUOY_PROFILE=full)."""
    return PROFILE == "full"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL; where there is none the test is skipped, with that reason."""
    with postgres.server() as address:
        if address is None:
            pytest.skip(postgres.WANTING)
        yield address


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """An empty place in PostgreSQL for one test."""
    with postgres.schema(postgres_server) as address:
        yield address


@pytest.fixture(scope="session")
def pooler(postgres_server: str) -> Iterator[pgbouncer.Pooler]:
    """A PgBouncer before that server; where there is none the test is skipped, with that reason."""
    with pgbouncer.pooler(postgres_server) as made:
        if made is None:
            pytest.skip(pgbouncer.WANTING)
        yield made


@pytest.fixture
def pooled_address(pooler: pgbouncer.Pooler) -> Iterator[str]:
    """An empty place in PostgreSQL for one test, through a PgBouncer."""
    with pooler.place() as address:
        yield address


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL that the test may stop and start; it runs."""
    binaries = postgres.programs()
    if binaries is None:
        pytest.skip(postgres.WANTING)
    with postgres.cluster(binaries) as own:
        own.start()
        yield own


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI every part that a test needs is there, so a skip for want of one fails the run.

    The recorded bodies alone may be absent: they are nobody's to install.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    wanting = [
        report
        for report in reporter.stats.get("skipped", [])
        if "BELLBUOY_CORPUS" not in str(report.longrepr)
    ]
    if wanting and session.exitstatus == pytest.ExitCode.OK:
        for report in wanting:
            reporter.write_line(f"skipped in CI: {report.nodeid}: {report.longrepr[2]}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
