"""What can be said of a statement without running it: harmless, bounded, or unproved and which counters can move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pgguard.catalog import later
from pgguard.catalog.bounded import bound
from pgguard.catalog.closure import Change, Closure, Verb, closure
from pgguard.catalog.picture import Picture
from pgguard.catalog.proof import Bounded, Harmless, Proof, Unproved
from pgguard.catalog.reach import analysis_runs_code, reached, user_code
from pgguard.catalog.targets import changes
from pgguard.sql.statement import Effect, Name, Statement, StatementKind

Kind = StatementKind

_DATA = frozenset({Kind.SELECT, Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.MERGE, Kind.COPY, Kind.TRUNCATE})
# These change nothing that policies speak of; the session follows what they set, prepare or close.
_OF_THE_SESSION = frozenset({
    Kind.TRANSACTION, Kind.SESSION, Kind.PREPARE, Kind.DEALLOCATE, Kind.LOCK, Kind.EMPTY,
})  # fmt: skip
_LOSES = frozenset({Effect.UPDATE, Effect.DELETE, Effect.TRUNCATE})
# FAIL CLOSED: CREATE of anything else (an extension runs a script, a subscription connects, a range type has a function
# that autovacuum calls and that stands in no expression) is not additive.
_ADDITIVE = frozenset({
    "CreateStmt", "IndexStmt", "CreateSeqStmt", "ViewStmt", "CreateTrigStmt", "CreateFunctionStmt", "CreateEnumStmt",
    "CompositeTypeStmt", "CreateDomainStmt", "CreateSchemaStmt", "RuleStmt", "CreatePolicyStmt",
    "CreateStatsStmt", "CreateTableAsStmt", "CreateForeignTableStmt", "CreatePublicationStmt", "DefineStmt",
    "AlterTableStmt", "AlterEnumStmt", "AlterDomainStmt", "SelectStmt",
})  # fmt: skip
# What a body that autovacuum runs could mean by a name that meant something else before.
_CALLED = frozenset({"CreateFunctionStmt", "DefineStmt", "CreateDomainStmt", "CreateEnumStmt", "CompositeTypeStmt"})
_RELATIONS = frozenset({"table", "index", "view", "materialized view", "sequence", "foreign table"})
_SERVER_OBJECTS = frozenset({
    "CreatedbStmt", "DropdbStmt", "AlterDatabaseStmt", "AlterDatabaseSetStmt", "AlterDatabaseRefreshCollStmt",
    "CreateTableSpaceStmt", "DropTableSpaceStmt", "AlterTableSpaceOptionsStmt", "AlterSystemStmt",
})  # fmt: skip


def prove(statement: Statement, picture: Picture, param_types: tuple[int, ...] = ()) -> Proof:
    """INVARIANT: Harmless and Bounded only for what was understood in full; everything else is Unproved, and without
    ``relations`` whenever user code could run."""
    kind = statement.kind
    if Effect.OPAQUE in statement.effects or kind in (Kind.OPAQUE, Kind.DO, Kind.CALL):
        return Unproved(statement.trouble or f"{kind} runs what its text does not show")
    if kind is Kind.EXECUTE:
        return Unproved("the prepared statement is not known")
    if statement.files:
        return Unproved("it reads or writes files of the server or runs programs")
    if statement.node == "ConstraintsSetStmt":
        return _set_constraints(picture)
    if kind is Kind.PREPARE and analysis_runs_code(picture) and (why := user_code(statement, picture, param_types)):
        return Unproved(f"analysing it can run user code: {why}")
    if kind in _OF_THE_SESSION:
        return Harmless()
    if kind is Kind.EXPLAIN:
        return _explain(statement, picture, param_types)
    if kind is Kind.CURSOR:
        return _cursor(statement, picture, param_types)
    if kind is Kind.SELECT and statement.setting is not None and _means_ours(picture, "set_config"):
        others = tuple(call for call in statement.calls if call.name != "set_config")
        statement = replace(statement, calls=others)  # it is a SET, and the session follows that
    reason, inserts, calls = reached(statement, picture, param_types)
    if reason:
        named = frozenset(change.relation for change in changes(statement, picture)[0])
        return Unproved(f"user code is reachable: {reason}", changes_objects=_is_ddl(statement), targets=named)
    if Effect.CREATE in statement.effects or kind in (Kind.CREATE, Kind.ALTER):
        return _create_or_alter(statement, picture, param_types, inserts, calls)
    if kind in _DATA:
        return _data(statement, picture, param_types, inserts, calls)
    if kind in (Kind.COMMENT, Kind.MAINTENANCE):
        return Harmless(inserts=bool(inserts), deferrable=_deferrable(picture, inserts), calls=calls)
    if kind is Kind.DROP:
        if _drops_nothing(statement, picture):
            return Harmless(inserts=True, ddl=True)  # no row, but like a write it holds for the moment it begins
        return Unproved("it drops objects", relations=frozenset(), changes_objects=True)
    if kind in (Kind.GRANT, Kind.ROLE):
        return Unproved("it changes rights or roles", relations=frozenset(), changes_objects=True)
    if kind is Kind.SERVER and statement.node in _SERVER_OBJECTS:
        return Unproved("it changes the server", relations=frozenset(), changes_objects=True)
    return Unproved(f"what {statement.node.removesuffix('Stmt')} does is not known")


def _means_ours(picture: Picture, name: str) -> bool:
    """Whether no function of a user's has the name of a built-in one."""
    return all(function.builtin for function in picture.named_functions(Name(name)))


def _drops_nothing(statement: Statement, picture: Picture) -> bool:
    """Relations of which none of that name is in any schema. Longer names than the server keeps can mean others."""
    return bool(statement.drops) and all(
        target.kind in _RELATIONS
        and len(target.name.name.encode()) < 63
        and target.name.name not in picture.relations_by_name
        and target.name.name not in picture.indexes_by_name
        for target in statement.drops
    )


def _data(
    statement: Statement, picture: Picture, param_types: tuple[int, ...], inserts: frozenset[int], calls: bool
) -> Proof:
    """``inserts``: relations that functions add rows to while it runs, closed over partitions and views."""
    for inner in statement.inner:  # COPY (query) TO
        proof = prove(inner, picture, param_types)
        if not isinstance(proof, Harmless) or statement.writes:
            return proof if isinstance(proof, Unproved) else Unproved("it changes rows inside COPY")
    starts, _ = changes(statement, picture)
    changed = closure(picture, starts)
    relations = changed.relations | inserts
    if not statement.effects & _LOSES:
        foreign = _uncountable(picture, changed)
        if foreign:
            return Unproved(foreign)
        adds = Effect.INSERT in statement.effects or bool(inserts)
        return Harmless(inserts=adds, deferrable=_deferrable(picture, relations), calls=calls)
    targets = frozenset(start.relation for start in starts)
    trouble = _uncountable(picture, changed)
    if trouble:
        return Unproved(trouble, targets=targets)
    rows: int | str = "the statement is not a lookup by key"
    if statement.effects & _LOSES <= {Effect.UPDATE, Effect.DELETE} and len(statement.writes) == 1:
        rows = bound(statement, picture, starts, changed, param_types)
    if isinstance(rows, int):
        table = picture.relations[starts[0].relation]
        return Bounded(rows, table.qualified, table.oid, statement.kind is Kind.DELETE, calls)
    return Unproved(
        rows,
        # FAIL CLOSED: a function can be replaced while it runs, and then other counters move than those known now.
        relations=None if calls else relations,
        deferrable=changed.deferrable or _deferrable(picture, relations),
        changes_objects=Effect.TRUNCATE in statement.effects,
        targets=targets,
    )


def _create_or_alter(
    statement: Statement, picture: Picture, param_types: tuple[int, ...], inserts: frozenset[int], calls: bool
) -> Proof:
    adds = bool(inserts)
    deferrable = _deferrable(picture, inserts)
    for inner in statement.inner:
        proof = prove(inner, picture, param_types)
        if not isinstance(proof, Harmless):
            return Unproved(
                getattr(proof, "why", "it changes rows"), relations=getattr(proof, "relations", None),
                deferrable=getattr(proof, "deferrable", False), changes_objects=True,
            )  # fmt: skip
        adds = adds or proof.inserts
        deferrable = deferrable or proof.deferrable
        calls = calls or proof.calls
    if statement.effects & _LOSES or not statement.effects <= {
        Effect.READ, Effect.CREATE, Effect.ADD, Effect.INSERT,
    }:  # fmt: skip
        targets = frozenset(r.oid for w in statement.writes for r in picture.named_relations(w.relation))
        changed = closure(picture, changes(statement, picture)[0]).relations | inserts
        relations = changed | closure(picture, (Change(t, Verb.INSERT) for t in targets)).relations
        known = None if calls else relations
        return Unproved("it changes objects", relations=known, changes_objects=True, targets=targets)
    if statement.node == "CreateFunctionStmt" and analysis_runs_code(picture):
        return Unproved("analysing its body can run user code", changes_objects=True)
    if statement.node not in _ADDITIVE:
        return Unproved(f"{statement.node} is not known to add only")
    if statement.node in _CALLED and later.names(picture):
        # What it is called shows behind it (evidence.made), also where a DO made it.
        return Unproved("autovacuum could come to call it", relations=frozenset(), changes_objects=True)
    makes_rows = statement.node in ("CreateTableAsStmt", "SelectStmt")
    adds = adds or makes_rows or Effect.INSERT in statement.effects
    return Harmless(inserts=adds, ddl=True, deferrable=deferrable, calls=calls)


def _explain(statement: Statement, picture: Picture, param_types: tuple[int, ...]) -> Proof:
    """Planning runs immutable functions: EXPLAIN without ANALYZE is harmless only where no user code is reachable."""
    if not statement.inner:
        return Unproved("what it explains is not known")
    inner = statement.inner[0]
    reason, inserts, calls = reached(inner, picture, param_types)
    if reason:
        return Unproved(f"user code is reachable: {reason}")
    if statement.effects <= {Effect.READ}:
        if inner.effects <= {Effect.READ}:
            return prove(inner, picture, param_types)
        return Harmless(inserts=bool(inserts), deferrable=_deferrable(picture, inserts), calls=calls)
    return prove(inner, picture, param_types)


def _cursor(statement: Statement, picture: Picture, param_types: tuple[int, ...]) -> Proof:
    if statement.node == "ClosePortalStmt":
        return Harmless()
    if statement.node == "DeclareCursorStmt" and statement.inner:
        return prove(statement.inner[0], picture, param_types)
    # FETCH and MOVE run whatever portal has that name, one that the protocol bound to a DELETE included.
    return Unproved("what the cursor runs is not known")


def _set_constraints(picture: Picture) -> Proof:
    """SET CONSTRAINTS .. IMMEDIATE runs the triggers that wait."""
    if _deferrable(picture, (r.oid for r in picture.relations.values() if not r.system), harmless_too=False):
        return Unproved("deferred triggers can run")
    return Harmless()


def _uncountable(picture: Picture, reached: Closure) -> str:
    """FAIL CLOSED: rows of these are in no counter, so an empty reading would prove nothing."""
    for change in reached.changes:
        relation = picture.relations.get(change.relation)
        if relation is None or relation.system or relation.kind not in ("r", "p", "v"):
            return f"{'a relation' if relation is None else relation.qualified} cannot be counted"
        if relation.kind == "r" and not relation.heap:
            return f"{relation.qualified} cannot be counted: its access method is not heap"
    return ""


def _deferrable(picture: Picture, oids: Iterable[int], harmless_too: bool = True) -> bool:
    """Whether a trigger that can wait for COMMIT stands on one of these; ``harmless_too``: checks of keys count."""
    for oid in oids:
        relation = picture.relations.get(oid)
        if relation is None:
            continue
        if any(t.deferrable and t.enabled and (harmless_too or not t.internal) for t in relation.triggers):
            return True
        if not harmless_too and any(
            key.deferrable and ({key.on_delete, key.on_update} & {"c", "n", "d"}) for key in relation.incoming
        ):
            return True
    return False


def _is_ddl(statement: Statement) -> bool:
    return bool(statement.effects - {Effect.READ, Effect.INSERT, Effect.UPDATE, Effect.DELETE})
