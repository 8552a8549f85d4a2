"""Names and unread code, which can EXECUTE the client's transaction statements and give any name to other text.

So in front of it the server is made to forget named transaction statements: a COMMIT inside a function would commit
what nobody has judged yet. And behind it each name is given back what the client parsed, in front of its next Bind.
Drivers that keep their BEGIN and COMMIT prepared notice nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from pgguard.session import judging
from pgguard.session.names import Prepared
from pgguard.session.outstanding import SWALLOW, NameChange
from pgguard.sql.tokens import without_token
from pgguard.wire import frontend

if TYPE_CHECKING:
    from pgguard.session.connection import Session


def put_away(s: Session) -> None:
    """Unread code is about to run, and its message is the next one that goes out."""
    if s.world.observe:
        return  # nothing is refused, and nothing is inserted
    for name in s.names.close_controls():
        s.server.step(frontend.encode_close(b"S", name), SWALLOW)


def believed(s: Session, name: bytes) -> Generator[None, None, Prepared | None]:
    """What ``name`` stands for, which is about to be bound: if that is not known any more, it is parsed again. Should
    that fail, as a Bind of it would have, the client is told."""
    prepared = s.names.statement(name)
    if prepared is None or not prepared.lost or prepared.judged.error:
        return prepared
    text, types = prepared.text, prepared.param_types
    fresh = Prepared(text, types, judging.judged(s, text, types, prepared.judged.read), s.desk.version)
    s.names.batch[name] = fresh
    s.server.step(frontend.encode_close(b"S", name), SWALLOW)
    step = s.server.step(frontend.encode_parse(name, without_token(text), types), SWALLOW, NameChange(name, fresh))
    s.server.flush()
    yield None
    if step.error:
        s.to_client.append(step.error)
    return fresh
