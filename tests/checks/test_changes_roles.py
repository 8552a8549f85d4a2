"""changes-roles: what it says, and what it leaves alone."""

from __future__ import annotations

from pgguard.checks.changes_roles import NAME, find
from tests.checks.table import table

test_it_speaks, test_it_is_silent = table(
    NAME,
    find,
    speaks={
        "grant select on t to x": "privileges on objects are granted or revoked",
        "revoke a from b": "membership in a role is granted or revoked",
        "alter default privileges grant select on tables to x": "privileges on objects to come are granted or revoked",
        "create user a": "a role is created",
        "drop role a": "a role is dropped",
        "alter role a password 'x'": "a role is changed",
        "alter role a rename to b": "a role is changed",
        "alter role a set b = 1": "a setting of a role is changed",
        "reassign owned by a to b": "everything that a role owns changes its owner",
        "drop owned by a": "everything that a role owns is dropped, and its privileges are revoked",
        "alter table t owner to a": "an object changes its owner",
        "alter function f() owner to a": "an object changes its owner",
        "grant a on table t to b": "privileges on objects are granted or revoked",
    },
    silent=[
        "set role a",
        "reset role",
        "comment on role a is 'x'",
    ],
)
