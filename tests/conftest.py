"""What every test may use: profiles, the corpus, and skips that count."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
