"""changes-roles: what it says, and what it leaves alone."""

from __future__ import annotations

import pytest

from pgguard.checks.changes_roles import NAME, find
from pgguard.sql.read import read


@pytest.mark.parametrize(
    ("says", "sql"),
    [
        ("privileges on objects are granted or revoked", "grant select on t to x"),
        ("membership in a role is granted or revoked", "revoke a from b"),
        (
            "privileges on objects to come are granted or revoked",
            "alter default privileges grant select on tables to x",
        ),
        ("a role is created", "create user a"),
        ("a role is dropped", "drop role a"),
        ("a role is changed", "alter role a password 'x'"),
        ("a role is changed", "alter role a rename to b"),
        ("a setting of a role is changed", "alter role a set b = 1"),
        ("everything that a role owns changes its owner", "reassign owned by a to b"),
        ("everything that a role owns is dropped, and its privileges are revoked", "drop owned by a"),
        ("an object changes its owner", "alter table t owner to a"),
        ("an object changes its owner", "alter function f() owner to a"),
        ("privileges on objects are granted or revoked", "grant a on table t to b"),
    ],
)
def test_it_speaks(says: str, sql: str) -> None:
    found = find(read(sql.encode()).statements[0], sql, False)

    assert found is not None
    assert (NAME, says) == (found.check, found.says)


@pytest.mark.parametrize(
    "sql",
    [
        "set role a",
        "reset role",
        "comment on role a is 'x'",
    ],
)
def test_it_is_silent(sql: str) -> None:
    assert find(read(sql.encode()).statements[0], sql, False) is None
