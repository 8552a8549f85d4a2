"""Which roles a transaction changes, as the catalog shows it, and what it does not show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pgguard.evidence.measurement import Rows
from pgguard.evidence.roles import ANY, changed_roles


def rows(*values: list[Any]) -> list[list[str]]:
    return [[json.dumps(value).encode().hex()] for value in values]


BOB, EVE = ["role", "1", "bob", [False]], ["role", "2", "eve", [False]]
GRANT = ["member", "9.2", "dba", "eve", False]
UPDATED = {"pg_authid": Rows(updated=1)}


@pytest.mark.parametrize(
    ("outside", "inside", "catalogs", "named", "changed"),
    [
        ([BOB], [BOB], {}, (), set()),
        ([BOB], [BOB, EVE], {"pg_authid": Rows(inserted=1)}, (), {"eve"}),
        ([BOB, EVE], [BOB], {"pg_authid": Rows(deleted=1)}, (), {"eve"}),
        ([BOB], [["role", "1", "bob", [True]]], UPDATED, (), {"bob"}),
        ([BOB], [["role", "1", "rob", [False]]], UPDATED, (), {"bob", "rob"}),
        ([], [GRANT], {}, (), {"eve"}),
        ([GRANT], [], {}, (), {"eve"}),
        ([BOB], [BOB], UPDATED, ("bob",), {"bob"}),  # a password: only the counter shows it
        ([BOB], [BOB], UPDATED, (), {ANY}),
        ([BOB], [["role", "1", "bob", [True]]], {"pg_authid": Rows(updated=2)}, (), {"bob", ANY}),
        ([BOB], [["role", "1", "bob", [True]]], {"pg_authid": Rows(updated=2)}, ("bob",), {"bob", ANY}),
        ([BOB], [BOB], {"pg_authid": Rows(updated=2)}, ("bob",), {"bob", ANY}),  # and somebody else's, in a DO
        ([BOB, EVE], [BOB], {"pg_authid": Rows(updated=1, deleted=1)}, ("bob",), {"bob", "eve"}),
    ],
)
def test_changed(outside: Any, inside: Any, catalogs: Any, named: tuple[str, ...], changed: set[str]) -> None:
    assert changed_roles(rows(*outside), rows(*inside), catalogs, named) == changed
