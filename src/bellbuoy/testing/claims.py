"""A claim that a tested module must keep."""


def must(kept: object, claim: str) -> None:
    """Raise AssertionError with the claim unless it is kept; python -O does not skip it."""
    if not kept:
        raise AssertionError(claim)
