"""What a user's function does when it is called: why that is not known, or what it runs, calls and adds rows to."""

from __future__ import annotations

from pgguard.catalog.builtins import harmless, harmless_trigger
from pgguard.catalog.picture import FIRST_USER_OID, Code, Function, Picture, Relation
from pgguard.sql.bodies import LANGUAGES, Body, read_body
from pgguard.sql.statement import Effect, Statement, StatementKind

# CmdType, nodes/nodes.h
_SELECT, _INSERT = 1, 3
_KINDS = frozenset((StatementKind.SELECT, StatementKind.INSERT, StatementKind.EMPTY))
_EFFECTS = frozenset((Effect.READ, Effect.INSERT))
# SET clauses that change neither what a name means (names are resolved in every schema) nor which triggers fire.
_SETTINGS = frozenset(
    """
    search_path statement_timeout lock_timeout timezone datestyle intervalstyle extra_float_digits bytea_output
    client_min_messages work_mem maintenance_work_mem temp_buffers jit row_security default_text_search_config
    plan_cache_mode random_page_cost seq_page_cost cpu_tuple_cost effective_cache_size constraint_exclusion
    max_parallel_workers_per_gather synchronous_commit check_function_bodies lc_messages lc_monetary lc_numeric lc_time
    """.split()
)
# tgtype bits, catalog/pg_trigger.h
_ROW, _BEFORE, _UPDATE = 1, 2, 16
_TSVECTOR = 3614


def trouble(function: Function) -> str:
    """Why it is not known what this function does, in words that follow its name; "" when ``body``
    and ``code`` say all of it. What those lead to is for the caller to follow."""
    code = function.code
    if function.kind == "p":
        return "is a procedure"
    if code is None:
        return "is not PostgreSQL's own"
    if function.kind == "a":
        return "" if code.parts else "is an aggregate of unknown parts"
    unsafe = next((s for s in code.settings if not _is_safe(s)), None)
    if unsafe is not None:
        return f"sets {unsafe.partition('=')[0]}"
    if function.language in ("c", "internal"):
        return "" if harmless(function) or harmless_trigger(function) else "changes something, or may"
    if code.atomic is not None:
        return _atomic(code)
    if code.source is None:
        return "is too long to be read, or not in UTF-8"
    body = read_body(function.language, code.source)
    return body.trouble or next((t for s in body.statements if (t := _of_statement(s))), "")


def body(function: Function) -> Body:
    """What its text runs: nothing for a function that has none."""
    code = function.code
    if code is None or code.atomic is not None or code.source is None or function.language not in LANGUAGES:
        return Body()
    return read_body(function.language, code.source)


def _is_safe(setting: str) -> bool:
    name = setting.partition("=")[0].lower()
    return name in _SETTINGS or name.startswith("enable_")


def _atomic(code: Code) -> str:
    if not code.commands <= {_SELECT, _INSERT} or code.overwrites:
        return "changes rows"
    return ""


def _of_statement(statement: Statement) -> str:
    if statement.trouble:
        return f"cannot be read: {statement.trouble}"
    if statement.kind not in _KINDS or not statement.effects <= _EFFECTS or statement.files:
        effects = sorted(str(e) for e in statement.effects - _EFFECTS)
        return f"does more than read and insert: {', '.join(effects) or statement.kind}"
    return ""


def inserts(code: Code) -> frozenset[int]:
    """Relations that a standard SQL body can add rows to: all that it names, when it adds to one."""
    return code.atomic.relations if code.atomic is not None and _INSERT in code.commands else frozenset()


def also_set(picture: Picture, relation: Relation) -> frozenset[str] | None:
    """Columns that triggers set in a row that is being updated, whatever the statement sets; None: any of them."""
    names: set[str] = set()
    for trigger in relation.triggers:
        if not trigger.enabled or trigger.type & (_ROW | _BEFORE | _UPDATE) != _ROW | _BEFORE | _UPDATE:
            continue
        function = picture.functions.get(trigger.function)
        sets = None if function is None else _sets(function, relation)
        if sets is None or not sets <= {c.name for c in relation.columns}:
            return None
        names |= sets
    for oid in relation.children:
        child = picture.relations.get(oid)
        below = None if child is None else also_set(picture, child)
        if below is None:
            return None
        names |= below
    return frozenset(names)


def _sets(function: Function, relation: Relation) -> frozenset[str] | None:
    if function.builtin:
        # The only ones that change a row are tsvector_update_trigger and its twin.
        return frozenset(c.name for c in relation.columns if c.type == _TSVECTOR or c.type >= FIRST_USER_OID)
    if function.language != "plpgsql" or trouble(function):
        return None
    return body(function).sets
