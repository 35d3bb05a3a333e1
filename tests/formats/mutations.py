"""Documents with bytes or values replaced, for whatever a vendor's server may send."""

import json
from typing import Any

from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """A JSON document in which some stretches of bytes, or some values, are others."""
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 6))):
            place = draw(st.integers(0, len(body)))
            end = place + draw(st.integers(0, 40))
            body = body[:place] + draw(st.binary(max_size=12)) + body[end:]
        return body
    document = json.loads(body)
    for _ in range(draw(st.integers(1, 6))):
        _replace_somewhere(draw, document)
    return json.dumps(document).encode()


def _replace_somewhere(draw: st.DrawFn, value: Any) -> None:
    """Put another value in the place of one that lies at any depth."""
    while isinstance(value, (dict, list)) and value:
        key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        if draw(st.integers(0, 2)) == 0 or not isinstance(value[key], (dict, list)):
            value[key] = draw(VALUES)
            return
        value = value[key]
