"""What a session is and how it is set: asked once before the first ReadyForQuery, and confirmed by every reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pgguard.errors import ProtocolViolation
from pgguard.evidence.envelope import PREFIX, Row, array, equal, opened, sealed

SETTINGS = ("token", "reason", "wait", "dry_run", "environment", "report")

# Those of earlier transactions ran their queries when these committed. The comparison is of one clock's values.
_HOLDABLE = (
    "pg_catalog.array_to_json(ARRAY(SELECT p.statement FROM pg_catalog.pg_cursor() p WHERE p.is_holdable"
    " AND p.creation_time OPERATOR(pg_catalog.>=) pg_catalog.transaction_timestamp()))"
)
STATE: tuple[str, ...] = (
    _HOLDABLE,
    "CURRENT_USER",
    *(
        f"pg_catalog.current_setting('{name}')"
        for name in ("search_path", "session_replication_role", "standard_conforming_strings", "track_counts")
    ),
    *(f"pg_catalog.current_setting('pgguard.{name}', true)" for name in SETTINGS),
)

# Not run while it is "origin".
_ROLE = "'session_replication_role'::pg_catalog.text"
_SOURCE = (
    "(SELECT s.source FROM pg_catalog.pg_show_all_settings() s"
    f" WHERE pg_catalog.current_setting({_ROLE}) OPERATOR(pg_catalog.<>) 'origin'::pg_catalog.text"
    f" AND {equal('s.name', _ROLE)})"
)
# No two servers were started in the same microsecond: a clone has the identifier of the original, and not this.
STARTED = "pg_catalog.encode(pg_catalog.timestamptz_send(pg_catalog.pg_postmaster_start_time()), 'hex')"
_FACTS = (
    "SESSION_USER",
    "pg_catalog.current_database()",
    "(SELECT d.oid FROM pg_catalog.pg_database d WHERE "
    + equal("d.datname", "pg_catalog.current_database()")
    + ")",
    "pg_catalog.pg_backend_pid()",
    "pg_catalog.current_setting('server_version_num')",
    "pg_catalog.pg_is_in_recovery()",
    "pg_catalog.current_setting('client_encoding')",
    "pg_catalog.current_setting('client_min_messages')",
    "(SELECT c.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() c)",
    STARTED,
    _SOURCE,
)
SESSION_SQL = f"{PREFIX}SELECT {sealed(array(*_FACTS, array(*STATE)))}"


@dataclass(frozen=True, slots=True)
class SessionState:
    """The settings that change what a statement means, and the client's own pgguard.* settings (only those set)."""

    holdable: tuple[str, ...] = ()
    current_user: str = ""
    search_path: str = ""
    session_replication_role: str = "origin"
    standard_conforming_strings: bool = True
    track_counts: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What does not change while the connection lasts, and the state it begins with."""

    session_user: str
    database: str
    database_oid: int
    backend_pid: int
    server_version_num: int
    in_recovery: bool
    client_encoding: str
    client_min_messages: str
    system_identifier: str  # of the server that this very connection has reached
    server_started: str  # when that was, as STARTED writes it
    replication_source: str | None  # of session_replication_role, in the words of pg_settings; None while it is origin
    state: SessionState

    @property
    def chose_replication(self) -> bool:
        """Whether it was the client itself, as it connected or later, who switched triggers and foreign keys off."""
        return self.replication_source in ("client", "session", "interactive")

    @property
    def hears_notices(self) -> bool:
        return self.client_min_messages not in ("warning", "error")


def is_on(value: str | None) -> bool:
    """Whether a pgguard.* setting is switched on, in PostgreSQL's words for it."""
    return value is not None and value.strip().lower() in ("on", "true", "yes", "1", "t", "y")


def parse_state(values: Sequence[Any]) -> SessionState:
    """The values of STATE, in its order."""
    if len(values) != len(STATE):
        raise ProtocolViolation("server", "the session's settings are not complete")
    holdable, user, path, role, strings, counting, *ours = values
    return SessionState(
        holdable=tuple(holdable),
        current_user=user,
        search_path=path,
        session_replication_role=role,
        standard_conforming_strings=strings == "on",
        track_counts=counting == "on",
        # A custom setting that was only set in a transaction reads as '' after it, not as NULL.
        settings={name: value for name, value in zip(SETTINGS, ours, strict=True) if value},
    )


def parse_session(rows: Sequence[Row]) -> SessionFacts:
    """The answer to SESSION_SQL. Raises ProtocolViolation when it is not exactly that."""
    match opened(rows):
        case [[str(user), str(database), oid, int(pid), str(version), bool(recovering), str(encoding), str(least),
               str(identifier), str(started), str() | None as source, list(state)]]:  # fmt: skip
            return SessionFacts(
                user, database, int(oid), pid, int(version), recovering, encoding, least, identifier, started,
                source, parse_state(state),
            )  # fmt: skip
    raise ProtocolViolation("server", "the session's facts are not complete")
