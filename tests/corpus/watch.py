"""Each Query of the scripts: what pgguard says of it, what it then does, and where the two disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pgguard.session.judge import Judged
from pgguard.sql.statement import Control, StatementKind
from tests.corpus.relay import Connection
from tests.corpus.state import NEXT_XID_SQL, OWN_XID_SQL, Loss, State, lost, read_state
from tests.corpus.verdicts import Claim, Pictures, claim

# After these nothing is asked in a block: a question there would be the query before which SET TRANSACTION must come.
_QUIET: Final = frozenset({StatementKind.TRANSACTION, StatementKind.SESSION, StatementKind.EMPTY})

READ: Final = "read"
OPAQUE: Final = "of these opaque"
HARMLESS: Final = "judged harmless"
BOUNDED: Final = "proved bounded"
KNOWN: Final = "measured in tables that are known before"
LOCKS: Final = "measured by the locks they hold"
BEHIND: Final = "behind DDL or unread code in one block, measured by their locks"
NAMED: Final = "run by a name (EXECUTE, FETCH)"
BAD: Final = "not readable, an error of the server as well"
UNREAD: Final = "not readable, though the server could read them"
KINDS: Final = (READ, OPAQUE, HARMLESS, BOUNDED, KNOWN, LOCKS, BEHIND, NAMED, BAD, UNREAD)


@dataclass(frozen=True)
class Disagreement:
    """Something was lost that pgguard's word excluded."""

    script: str
    text: str
    said: str
    loss: Loss


@dataclass
class Findings:
    """What a run came to. ``counts`` are of statements, but for the disagreements, which are of whole strings."""

    counts: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # texts that only the server can read
    script: str = ""


class Watch:
    """One connection. Its state is read again whenever something was written."""

    def __init__(self, connection: Connection, pictures: Pictures, findings: Findings) -> None:
        self._connection = connection
        self._pictures = pictures
        self._findings = findings
        self._trusted = True  # no DDL and no unread code in this transaction so far
        self._mark: object = None  # nothing was written since, as long as it is the same
        self._state: State | None = None
        self._known: State | None = None  # the last that was read, however old

    def query(self, text: bytes, run: Callable[[], None]) -> None:
        if self._connection.status == b"E":
            run()
            self._forget()
            self._over()
            return
        said = claim(self._pictures, self._connection.parameters, text, trusted=self._trusted)
        if self._state is None and said.any and not self._is_quiet(said.judged):
            self._look()
        before = self._state
        run()
        self._count(said)
        if _ends_trust(said.judged):
            self._trusted = False
        if self._connection.status == b"T" and self._is_quiet(said.judged):
            if any(s.control is Control.ROLLBACK_TO for s in said.judged.statements):
                self._forget()
            return
        self._compare(said, before)
        self._over()

    def _compare(self, said: Claim, before: State | None) -> None:
        mark = self._marked()
        if mark is not None and mark == self._mark:
            return
        if said.judged.control:
            self._forget()
        self._state = None
        self._look()
        if not said.any or before is None or self._state is None or said.judged.control:
            return  # (what a ROLLBACK takes away again was never there)
        loss = lost(before, self._state)
        broken = _broken(said, loss)
        if broken:
            self._findings.disagreements.append(
                Disagreement(self._findings.script, said.judged.text.decode("utf-8", "replace"), broken, loss)
            )

    def _forget(self) -> None:
        """What a ROLLBACK took back still stands in the counters: they do not say that the catalogs are other ones."""
        self._state = self._known = None

    def _over(self) -> None:
        if self._connection.status == b"I":
            self._pictures.stale = self._pictures.stale or not self._trusted  # committed only now
            self._trusted = True

    def _look(self) -> None:
        if self._connection.status != b"E":
            self._state = read_state(self._connection.ask, self._known, idle=self._connection.status == b"I")
            self._mark = self._marked()
        if self._state is None or self._known is None or self._state.catalogs != self._known.catalogs:
            self._pictures.stale = True
        self._known = self._state or self._known

    def _marked(self) -> object:
        """Of the moment; None when it says nothing: a transaction that has a number may write on under it."""
        if self._connection.status == b"E":
            return None
        own = self._connection.ask(OWN_XID_SQL) if self._connection.status == b"T" else [[None]]
        following = self._connection.ask(NEXT_XID_SQL)
        if own is None or following is None or own[0][0] is not None:
            return None
        return following[0][0]

    def _is_quiet(self, judged: Judged) -> bool:
        return all(s.kind in _QUIET for s in judged.statements)

    def _count(self, said: Claim) -> None:
        judged = said.judged
        if judged.error:
            kind = BAD if self._connection.failed else UNREAD
            if kind == UNREAD:
                self._findings.unread.append(judged.text.decode("utf-8", "replace"))
        elif said.harmless:
            kind = HARMLESS
        elif said.bound is not None:
            kind = BOUNDED
        elif said.relations is not None:
            kind = KNOWN
        elif not self._trusted:
            kind = BEHIND
        elif judged.needs_names:
            kind = NAMED
        else:
            kind = LOCKS
        self._findings.counts[kind] += len(judged.statements)
        self._findings.counts[READ] += 0 if judged.error else len(judged.statements)
        self._findings.counts[OPAQUE] += sum(
            s.kind is StatementKind.OPAQUE and not judged.error for s in judged.statements
        )


def _ends_trust(judged: Judged) -> bool:
    return judged.opaque or judged.changes_objects


def _broken(said: Claim, loss: Loss) -> str:
    """Which word of pgguard's the loss breaks; "" when none."""
    if said.harmless:
        return "harmless" if loss else ""
    if said.bound is not None:
        rows = sum(loss.rows.values())
        return f"at most {said.bound} rows" if rows > said.bound or loss.gone or loss.emptied else ""
    others = [table for table in loss.rows if int(table.split()[0]) not in (said.relations or ())]
    return "rows are changed in known tables only" if others else ""
