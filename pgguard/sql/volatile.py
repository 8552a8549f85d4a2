"""PostgreSQL's functions, and those of well-known extensions, that give another answer each time they are called."""

from __future__ import annotations

from typing import Any

from pgguard.sql import tree as t

VOLATILE = frozenset(
    """
    random random_normal gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4
    clock_timestamp timeofday nextval setval txid_current_if_assigned pg_current_xact_id_if_assigned gen_random_bytes
    gen_salt pg_sleep
    """.split()
)


def calls_volatile(tree: Any) -> bool:
    """Whether one of them is called by name anywhere in this part of a tree."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending.extend(node)
        elif type(node) is dict:
            if "funcname" in node and t.dotted(node["funcname"]).name in VOLATILE:
                return True
            pending.extend(node.values())
    return False
