"""A tiny PostgreSQL of the protocol: messages in, messages out, with the commit points that real servers have.

States: no transaction, one opened by extended messages or a Query (implicit), a block, a failed block. Output waits for
Flush, Sync, an error or a CopyInResponse, as in PostgreSQL. ``violations`` collects what no proxy may ever do to a
server; the tests of the session demand that it stays empty.
"""

from __future__ import annotations

import re
import struct

from pgguard.errors import MalformedMessage
from pgguard.evidence.envelope import PREFIX
from pgguard.wire import frontend
from pgguard.wire.framing import frame_end
from tests.session import model_answers
from tests.session.model_control import control
from tests.session.model_database import Database, PgError
from tests.session.model_messages import Portal, Prepared, data_row, error, message, parameters, row_description

TWO_COMMANDS = "cannot insert multiple commands into a prepared statement"


def split(text: str) -> list[str]:
    return [part.strip() for part in re.sub(r"/\*.*?\*/", "", text).split(";") if part.strip()]


class ModelServer:
    """Feed it with ``receive``; ``sent`` is what has left its buffer."""

    def __init__(self) -> None:
        self.db = Database()
        self.block = ""  # "": none, "implicit", "block", "failed"
        self.executed = False  # an Execute ended since the last Sync: VACUUM would not be the first
        self.statements: dict[bytes, Prepared] = {}
        self.portals: dict[bytes, Portal] = {}
        self.parameters: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.sent = bytearray()
        self.skipping = False
        self.dead = False
        self.copying: str | None = None  # the table
        self.several = False  # within a Query of several statements
        self.violations: list[str] = []
        self.seen: list[bytes] = []  # every message, in order
        self.planned = False  # user code ran at a Bind whose Execute is to come
        self.cancel_at = -1  # the n-th message is hit by a cancel
        self._copy_extended = False
        self._rest: list[str] = []  # statements of the Query behind a COPY
        self._buffer = bytearray()
        self._in = b""

    # -- bytes -------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._in += data
        while not self.dead and 0 < (end := frame_end(self._in, 0, "client")) <= len(self._in):
            one, self._in = self._in[:end], self._in[end:]
            self._one(one)

    def lose(self) -> None:
        """The connection is gone."""
        self.dead = True
        self.db.roll_back()

    @property
    def status(self) -> bytes:
        return {"block": b"T", "failed": b"E"}.get(self.block, b"I")

    def put(self, data: bytes) -> None:
        self._buffer += data

    def flush(self) -> None:
        self.sent += self._buffer
        self._buffer.clear()

    def _one(self, one: bytes) -> None:
        code = one[:1]
        self.seen.append(one)
        if self.copying is not None:
            self._copy(code, one)
            return
        if self.skipping and code != b"S":
            if code == b"X":
                self.lose()
            return
        self._watch(code, one)
        try:
            if len(self.seen) - 1 == self.cancel_at and code in b"PBEQF":
                raise PgError("57014", "canceling statement due to user request")
            self._take(code, one)
        except PgError as trouble:
            self.failed(trouble, extended=code in b"PBEDC")
        except MalformedMessage as trouble:
            self.failed(PgError("08P01", trouble.what), extended=code in b"PBEDC")

    def _take(self, code: bytes, one: bytes) -> None:
        if code == b"Q":
            self._query(frontend.query_text(one).decode())
        elif code == b"P":
            self._parse(frontend.parse(one))
        elif code == b"B":
            self._bind(frontend.bind(one))
        elif code == b"D":
            self._describe(frontend.target(one))
        elif code == b"E":
            self._execute(frontend.execute(one).portal)
        elif code == b"C":
            found = frontend.target(one)
            (self.statements if found.kind == b"S" else self.portals).pop(found.name, None)
            self.put(message(b"3"))
        elif code == b"S":
            self.skipping = False
            self._sync()
        elif code == b"H":
            self.flush()
        elif code == b"F":
            self._function_call(one)
        elif code == b"X":
            self.lose()
        elif code not in b"dcf":
            self.violations.append(f"unknown message {one!r}")
            self.lose()

    def _watch(self, code: bytes, one: bytes) -> None:
        """What no proxy may ever do."""
        ours = b"pgguard" in one or one in (frontend.encode_query(b"COMMIT"), frontend.encode_query(b"ROLLBACK"))
        if self.db.unread and self.block != "failed" and code in b"QPBEFDC" and not ours and not self.planned:
            self.violations.append(f"{one!r} stands between a measured statement and its reading")
        if code in b"QF" and self.block == "implicit":
            self.violations.append(f"{one!r} behind extended messages without a Sync")

    def failed(self, trouble: PgError, *, extended: bool, routine: str = "") -> None:
        self.copying = None
        self._rest = []
        self.put(error(trouble, routine or getattr(trouble, "routine", "")))
        self.flush()
        self.portals.clear()
        if self.block in ("block", "failed"):
            self.block = "failed"
        else:
            self.end_transaction(commit=False)
        if extended:
            self.skipping = True
        else:
            self.ready()

    def ready(self) -> None:
        if self.status == b"I":
            self.db.idle()
        self.put(message(b"Z", self.status))
        self.flush()

    def end_transaction(self, *, commit: bool) -> None:
        self.block = ""
        self.portals.clear()
        self.executed = False
        if commit:
            self.db.commit()
        else:
            self.db.roll_back()

    # -- simple ------------------------------------------------------------------------------------------------

    def _query(self, text: str) -> None:
        self.statements.pop(b"", None)
        self.portals.pop(b"", None)
        parts = split(text) if not text.startswith(PREFIX) else [text]
        if any(_broken(part) for part in parts):
            raise PgError("42601", "syntax error")
        if not parts:
            self.put(message(b"I"))
        self.several = len(parts) > 1
        self._run_parts(parts)

    def _run_parts(self, parts: list[str]) -> None:
        for at, part in enumerate(parts):
            if not self.block:
                self.block = "implicit"
            if self.copy_in(part):
                self._rest = parts[at + 1 :]
                self._copy_extended = False
                return
            if part.startswith("copy"):
                self.copy_out(part)
                continue
            if part == "select imm()":
                self.db.purge()
            rows, tag = self.run(part, [])
            if rows is not None:
                self.put(row_description() + b"".join(data_row(row) for row in rows))
            self.put(message(b"C", tag.encode() + b"\0"))
        self.several = False
        if self.block == "implicit":
            self.end_transaction(commit=True)
        self.ready()

    def run(self, text: str, params: list[bytes]) -> tuple[list[bytes] | None, str]:
        """One statement: (rows or None, tag)."""
        exits = re.match(r"(commit|rollback|end)", text.lower())
        if self.block == "failed" and not exits:
            raise PgError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
        done = control(self, text, params)
        if done is not None:
            return done
        tag, rows = self.db.run(text.lower(), params)
        return (rows if tag.startswith("SELECT") else None), tag

    def _function_call(self, one: bytes) -> None:
        if self.block == "failed":
            raise PgError("25P02", "current transaction is aborted")
        if not self.block:
            self.block = "implicit"
        if struct.unpack_from("!i", one, 5)[0] == 20100:
            self.db.purge()
        self.put(message(b"V", struct.pack("!i", -1)))
        if self.block == "implicit":
            self.end_transaction(commit=True)
        self.ready()

    # -- extended ----------------------------------------------------------------------------------------------

    def _start(self, text: str) -> None:
        if not self.block:
            self.block = "implicit"
        if self.block == "failed" and not re.match(r"(commit|rollback|end)", text.lower()):
            raise PgError("25P02", "current transaction is aborted, commands ignored until end of transaction block")

    def _parse(self, parsed: frontend.Parse) -> None:
        text = parsed.text.decode()
        parts = split(text)
        if any(_broken(part) for part in parts):
            raise PgError("42601", "syntax error")
        if len(parts) > 1:
            trouble = PgError("42601", TWO_COMMANDS)
            trouble.routine = "exec_parse_message"  # type: ignore[attr-defined]
            raise trouble
        self._start(text)
        if parsed.name and parsed.name in self.statements:
            raise PgError("42P05", f'prepared statement "{parsed.name.decode()}" already exists')
        self.statements[parsed.name] = Prepared(text)
        self.put(message(b"1"))

    def _bind(self, bound: frontend.Bind) -> None:
        prepared = self.statements.get(bound.statement)
        if prepared is None:
            raise PgError("26000", f'prepared statement "{bound.statement.decode()}" does not exist')
        self._start(prepared.text)
        if bound.portal and bound.portal in self.portals:
            raise PgError("42P03", f'portal "{bound.portal.decode()}" already exists')
        if prepared.text == "select imm()":
            self.db.purge()
            self.planned = True  # the reading follows its Execute
        self.portals[bound.portal] = Portal(prepared.text, parameters(bound.params))
        self.put(message(b"2"))

    def _describe(self, found: frontend.Target) -> None:
        known = self.statements.get(found.name) if found.kind == b"S" else self.portals.get(found.name)
        if known is None:
            raise PgError("26000" if found.kind == b"S" else "34000", "does not exist")
        self._start(known.text)
        if found.kind == b"S":
            self.put(message(b"t", struct.pack("!h", 0)))
        rows = known.text.startswith(("select", model_answers.MARK, "fetch"))
        self.put(row_description() if rows else message(b"n"))

    def _execute(self, name: bytes) -> None:
        self.planned = False
        portal = self.portals.get(name)
        if portal is None:
            raise PgError("34000", f'portal "{name.decode()}" does not exist')
        self._start(portal.text)
        if portal.done:
            if portal.text.startswith("select"):
                self.put(message(b"C", b"SELECT 0\0"))
                return
            raise PgError("55000", f'portal "{name.decode()}" cannot be run')
        parts = split(portal.text) if not portal.text.startswith(model_answers.MARK) else [portal.text]
        if not parts:
            self.put(message(b"I"))
            return
        portal.done = True
        text = parts[0]
        if self.copy_in(text):
            self._copy_extended = True
            return
        if text.startswith("copy"):
            self.copy_out(text)
            return
        self.several = False
        rows, tag = self.run(text, portal.params)
        self.executed = True
        self.put(b"".join(data_row(row) for row in rows or ()))
        self.put(message(b"C", tag.encode() + b"\0"))

    def _sync(self) -> None:
        if self.block == "implicit":
            self.end_transaction(commit=True)
        self.executed = False
        self.ready()

    # -- copy --------------------------------------------------------------------------------------------------

    def copy_in(self, text: str) -> bool:
        found = re.fullmatch(r"copy (\w+) from stdin", text)
        if found is None or self.block == "failed":
            return False
        self.db.table(found[1])
        self.copying = found[1]
        self.put(message(b"G", struct.pack("!bh", 0, 0)))
        self.flush()
        return True

    def copy_out(self, text: str) -> None:
        self.run("select 1", [])  # fails in a failed block
        self.put(message(b"H", struct.pack("!bh", 0, 0)) + message(b"d", b"1\n") + message(b"c"))
        self.put(message(b"C", b"COPY 1\0"))

    def _copy(self, code: bytes, one: bytes) -> None:
        table = self.copying
        assert table is not None
        try:
            if code == b"d":
                for line in one[5:].splitlines():
                    if line == b"bad":
                        raise PgError("22P02", "invalid input syntax")
                    self.db.insert(table)
            elif code == b"f":
                raise PgError("57014", "COPY from stdin failed")
            elif code == b"c":
                self.copying = None
                self.executed = True
                self.put(message(b"C", b"COPY 1\0"))
                if not self._copy_extended:
                    self._run_parts(self._rest)
            elif code == b"X":
                self.lose()
            elif code not in b"HS":
                if len(one) > 5:  # it could run, had the COPY ended meanwhile
                    self.violations.append(f"{one!r} during COPY from stdin")
                self.sent += error(PgError("08P01", "protocol synchronization was lost", fatal=True))
                self.lose()
        except PgError as trouble:
            self.failed(trouble, extended=self._copy_extended)


def _broken(text: str) -> bool:
    return text.startswith(("selec ", "refused"))
