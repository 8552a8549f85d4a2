"""changes-roles: who may do what is changed.

*Problem*: a GRANT, a new role or another password can make its author, or anybody, somebody who may approve.
*Instead*: let the people who own the roles do it, or ask for approval.
*Exceptions*: none; SET ROLE changes no role and is not meant.
"""

from __future__ import annotations

from pgguard.checks.finding import Finding
from pgguard.sql.statement import Effect, Statement, StatementKind

NAME = "changes-roles"

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
    return Finding(NAME, _SAYS.get("AlterOwnerStmt" if changes_owner else statement.node, "a role is changed"))
