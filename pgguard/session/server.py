"""What pgguard itself says to the server between the client's messages: hidden queries, BEGIN, COMMIT, ROLLBACK.

Hidden queries are Parse, Bind, Execute, Close, Close under fresh random names and are gone at once: a client can
replace or drop any name that it can guess, and a hidden simple Query would destroy its unnamed statement. Beside a
client's own Query, which destroys it all the same, they have no names: that is less work for the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pgguard.evidence.reading import FLUSH_SQL
from pgguard.session.outstanding import HOLD, RELAY, SWALLOW, NameChange, Step
from pgguard.session.replies import Replies
from pgguard.wire import frontend

_UNNAMED_BIND = frontend.encode_bind(b"", b"") + frontend.encode_execute(b"")


class Server:
    """The way to the server. ``dirty``: PostgreSQL's counters of this backend may not stand at zero. ``beside_query``:
    the client's message that is being carried out is a Query."""

    def __init__(self, replies: Replies, to_server: list[bytes], fresh: Callable[[], bytes]) -> None:
        self.replies = replies
        self.to_server = to_server
        self._fresh = fresh
        self.dirty = True
        self.beside_query = False

    def fresh_name(self) -> bytes:
        """A name that nobody can guess."""
        return b"pgguard_" + self._fresh()

    def step(self, message: bytes, sink: int, change: NameChange | None = None) -> Step:
        """Send one message of the client's or of ours and wait for its reply by itself."""
        return self._step_of(message, Step(message[0], sink, change))

    def relay(self, message: bytes, change: NameChange | None = None) -> Step:
        return self.step(message, RELAY, change)

    def held(self, message: bytes) -> Step:
        return self.step(message, HOLD)

    def own_query(self, text: bytes) -> Step:
        """A Query of ours. It destroys the client's unnamed statement, as the client's own Query beside it does."""
        return self.step(frontend.encode_query(text), SWALLOW)

    def hidden(self, sql: bytes, *, sync: bool) -> Step:
        """``sync``: at idle or in a block, with a Sync of its own; else the caller sees to one, or to a Flush."""
        if self.beside_query:
            if sync:
                return self.own_query(sql)
            return self._step_of(frontend.encode_parse(b"", sql) + _UNNAMED_BIND, Step(0x45, SWALLOW))
        name = self.fresh_name()
        messages = (
            frontend.encode_parse(name, sql) + frontend.encode_bind(name, name) + frontend.encode_execute(name)
            + frontend.encode_close(b"P", name) + frontend.encode_close(b"S", name)
        )  # fmt: skip
        step = self._step_of(messages, Step(0x43, SWALLOW, left=2))
        if sync:
            self.sync()
        return step

    def _step_of(self, messages: bytes, step: Step) -> Step:
        if self.replies.step_error and step.code != 0x53 and not any(one.code == 0x53 for one in self._steps()):
            step.skipped = step.done = True  # the server passes over everything up to the Sync
            return step
        self.replies.queue.append(step)
        self.to_server.append(messages)
        return step

    def _steps(self) -> Iterator[Step]:
        return (entry for entry in self.replies.queue if isinstance(entry, Step))

    def deferred(self, step: Step) -> Step:
        """``step`` is ours and makes deferred triggers of the client's run: what they say is for the client."""
        step.tells = True
        return step

    def sync(self) -> Step:
        """A Sync of ours; its ReadyForQuery is swallowed."""
        return self.step(frontend.SYNC, SWALLOW)

    def flush(self) -> None:
        self.to_server.append(frontend.FLUSH)

    def batch_failed(self) -> bool:
        """Whether the server reported an error since the last Sync: it passes over everything up to the next."""
        return self.replies.step_error

    def zero_counters(self) -> None:
        """At idle only: makes every baseline of the next reading zero (FACTS F3)."""
        if self.dirty:
            self.hidden(FLUSH_SQL.encode(), sync=True)
            self.dirty = False

    def forget_failure(self) -> None:
        """A Sync was answered."""
        self.replies.step_error = False

    def must_fail(self, why: str) -> Step:
        """Make the server itself fail inside the transaction, with our reason in its log (FACTS, fact 20)."""
        words = "".join(c if c.isprintable() and c.isascii() and c not in "*/" else "?" for c in why)
        return self.step(frontend.encode_parse(self.fresh_name(), f"/* pgguard: {words} */ refused".encode()), SWALLOW)
