"""Documents of vendors with bytes or values replaced, as hypothesis draws them."""

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
    """A JSON document with bytes or values replaced."""
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 6))):
            place = draw(st.integers(0, len(body)))
            end = place + draw(st.integers(0, 40))
            body = body[:place] + draw(st.binary(max_size=12)) + body[end:]
        return body
    document = json.loads(body)
    for _ in range(draw(st.integers(1, 6))):
        value: Any = document
        while isinstance(value, (dict, list)) and value:
            keys = sorted(value) if isinstance(value, dict) else range(len(value))
            key = draw(st.sampled_from(keys))
            if draw(st.integers(0, 2)) == 0 or not isinstance(value[key], (dict, list)):
                value[key] = draw(VALUES)
                break
            value = value[key]
    return json.dumps(document).encode()
