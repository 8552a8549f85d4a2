"""Which transactions are prepared, on real servers."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.evidence.prepared import PREPARED_SQL, parse_prepared


def test_what_is_prepared_is_listed_by_its_name(client: Any) -> None:
    assert "it's 1" not in parse_prepared(client.run(PREPARED_SQL))
    client.run("begin; create table public.p (id int); prepare transaction 'it''s 1'")
    try:
        assert "it's 1" in parse_prepared(client.run(PREPARED_SQL))
    finally:
        client.run("rollback prepared 'it''s 1'")


def test_an_answer_that_is_not_a_list_of_names_raises() -> None:
    with pytest.raises(ProtocolViolation):
        parse_prepared([[b"[1]".hex()]])
