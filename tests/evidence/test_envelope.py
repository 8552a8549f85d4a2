"""Answers of our own queries come back whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import array, oids, opened, sealed


@given(st.lists(st.lists(st.one_of(st.none(), st.binary(), st.text())), max_size=3))
def test_anything_is_a_list_of_lists_or_a_violation(rows: Any) -> None:
    try:
        answer = opened(rows)
    except ProtocolViolation:
        return
    assert all(isinstance(row, list) for row in answer)


def test_every_character_survives(client: Any) -> None:
    text = "'a\"b\\ €\n'"
    client.run("set standard_conforming_strings = on")
    assert opened(client.run(f"select {sealed(array(text, 'null', '1::int'))}")) == [["a\"b\\ €\n", None, 1]]


def test_oids_are_numbers_and_nothing_else() -> None:
    assert oids([3, 1]) == "'{1,3}'::pg_catalog.oid[]"
    with pytest.raises(ValueError):
        oids(["1}'; drop table x; --"])  # type: ignore[list-item]
