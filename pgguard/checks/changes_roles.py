"""changes-roles: who may do what is changed.

*Problem*: a GRANT, a new role or another password can make its author, or anybody, somebody who may approve.
*Instead*: let the people who own the roles do it, or ask for approval.
*Exceptions*: SET ROLE changes no role and is not meant. Where the statement is measured, nor is a GRANT on an object
that the same transaction made, or an OWNER TO whoever owns it already, as pg_restore says it of everything.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Effect, Statement, StatementKind

NAME = "changes-roles"

# Those whose owners, or privileges, the catalog query does not compare.
_OWNERS = frozenset({"change owner", "owner of function", "owner of type", "owner of schema"})
_NOT_COMPARED = "grant on parameter acl"

_SAYS = {
    "GrantStmt": "privileges on objects are granted or revoked",
    "GrantRoleStmt": "membership in a role is granted or revoked",
    "AlterDefaultPrivilegesStmt": "privileges on objects to come are granted or revoked",
    "CreateRoleStmt": "a role is created",
    "DropRoleStmt": "a role is dropped",
    "AlterRoleSetStmt": "a setting of a role is changed",
    "ReassignOwnedStmt": "everything that a role owns changes its owner",
    "DropOwnedStmt": "everything that a role owns is dropped, and its privileges are revoked",
    "AlterOwnerStmt": "an object changes its owner",
}


def find(statement: Statement, text: str, reaches_user_code: bool) -> Finding | None:
    changes_owner = statement.node == "AlterOwnerStmt" or "change owner" in statement.subcommands
    roles = statement.kind in (StatementKind.GRANT, StatementKind.ROLE) or Effect.GRANT in statement.effects
    if not roles and not changes_owner:
        return None
    words = statement.subcommands
    of_old_objects = statement.node == "GrantStmt" and _NOT_COMPARED not in words
    return Finding(
        NAME,
        _SAYS.get("AlterOwnerStmt" if changes_owner else statement.node, "a role is changed"),
        catalog=of_old_objects or (changes_owner and not _OWNERS.isdisjoint(words)),
    )
