"""Hypothesis strategies that several rooms share: byte strings as the protocol has them, and cuttings of a stream."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

# A name or text on the wire: anything but NUL.
c_strings = st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"x"))
words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12)


@st.composite
def cuttings(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """``data`` in pieces."""
    places = draw(st.lists(st.integers(0, len(data)), max_size=8))
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)])]
