"""The small shop that session tests are played in: its catalog picture, its policy, its caller.

t (id, n) has a primary key. Deleting from p cascades to c. An insert into d leaves work for COMMIT: a deferred
constraint trigger that deletes from t. purge() deletes from t; imm() does, too, and says that it is immutable.
"""

from __future__ import annotations

from typing import Any, Final

from pgguard.catalog.build import build
from pgguard.catalog.picture import Picture
from pgguard.catalog.queries import QUERIES
from pgguard.policy.load import loads
from pgguard.policy.model import Policy
from pgguard.policy.verdict import Caller
from pgguard.session.world import World

T: Final = 20001
P: Final = 20002
C: Final = 20003
D: Final = 20004
OIDS: Final = {"t": T, "p": P, "c": C, "d": D}
PURGE: Final = 20100
IMM: Final = 20101
WAITS: Final = 20102
LIMIT: Final = 3

POLICY: Final = f"""
version: 1
environment: production
unmeasured: refuse
callers:
  people: {{not_roles: [app]}}
approvers:
  dba: {{roles: [dba]}}
approval: {{by: dba, needs: 1, expires: 30m}}
limits:
  - {{name: few, match: {{caller: people}}, rows: {LIMIT}, beyond: approve}}
rules:
  - {{name: destroys, match: {{caller: people, destroys: any}}, then: approve}}
tests:
  - {{as: ann, sql: select 1, expect: {{decision: allow}}}}
"""

CALLER: Final = Caller("ann", "shop", "psql", "local", "ann")
FREE: Final = Caller("app", "shop", "worker", "local", "app")  # of whom no rule speaks

_ROW: Final = 1
_INSERT: Final = 4
_DELETE: Final = 8
_UPDATE: Final = 16


def policy(text: str = POLICY) -> Policy:
    return loads(text, "shop.yaml")


def picture(*, without: tuple[str, ...] = (), careless_domain: bool = False) -> Picture:
    """What the catalog shows; ``without``: tables that were dropped; ``careless_domain``: one whose check calls
    purge()."""
    tables = {name: oid for name, oid in OIDS.items() if name not in without}
    rows: dict[str, list[Any]] = {name: [] for name in QUERIES}
    for name, oid in tables.items():
        rows["relations"].append((oid, "public", name, "r", "p", True, False, False, 10, oid + 1000))
        rows["types"].append((oid + 1000, "public", name, "c", oid, 0, 0, [], None))
        rows["columns"] += [(oid, "id", 1, 23, True, "", False, 0), (oid, "n", 2, 23, False, "", False, 0)]
        rows["indexes"].append(
            (oid + 2000, f"{name}_pkey", oid, "public", True, True, True, True, 1, [1], [1978], [0], None, None)
        )
    if "c" in tables and "p" in tables:
        rows["foreign_keys"].append((20200, "c_n_fkey", C, P, [2], [1], "a", "c", False))
        rows["triggers"] += [
            (P, "RI_ConstraintTrigger_a_1", 1646, _ROW | _DELETE, "O", True, False, None),
            (P, "RI_ConstraintTrigger_a_2", 1655, _ROW | _UPDATE, "O", True, False, None),
            (C, "RI_ConstraintTrigger_c_1", 1644, _ROW | _INSERT, "O", True, False, None),
            (C, "RI_ConstraintTrigger_c_2", 1645, _ROW | _UPDATE, "O", True, False, None),
        ]
    rows["triggers"].append((D, "waits", WAITS, _ROW | _INSERT, "O", False, True, None))
    rows["types"] += [
        (oid, "pg_catalog", name, "b", 0, 0, 0, [], None) for oid, name in ((23, "int4"), (25, "text"))
    ]
    if careless_domain:
        rows["types"] += [
            (20300, "public", "careless", "d", 0, 0, 23, [], None),
            (20301, "public", "_careless", "b", 0, 20300, 0, [], None),
        ]  # fmt: skip
        rows["checks"].append((0, 20300, f"{{FUNCEXPR :funcid {PURGE} :funcresulttype 23}}"))
    rows["opclasses"].append((1978, 1976, "int4_ops"))
    rows["operators"] += [
        (96, "pg_catalog", "=", 23, 23, 65), (97, "pg_catalog", "<", 23, 23, 66), (521, "pg_catalog", ">", 23, 23, 147),
        (528, "pg_catalog", "/", 23, 23, 154),
    ]  # fmt: skip
    built_in = {
        65: "int4eq", 66: "int4lt", 147: "int4gt", 154: "int4div", 1644: "RI_FKey_check_ins",
        1645: "RI_FKey_check_upd", 1646: "RI_FKey_cascade_del", 1655: "RI_FKey_noaction_upd",
    }  # fmt: skip
    rows["functions"] += [
        (oid, "pg_catalog", name, "internal", name.startswith("RI"), "f", 2, 16, None) for oid, name in built_in.items()
    ]
    rows["functions"] += [
        (PURGE, "public", "purge", "plpgsql", True, "f", 0, 23, None),
        (IMM, "public", "imm", "plpgsql", False, "f", 0, 23, None),
        (WAITS, "public", "waits", "plpgsql", True, "f", 0, 2279, None),
    ]
    return build(rows, 150018, "shop", 5)


_PICTURE: Final = picture()


def world(text: str = POLICY, *, observe: bool = False, seen: bool = True) -> World:
    """``seen``: the picture is there already, and need not be asked for."""
    made = World(policy(text), server="shop/1", observe=observe)
    if seen:
        made.set_picture(_PICTURE)
    return made
