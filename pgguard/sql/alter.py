"""ALTER TABLE and its kin: which subcommands only add, which drop a part, which change something.

FAIL CLOSED: a subcommand is ALTER unless it is on the list of those that can only add or tighten.
"""

from __future__ import annotations

import re

from pgguard.sql import blocking
from pgguard.sql import tree as t
from pgguard.sql.draft import Draft, part_of
from pgguard.sql.statement import DropTarget, Effect
from pgguard.sql.tree import Tree

ADDS = frozenset(
    """
    AT_AddColumn AT_AddConstraint AT_AddIdentity AT_AddIndex AT_AddIndexConstraint AT_AttachPartition AT_SetNotNull
    AT_SetStatistics AT_ValidateConstraint AT_EnableTrig AT_EnableAlwaysTrig AT_EnableTrigAll AT_EnableTrigUser
    AT_EnableRule AT_EnableAlwaysRule AT_EnableRowSecurity AT_ForceRowSecurity
    """.split()
)
DROPS = {"AT_DropColumn": "column", "AT_DropConstraint": "constraint"}
_WORD = re.compile(r"[A-Z][a-z]*")


def words(subtype: str) -> str:
    """``AT_DisableTrigUser`` as it stands in ``Statement.subcommands``: "disable trig user"."""
    return " ".join(_WORD.findall(subtype.removeprefix("AT_").replace("UnLogged", "Unlogged"))).lower()


def alter_table(draft: Draft, node: Tree) -> None:
    relation = node["relation"]
    effects: set[Effect] = set()
    for item in node.get("cmds", ()):
        command = item["AlterTableCmd"]
        subtype = command.get("subtype", "")
        draft.subcommands.append(words(subtype))
        draft.details.extend(blocking.subcommand(command))
        if subtype in DROPS:
            effects.add(Effect.DROP)
            draft.drops.append(DropTarget(DROPS[subtype], part_of(t.relation(relation), command.get("name", ""))))
        elif subtype in ADDS or (subtype == "AT_ColumnDefault" and "def" in command):
            effects.add(Effect.ADD)
        else:
            effects.add(Effect.ALTER)
        partition = command.get("def", {}).get("PartitionCmd", {})
        if partition.get("concurrent"):
            draft.outside_block = True
        draft.names.walk(command)
    for effect in sorted(effects or {Effect.ALTER}):
        draft.target(relation, effect)


def alter_domain(draft: Draft, node: Tree) -> None:
    """Subtypes as in AlterDomainStmt: T default, N and O drop and set NOT NULL, C and X add and drop constraint."""
    subtype = node.get("subtype", "")
    name = t.dotted(node.get("typeName", ()))
    if subtype == "X":
        draft.drops.append(DropTarget("constraint", part_of(name, node.get("name", ""))))
    effect = Effect.ADD if subtype in ("O", "C", "V") else Effect.DROP if subtype == "X" else Effect.ALTER
    draft.names.effects.add(effect)
    draft.names.types[name] = None
    draft.names.walk(node.get("def", {}))


def alter_enum(draft: Draft, node: Tree) -> None:
    added = "newVal" in node and "oldVal" not in node
    draft.names.effects.add(Effect.ADD if added else Effect.ALTER)
    if "oldVal" in node:
        draft.subcommands.append("rename value")
