"""Copy data and long messages: passed on as slices where nothing in them has to be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pgguard.errors import ProtocolViolation
from pgguard.session import judging, talks
from pgguard.session.inbox import Inbox
from pgguard.session.names import key
from pgguard.session.outstanding import Unit
from pgguard.wire import frontend
from pgguard.wire.framing import frame_end, table, walk

if TYPE_CHECKING:
    from pgguard.session.connection import Session

# A message that must be judged is held whole up to this size; what only passes streams from this size on.
LONGEST: Final = 64 * 1024 * 1024
STREAMED: Final = 262_144

# Which messages there are, and how long those are at most that hold no more than a name (postgres.c, SocketBackend).
_LONG: Final = frozenset(b"QPBFd")
_SHORT: Final = frozenset(b"EDCSHXcf")
_SMALL: Final = 10_000

_NOT_DATA = table(bytes(c for c in range(256) if c != 0x64))


def pass_rest(s: Session) -> bool:
    """What is still to come of a message whose beginning was passed on. False: nothing here."""
    inbox = s.inbox
    data = inbox.gathered()
    part = min(s.rest, len(data) - inbox.start)
    if not part:
        return False
    end = inbox.start + part
    s.to_server.append(inbox.piece(end))
    s.rest -= part
    inbox.taken(end)
    return True


def early_copy_data(s: Session, code: int, end: int) -> bool:
    """Copy messages before the server asked for any: it takes them if a COPY is under way, else it ignores them."""
    s.to_server.append(s.inbox.piece(end))
    s.inbox.taken(end)
    last = s.replies.queue[-1] if s.replies.queue else None
    if code != 0x64 and isinstance(last, Unit):
        last.copied, last.early = True, last.synced
    return True


def pass_copy_data(s: Session) -> bool:
    """The server waits for copy data. False: no more of it here, or the end of the connection."""
    inbox = s.inbox
    data = inbox.gathered()
    pos = walk(data, inbox.start, _NOT_DATA, "client")
    end = frame_end(data, pos, "client")
    if end > len(data) and data[pos] == 0x64:
        s.rest = end - len(data)
        pos = len(data)
    if pos > inbox.start:
        s.to_server.append(inbox.piece(pos))
        inbox.taken(pos)
        return True
    if end < 0 or end > len(data):
        return False
    code = data[pos]
    if code in (0x48, 0x53):  # Flush and Sync are ignored by the server in COPY
        inbox.taken(end)
        return True
    if code not in (0x63, 0x66):
        if code not in _LONG and code not in _SHORT:
            raise ProtocolViolation("client", f"unexpected message type 0x{code:02X} during COPY from stdin")
        # The server ends the connection at its first byte (copyfromparse.c, CopyGetData). The COPY may have ended there
        # meanwhile: then it must not run what nobody judged, so there is nothing behind that byte but the end.
        s.to_server.append(bytes([code]) + b"\0\0\0\4" + frontend.TERMINATE)
        s.replies.copying = False
        return last_message(s)
    s.to_server.append(data[pos:end])
    if s.talking:
        s.server.flush()  # the one behind Execute was ignored in COPY, and a conversation waits for the end of it
    inbox.taken(end)
    s.replies.copying = False
    return True


def last_message(s: Session) -> bool:
    """Nothing of the client's is taken any more. False, for there is nothing more to take."""
    s.ended = True
    s.inbox = Inbox()
    return False


def broken_off(s: Session, what: str) -> None:
    """The client broke the protocol: it hears so behind the answers to what it sent before."""
    last_message(s)
    if s.talking:  # over a COPY
        s.refuse_connection("08P01", what)
    else:
        s.begin_talk(talks.broken_off(s, what))


def malformed_query(s: Session, end: int) -> bool:
    """The server answers it with an error of its own."""
    unit = Unit()
    unit.synced = True
    s.replies.queue.append(unit)
    s.to_server.append(frontend.emptied(s.inbox.piece(end), b""))
    s.inbox.taken(end)
    return True


def long_message(s: Session, data: bytes, pos: int, end: int) -> bool:
    """A message that is not whole yet. True: some of it was passed on."""
    size = end - pos
    code = data[pos]
    if code not in _LONG and (size > _SMALL or code not in _SHORT):
        raise ProtocolViolation("client", f"invalid message: type {code}, length {size - 1}")
    if data[pos] == 0x42 and size > STREAMED and not s.segment.slow and _stream_bind(s, data, pos, end):
        return True
    s.inbox.need = size
    if size > LONGEST:
        s.refuse_connection("PGG05", f"a message of {size} bytes is too long to be judged (limit {LONGEST})")
    return False


def _stream_bind(s: Session, data: bytes, pos: int, end: int) -> bool:
    """A long Bind of a statement that passes whatever its parameters are."""
    if data.count(b"\0", pos + 5, pos + 5 + 256) < 2 or s.replies.skipping:
        return False
    if pos == s.inbox.start and s.must_wait():
        return False
    message = frontend.bind(data[pos:])
    prepared = s.names.statement(key(message.statement))
    if prepared is None or not judging.rejudged(s, prepared).fast or s.tx.untrusted:
        return False
    if not s.segment.bind(frontend.Bind(message.portal, message.statement, b"")) or s.segment.slow:
        return False
    if not s.send_segment(len(data), synced=False):
        return False
    s.rest = end - len(data)
    return True
