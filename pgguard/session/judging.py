"""What is to be said of a text, a prepared statement or a name in one session, as its settings and names are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.session.judge import Judged, judge, opaque, prepared_by, with_names
from pgguard.session.settings import as_utf8

if TYPE_CHECKING:
    from pgguard.session.connection import Session
    from pgguard.session.names import Portal, Prepared


def judged(s: Session, text: bytes, param_types: tuple[int, ...] = ()) -> Judged:
    """Of a text; names in it are not filled in yet (``meant``)."""
    if s.desk.silent:
        return s.settings.free(s.desk, text)
    trouble = s.settings.lexing_trouble(s.replies.parameters, text)
    if trouble:
        return opaque(s.desk, text, trouble)
    if not text.isascii():
        text = as_utf8(s.replies.parameters, text)
    s.world.used = True
    return judge(s.desk, s.world.picture, text, param_types)


def meant(s: Session, found: Judged) -> Judged:
    """The same with the names in it filled in."""
    if not found.needs_names:
        return found
    return with_names(s.desk, found, s.names, lambda prepared: rejudged(s, prepared))


def rejudged(s: Session, prepared: Prepared) -> Judged:
    """Of a statement parsed earlier, today."""
    stale = prepared.version != s.desk.version and prepared.version >= 0
    if stale and not prepared.judged.error:  # what could not be read then was read by the server as it was then
        if prepared.by_sql and not s.desk.silent:
            prepared.judged = prepared_by(s.desk, s.world.picture, prepared.text)
        else:
            prepared.judged = judged(s, prepared.text, prepared.param_types)
        prepared.version = s.desk.version
    return meant(s, prepared.judged)


def running(s: Session, portal: Portal) -> Judged:
    """Of a portal that is about to run: the catalog, or a name in it, can be another one since its Bind."""
    if s.desk.version != s.world.version:
        s.desk = s.world.desk(s.desk.caller)
    return meant(s, portal.judged) if portal.prepared is None else rejudged(s, portal.prepared)


def unknown(s: Session, what: str) -> Judged:
    """Of a name of which nothing is known."""
    if s.desk.silent:
        return s.settings.free(s.desk, b"")
    return opaque(s.desk, b"", f"this {what} was not seen being made")
