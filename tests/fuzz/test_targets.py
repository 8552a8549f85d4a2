"""Each target for a moment, with bytes that hypothesis makes up around the words of its language."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import NAMES
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS


def around(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Anything, seeds in any order with anything between them, and seeds with a byte or two changed."""
    seed = st.sampled_from(seeds)

    def changed(text: bytes, at: int, byte: int, cut: int) -> bytes:
        at %= max(len(text), 1)
        return (text[:at] + bytes((byte,)) + text[at + 1 :])[: len(text) - cut % 4]

    bent = st.builds(changed, seed, st.integers(0, 1000), st.integers(0, 255), st.integers(0, 40))
    return st.one_of(st.binary(max_size=120), bent, st.lists(seed | st.binary(max_size=6), max_size=8).map(b"".join))


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_it(name: str) -> None:
    @settings(max_examples=150)
    @given(data=around(SEEDS[name]))
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()


def test_every_target_can_be_fuzzed_for_long() -> None:
    assert set(NAMES) == set(TARGETS) == set(SEEDS)
