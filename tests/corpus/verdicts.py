"""What pgguard says of a text before it runs: by its own reader, its proofs, and the picture of that moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from pgguard.catalog.build import build
from pgguard.catalog.picture import Picture
from pgguard.catalog.proof import Bounded, Harmless
from pgguard.catalog.queries import FINGERPRINT_SQL, QUERIES
from pgguard.policy.load import load
from pgguard.policy.verdict import Caller
from pgguard.session.judge import Judged, judge, opaque
from pgguard.session.settings import Settings, as_utf8
from pgguard.session.world import World
from pgguard.sql.statement import StatementKind
from tests.regress.stand import OPEN

_WITHOUT_PICTURE: Final = frozenset({
    StatementKind.TRANSACTION, StatementKind.SESSION, StatementKind.EMPTY, StatementKind.DO, StatementKind.CALL,
    StatementKind.GRANT, StatementKind.ROLE, StatementKind.SERVER, StatementKind.DEALLOCATE,
})  # fmt: skip


@dataclass
class Claim:
    """What pgguard would have relied on. ``harmless``: nothing is lost. ``bound``: at most so many rows are.
    ``relations``: rows are lost in no others. All None or False: it would have been measured by its locks."""

    judged: Judged
    harmless: bool = False
    bound: int | None = None
    relations: frozenset[int] | None = None

    @property
    def any(self) -> bool:
        return self.harmless or self.bound is not None or self.relations is not None


@dataclass
class Pictures:
    """The picture of one database, read again when its fingerprint is another one."""

    connection: psycopg.Connection[Any]
    world: World = field(init=False)
    stale: bool = True
    read: int = 0
    _fingerprint: str = ""

    def __post_init__(self) -> None:
        self.world = World(load(OPEN), server="corpus/1", observe=False)

    def current(self) -> Picture:
        picture = self.world.picture
        if not self.stale and picture is not None:
            return picture
        self.stale = False
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            fingerprint = self._rows(FINGERPRINT_SQL)[0][0]
            if picture is None or fingerprint != self._fingerprint:
                rows = {name: self._rows(sql) for name, sql in QUERIES.items()}
                picture = build(rows, self.connection.info.server_version, self.connection.info.dbname, 1)
                self.world.set_picture(picture)
                self._fingerprint = fingerprint
                self.read += 1
        assert picture is not None
        return picture

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode()).fetchall()


def claim(pictures: Pictures, parameters: dict[str, str], text: bytes, *, trusted: bool) -> Claim:
    """``trusted``: neither DDL nor unread code ran in the transaction before."""
    caller = Caller("corpus", "regression")
    trouble = Settings(caller).lexing_trouble(parameters, text)
    if trouble:
        return Claim(opaque(pictures.world.desk(caller), text, trouble))
    text = text if text.isascii() else as_utf8(parameters, text)
    picture = pictures.world.picture
    judged = judge(pictures.world.desk(caller), picture, text) if picture is not None else None
    if judged is None or not all(s.kind in _WITHOUT_PICTURE for s in judged.statements):
        picture = pictures.current()
        judged = judge(pictures.world.desk(caller), picture, text)
    if judged.needs_names or not trusted:
        return Claim(judged)
    if all(isinstance(proof, Harmless) for proof in judged.proofs):
        return Claim(judged, harmless=True)
    if judged.proved:
        return Claim(judged, bound=sum(p.rows for p in judged.proofs if isinstance(p, Bounded)))
    return Claim(judged, relations=judged.relations if len(judged.statements) == 1 else None)
