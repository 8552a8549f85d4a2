"""renames: something gets another name or another schema.

*Problem*: programs that run use the old name and fail from this moment on.
*Instead*: add the new name beside the old one (a view over the table, a second column), move programs over, then drop
the old one.
*Exceptions*: names that no program uses: of constraints, indexes, triggers, policies, rules, statistics.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Statement

NAME = "renames"

_UNUSED = frozenset(
    """
    tabconstraint domconstraint index trigger policy rule statistics conversion collation language publication
    tablespace
    """.split()
)
_SPELLED = {"attribute": "a field of a type", "value": "a value of an enum type"}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    if "set schema" in statement.subcommands:
        return Finding(NAME, "the statement moves an object to another schema")
    kinds = [command.removeprefix("rename ") for command in statement.subcommands if command.startswith("rename ")]
    if not kinds or kinds[0] in _UNUSED:
        return None
    tables = ", ".join(str(write.relation) for write in statement.writes)
    what = _SPELLED.get(kinds[0], f"a {kinds[0]}")
    return Finding(NAME, f"the statement renames {what}" + (f" ({tables})" if tables else ""))
