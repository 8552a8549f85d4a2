"""Calls whose answer is another one each time, wherever they stand."""

from __future__ import annotations

import json

import pytest

from pgguard.sql import grammar
from pgguard.sql.volatile import calls_volatile


@pytest.mark.parametrize(
    ("sql", "volatile"),
    [
        ("select random()", True),
        ("select 1 where a in (select pg_catalog.clock_timestamp() + b)", True),
        ("select case when a then gen_random_uuid() end", True),
        ("select now(), current_timestamp, random from t", False),
        ("select 'random()'", False),
    ],
)
def test_calls_are_found_at_any_depth(sql: str, volatile: bool) -> None:
    assert volatile == calls_volatile(json.loads(grammar.parse(sql.encode())[0]))
