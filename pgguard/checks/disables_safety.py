"""disables-safety: something that protects rows is switched off.

*Problem*: with triggers, rules, row security or foreign keys off, the next statement does what they forbid.
*Instead*: change the data in a way that they allow, or ask for approval of the statement that switches them off.
*Exceptions*: switching a protection on, and RESET of a setting to its default, are not meant. `DO` and functions that
are being made are searched for the names of the settings; code that puts them together from pieces is not seen.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Setting, Statement

NAME = "disables-safety"

_SUBCOMMANDS = {
    "disable trig": "disables a trigger",
    "disable trig all": "disables every trigger, foreign keys included",
    "disable trig user": "disables every trigger that users made",
    "enable replica trig": "lets a trigger fire on replicas only",
    "disable rule": "disables a rule",
    "enable replica rule": "lets a rule act on replicas only",
    "disable row security": "disables row level security",
    "no force row security": "exempts the owner from row level security",
    "set unlogged": "makes a table lose its rows in a crash",
    "disable event trigger": "disables an event trigger",
}


_SETTINGS = {
    "session_replication_role": ("origin", "disables triggers and foreign keys for the session"),
    "track_counts": ("on", "stops PostgreSQL from counting the rows that change"),
}
_ON = frozenset(("on", "true", "yes", "1", "t", "y"))
_CODE = frozenset(("DoStmt", "CreateFunctionStmt", "AlterFunctionStmt"))


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    says = [_SUBCOMMANDS[command] for command in statement.subcommands if command in _SUBCOMMANDS]
    for setting in (statement.setting, *statement.calls_to_set):
        says.extend(_of_setting(setting) if setting is not None else ())
    if statement.node in _CODE:
        says.extend(f"has code that speaks of {name}" for name in _SETTINGS if name in text.lower())
    if not says:
        return None
    tables = ", ".join(dict.fromkeys(str(write.relation) for write in statement.writes))
    return Finding(NAME, "the statement " + " and ".join(dict.fromkeys(says)) + (f" ({tables})" if tables else ""))


def _of_setting(setting: Setting) -> list[str]:
    # row_security = off hides nothing from a policy: it makes a query fail where one would filter (pg_dump sets it).
    # RESET and SET ... TO DEFAULT go back to what the administrator chose.
    if setting.value is None:
        return []
    value = setting.value.strip().lower()
    safe, says = _SETTINGS.get(setting.name, (value, ""))
    return [] if value == safe or (safe == "on" and value in _ON) else [says]


def stops_counting(statement: Statement) -> bool:
    """Whether a reading behind it, and others in one text, could miss rows that were changed meanwhile."""
    settings = (statement.setting, *statement.calls_to_set)
    return any(setting is not None and setting.name.lower() == "track_counts" for setting in settings)
