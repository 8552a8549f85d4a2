"""A name can mean an object in a schema."""

from __future__ import annotations

import pytest

from pgguard.catalog.picture import Function, in_schema
from pgguard.sql.statement import Name


@pytest.mark.parametrize(
    ("name", "schema", "can"),
    [
        (Name("t"), "anything", True),
        (Name("t", "s"), "s", True),
        (Name("t", "s"), "public", False),
        (Name("t", "pg_temp"), "pg_temp_4", True),
        (Name("t", "pg_temp"), "pg_toast_temp_4", False),
    ],
)
def test_in_schema(name, schema, can):
    assert can == in_schema(name, schema)


def test_builtin_needs_both_a_low_oid_and_the_schema():
    def function(oid, schema):
        return Function(oid, schema, "f", "internal", False, "f", 1, 23)

    assert function(100, "pg_catalog").builtin
    assert not function(100, "public").builtin
    assert not function(20000, "pg_catalog").builtin
