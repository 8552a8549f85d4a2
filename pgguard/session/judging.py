"""What is to be said of a text, a prepared statement or a name in one session, as its settings and names are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import MalformedMessage
from pgguard.session.judge import Judged, judge, opaque, prepared_by, with_values
from pgguard.session.meaning import with_names
from pgguard.session.settings import as_utf8
from pgguard.sql.limits import short
from pgguard.sql.read import unread
from pgguard.sql.statement import Name, ReadText
from pgguard.wire import frontend

if TYPE_CHECKING:
    from pgguard.session.connection import Session
    from pgguard.session.names import Portal, Prepared


def _nobody_speaks(s: Session, text: bytes) -> bool:
    """No rule speaks of the caller, and it does not want to try what it writes (``dry_run``)."""
    return s.desk.silent and not s.settings.dry_run and b"dry_run" not in text


def to_be_read(s: Session, text: bytes) -> bytes | None:
    """What has to be asked for before ``text`` can be judged; None: nothing."""
    if len(text) <= 1024 or _nobody_speaks(s, text):
        return None
    if s.settings.lexing_trouble(s.replies.parameters, text):
        return None
    if not text.isascii():
        text = as_utf8(s.replies.parameters, text)
    return text if not short(text) and _known(s, text) is None else None


def long_parse(s: Session, message: bytes) -> bytes | None:
    """The text of a Parse when it has to be read elsewhere first."""
    try:
        text = frontend.parse(message).text
    except MalformedMessage:
        return None
    return text if to_be_read(s, text) is not None else None


def was_read(s: Session, text: bytes, found: ReadText | None, why: str) -> None:
    """The answer. Without one the text is opaque to this session, and is asked for again by others."""
    if found is not None:
        s.world.texts.keep(text, found)
    s.read.append((text, found or unread(text, f"the text could not be read: {why}")))


def _known(s: Session, text: bytes) -> ReadText | None:
    for known, found in s.read:
        if known == text:
            return found
    return s.world.texts.find(text)


def judged(s: Session, text: bytes, param_types: tuple[int, ...] = (), found: ReadText | None = None) -> Judged:
    """Of a text; names in it are not filled in yet (``meant``). ``found``: what was read of it, if it is long."""
    if _nobody_speaks(s, text):
        return s.settings.free(s.desk, text)
    trouble = s.settings.lexing_trouble(s.replies.parameters, text)
    if trouble:
        return opaque(s.desk, text, trouble)
    if not text.isascii():
        text = as_utf8(s.replies.parameters, text)
    s.world.used = True
    if found is None and len(text) > 1024 and not short(text):
        found = _known(s, text) or unread(text, "the text was not read")  # FAIL CLOSED: nobody asked for it
    return judge(s.desk, s.world.picture, text, param_types, found)


def meant(s: Session, found: Judged) -> Judged:
    """The same with the names in it filled in."""
    if not found.needs_names:
        return found
    return with_names(s.desk, found, s.names, lambda prepared: rejudged(s, prepared))


def bound(s: Session, prepared: Prepared | None, params: bytes) -> Judged:
    """Of what a Bind binds."""
    return rejudged(s, prepared, params) if prepared is not None else unknown(s, "prepared statement")


def rejudged(s: Session, prepared: Prepared, params: bytes = b"") -> Judged:
    """Of a statement parsed earlier, today, and of the values that a Bind gives it."""
    if prepared.lost:
        return prepared.judged
    stale = prepared.version != s.desk.version or (s.settings.dry_run and s.desk.silent)  # nobody has read it
    if stale and not prepared.judged.error:  # what could not be read then was read by the server as it was then
        if prepared.by_sql and not s.desk.silent:
            prepared.judged = prepared_by(s.desk, s.world.picture, prepared.text, prepared.judged.read)
        else:
            prepared.judged = judged(s, prepared.text, prepared.param_types, prepared.judged.read)
        prepared.version = s.desk.version
    found = meant(s, prepared.judged)
    return with_values(s.desk, s.world.picture, found, params) if params and s.desk.values_matter else found


def running(s: Session, portal: Portal) -> Judged:
    """Of a portal that is about to run: the catalog, or a name in it, can be another one since its Bind."""
    if s.desk.version != s.world.version:
        s.desk = s.world.desk(s.desk.caller)
    return meant(s, portal.judged) if portal.prepared is None else rejudged(s, portal.prepared, portal.params)


def called(s: Session, oid: int) -> Judged:
    """Of a FunctionCall: of its function only those are known that do what no ROLLBACK takes back."""
    words = b"FunctionCall of function %d" % oid
    if s.desk.silent:
        return s.settings.free(s.desk, words)
    function = s.world.picture.functions.get(oid) if s.world.picture is not None else None
    return opaque(s.desk, words, "FunctionCall", calls=(Name(function.name),) if function is not None else ())


def unknown(s: Session, what: str) -> Judged:
    """Of a name of which nothing is known."""
    if _nobody_speaks(s, b""):
        return s.settings.free(s.desk, b"")
    return opaque(s.desk, b"", f"this {what} was not seen being made")
