"""What a statement is and what it names, as plain data: the vocabulary between reading and judging."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class StatementKind(StrEnum):
    """What somebody would call the statement. ``OPAQUE`` is everything that was not understood."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    TRUNCATE = "truncate"
    COPY = "copy"
    CREATE = "create"
    ALTER = "alter"
    DROP = "drop"
    COMMENT = "comment"
    GRANT = "grant"  # GRANT and REVOKE, on objects or of roles; ALTER DEFAULT PRIVILEGES
    ROLE = "role"  # CREATE, ALTER, DROP ROLE; REASSIGN OWNED, DROP OWNED; ALTER ROLE SET
    TRANSACTION = "transaction"
    SESSION = "session"  # SET, RESET, SHOW, DISCARD, LISTEN, NOTIFY, SET CONSTRAINTS ...
    PREPARE = "prepare"
    EXECUTE = "execute"
    DEALLOCATE = "deallocate"
    CURSOR = "cursor"  # DECLARE, FETCH, MOVE, CLOSE
    EXPLAIN = "explain"
    LOCK = "lock"
    DO = "do"
    CALL = "call"
    MAINTENANCE = "maintenance"  # VACUUM, ANALYZE, REINDEX, CLUSTER, REFRESH, CHECKPOINT
    SERVER = "server"  # CREATE/DROP DATABASE, TABLESPACE, ALTER SYSTEM, LOAD, subscriptions ...
    EMPTY = "empty"
    OPAQUE = "opaque"


class Effect(StrEnum):
    """What a statement does by its text alone, everything inside it included; docs/policy says what it can destroy."""

    READ = "read"
    SESSION = "session"
    TRANSACTION = "transaction"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    CREATE = "create"  # a new object
    ADD = "add"  # a new part of an object: column, constraint, enum value
    ALTER = "alter"  # anything that changes an object and is not proved to be ADD
    DROP = "drop"
    TRUNCATE = "truncate"
    GRANT = "grant"
    SERVER = "server"
    OPAQUE = "opaque"


class Control(StrEnum):
    """The transaction statements, one name each."""

    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    SAVEPOINT = "savepoint"
    RELEASE = "release"
    ROLLBACK_TO = "rollback to"
    PREPARE = "prepare transaction"
    COMMIT_PREPARED = "commit prepared"
    ROLLBACK_PREPARED = "rollback prepared"


@dataclass(frozen=True, slots=True)
class Name:
    """A possibly qualified name as the text has it, case already folded. ``schema`` None: found by search_path."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Value:
    """One side of a key comparison. ``type``: 'param', or the literal's own 'integer', 'numeric', 'string', 'boolean';
    or the name of a pg_catalog type that a constant is cast to ('int8', 'uuid' ...)."""

    type: str
    param: int = 0  # the number in $n, for 'param'


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """``column = value`` or ``column IN (values)``, AND-ed at the top of a WHERE, with the plain unqualified ``=``."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One relation that the text itself changes. ``columns``: what an UPDATE sets. ``only``: ONLY was written."""

    relation: Name
    effect: Effect
    columns: tuple[str, ...] = ()
    only: bool = False


@dataclass(frozen=True, slots=True)
class DropTarget:
    """One object named by DROP. ``kind`` as policies write it: table, view, index, function, schema, role ..."""

    kind: str
    name: Name


@dataclass(frozen=True, slots=True)
class Setting:
    """SET, RESET or SET LOCAL. ``value`` None: reset to default. ``name`` 'all': RESET ALL, DISCARD ALL."""

    name: str
    value: str | None
    local: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text. Offsets are bytes in the UTF-8 text that was read; two statements that differ in
    nothing but where they stand are equal."""

    kind: StatementKind
    effects: frozenset[Effect]
    node: str  # libpg_query's node name, "DeleteStmt"; "" when the text could not be read
    start: int = field(compare=False)
    length: int = field(compare=False)
    reads: tuple[Name, ...] = ()  # every relation named anywhere that is not a target (CTE names left out)
    writes: tuple[Write, ...] = ()  # every relation changed anywhere in it, CTEs included
    calls: tuple[Name, ...] = ()  # every function called by name, anywhere
    operators: tuple[Name, ...] = ()  # every operator named, anywhere
    types: tuple[Name, ...] = ()  # every type named in a cast, column definition or PREPARE
    columns: tuple[str, ...] = ()  # every plain column reference's last name (``w.full_name`` can be a call)
    drops: tuple[DropTarget, ...] = ()
    key_terms: tuple[KeyTerm, ...] | None = None  # of a lone UPDATE or DELETE; None: not the shape of the proof
    has_where: bool = True  # False: an UPDATE or DELETE (also inside a CTE) that has none
    control: Control | None = None
    chain: bool = False  # COMMIT or ROLLBACK AND CHAIN
    name: str = ""  # of a savepoint, prepared statement, cursor, or the gid of a two-phase transaction
    setting: Setting | None = None
    calls_to_set: tuple[Setting, ...] = ()  # set_config with plain literals, anywhere in it
    inner: tuple[Statement, ...] = ()  # what EXPLAIN, PREPARE, DECLARE, COPY (query), CREATE TABLE AS carry
    outside_block: bool = False  # PostgreSQL refuses it inside a transaction block (VACUUM, CREATE DATABASE ...)
    temporary: bool = False  # it makes a temporary relation, and nothing that another session could see
    copy_in: bool = False  # COPY ... FROM STDIN: the client will be asked for data
    files: bool = False  # reads or writes server files or runs programs (COPY PROGRAM, COPY 'file')
    with_hold: bool = False  # DECLARE ... WITH HOLD
    excludes: bool = False  # LOCK in a mode for which ordinary reads or writes would wait
    # Parameters that occur more than once: another use can decide the type of $n. None: they were not counted.
    reused_params: frozenset[int] | None = None
    trouble: str = ""  # why it is OPAQUE, in words
    subcommands: tuple[str, ...] = ()  # of ALTER: "drop column", "disable trig user", "rename table" ...
    details: tuple[str, ...] = ()  # forms that block a table in use: "create index", "column stored" ... (blocking)


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as libpg_query reads it. ``statements`` is empty for an empty text. ``error`` is set when it could not
    be read; ``statements`` is then one OPAQUE statement that spans the text. ``digest`` and ``always_true`` (what
    ``tokens`` and ``predicate`` say of the text) are there when it was read elsewhere."""

    statements: tuple[Statement, ...]
    error: str = ""
    digest: str = ""
    always_true: tuple[str, ...] = ()
