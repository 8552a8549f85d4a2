"""What the names in a text stand for in this session: prepared statements and portals that it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pgguard.catalog.proof import Harmless, Unproved
from pgguard.session.judge import Judged, assemble, ends_trust, named, renames
from pgguard.sql.statement import Statement, StatementKind

if TYPE_CHECKING:
    from pgguard.session.names import Names, Prepared
    from pgguard.session.world import Desk


def with_names(desk: Desk, judged: Judged, names: Names, now: Callable[[Prepared], Judged]) -> Judged:
    """The same text with what its names stand for in this session filled in; an unknown name is opaque. ``now``: what
    is said today of a statement that was prepared earlier."""
    proofs = list(judged.proofs)
    findings = list(judged.findings)
    statements = list(judged.statements)
    meaning: list[bytes] = []
    renamed = False  # by an earlier statement of the same text
    for at, statement in enumerate(judged.statements):
        known = not renamed
        renamed = renamed or renames(statement) or ends_trust(proofs[at])
        if not named(statement):
            continue
        meant = _meant(statement, names, now) if known else None
        if meant is not None:
            meaning.append(meant.text)
        if meant is not None and not statement.inner:
            statements[at] = replace(statement, inner=meant.statements)  # rules speak of what it runs
        if meant is None:
            proofs[at] = Unproved(f"what {statement.name or 'it'} stands for is not known")
        elif statement.kind in (StatementKind.EXECUTE, StatementKind.CURSOR):
            proofs[at] = meant.proofs[0] if len(meant.proofs) == 1 else Unproved("several statements under one name")
            findings.extend(f for f in meant.findings if f not in findings)
        elif not (isinstance(meant.proofs[0], Harmless) and isinstance(proofs[at], Harmless)):
            proofs[at] = Unproved(f"it runs {statement.name or 'a prepared statement'}")
    whole = assemble(
        desk.world.policy, desk.caller, judged.text, tuple(statements), tuple(proofs),
        findings=tuple(findings), error=judged.error,
    )  # fmt: skip
    return replace(whole, needs_names=True, meaning=b"; ".join(meaning), read=judged.read)


def _meant(statement: Statement, names: Names, now: Callable[[Prepared], Judged]) -> Judged | None:
    if statement.kind is StatementKind.EXECUTE:
        prepared = names.statement(identifier(statement.name))
        if prepared is None or prepared.lost or prepared.judged.control:
            return None  # FAIL CLOSED: EXECUTE of a COMMIT that Parse made commits, at the end of the whole text
        return now(prepared)
    if statement.node == "FetchStmt":
        portal = names.portals.get(identifier(statement.name))
        return portal.judged if portal else None
    for inner in statement.inner:
        found = _meant(inner, names, now)
        if found is not None:
            return found
    return None


def identifier(name: str) -> bytes:
    """A name of SQL text as the server keeps it: at most 63 bytes, and no half of a character at the end."""
    return name.encode()[:63].decode("utf-8", "ignore").encode()
