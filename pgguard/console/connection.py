"""One client connection of the console: bytes in, bytes out, answers in order, in both protocols."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pgguard.console import messages as m
from pgguard.console.commands import away, find
from pgguard.console.desk import Desk
from pgguard.console.language import Said, match, resolved, statements
from pgguard.console.minutes import keep
from pgguard.console.order import SYNTAX, Command, Failed, Order, Result
from pgguard.console.session_words import Nothing, habit
from pgguard.errors import ProtocolViolation, StoreUnavailable, UpstreamUnavailable
from pgguard.wire import backend, framing, frontend

_LONGEST = 64 * 1024  # bytes of one message
_PIPELINED = 256  # messages that may wait for their turn
_PREPARED = 256  # statements that a client may keep
_PORTALS = 16  # half read, that it may keep

_IDLE = backend.ready_for_query(ord("I"))
# A console that said 18 would make an older psql warn that it does not know it.
_SERVER_VERSION = "15.0"

Meant = Command | Nothing | None  # None: an empty text


@dataclass(frozen=True, slots=True)
class _Prepared:
    meant: Meant
    said: Said
    types: tuple[int, ...]


@dataclass(slots=True)
class _Portal:
    prepared: _Prepared
    values: tuple[str | None, ...]
    formats: tuple[int, ...]
    result: Result | None = None
    sent: int = 0
    suspended: bool = False


class ConsoleConnection:
    """A signed-in client. Call ``greet`` once, ``receive`` for its bytes, ``lost`` when it is gone.

    ``proved``: the server asked for a proof of who ``person`` is. ``drained``, where given, is awaited before each
    message is answered, so that a client that does not read costs no memory.
    """

    def __init__(
        self, *, person: str, proved: bool, write: Callable[[bytes], None], close: Callable[[], None], desk: Desk,
        drained: Callable[[], Awaitable[object]] | None = None, address: str = "", application: str = "",
    ) -> None:  # fmt: skip
        self._person = person
        self._proved = proved
        self._address = address
        self._application = application
        self._write = write
        self._close = close
        self._desk = desk
        self._drained = drained
        self._unread = b""
        self._inbox: deque[bytes] = deque()
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._skipping = False  # after an error in the extended protocol everything up to Sync is skipped
        self._prepared: dict[bytes, _Prepared] = {}
        self._portals: dict[bytes, _Portal] = {}

    def greet(self) -> None:
        """What a server says between AuthenticationOk and the first command."""
        said = {
            "server_version": f"{_SERVER_VERSION} (pgguard {self._desk.version})",
            "server_encoding": "UTF8", "client_encoding": "UTF8", "standard_conforming_strings": "on",
            "integer_datetimes": "on", "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "TimeZone": "UTC",
            "is_superuser": "off", "session_authorization": self._person, "application_name": "",
        }  # fmt: skip
        key = m.backend_key_data(secrets.randbelow(2**31 - 1) + 1, secrets.randbits(32))
        self._write(b"".join(m.parameter_status(name, value) for name, value in said.items()) + key + _IDLE)

    def receive(self, data: bytes) -> None:
        """Takes bytes of the client, cut anywhere."""
        if self._over:
            return
        self._unread += data
        try:
            while (end := framing.frame_end(self._unread, 0, "client")) >= 0:
                if end > _LONGEST:
                    raise ProtocolViolation("client", f"message of {end} bytes (limit {_LONGEST})")
                if end > len(self._unread):
                    break
                self._inbox.append(self._unread[:end])
                self._unread = self._unread[end:]
                if len(self._inbox) > _PIPELINED:
                    raise ProtocolViolation("client", f"too many messages without waiting (limit {_PIPELINED})")
        except ProtocolViolation as trouble:
            self._fatal(trouble.what)
            return
        if self._inbox and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name="console")

    def lost(self) -> None:
        """The client is gone; a command that has begun ends by itself, and nothing is written any more."""
        self._over = True
        self._inbox.clear()

    def _fatal(self, what: str) -> None:
        self._write(backend.encode_error({"C": "08P01", "M": what}, severity="FATAL"))
        self._end()

    def _end(self) -> None:
        self.lost()
        self._close()

    def _send(self, data: bytes) -> None:
        if not self._over:
            self._write(data)

    async def _work(self) -> None:
        try:
            while self._inbox:
                if self._drained is not None:
                    await self._drained()
                    if self._over:
                        break
                await self._answer(self._inbox.popleft())
        except ProtocolViolation as trouble:
            if not self._over:
                self._fatal(trouble.what)
        except Exception:
            if not self._over:
                self._send(backend.encode_error({"C": "XX000", "M": "internal error of the console"}, severity="FATAL"))
                self._end()
            raise  # to the loop's handler, which logs it
        finally:
            self._task = None

    async def _answer(self, message: bytes) -> None:
        code = message[:1]
        if code == b"X":
            self._end()
        elif code == b"S":
            self._skipping = False
            self._portals = self._still_read()
            self._send(_IDLE)
        elif self._skipping:
            return
        elif code == b"Q":
            await self._query(frontend.query_text(message))
        elif code in (b"P", b"B", b"D", b"E", b"C"):
            failed = await self._extended(code, message)
            if failed is not None:
                self._skipping = True
                self._send(_error(failed))
        elif code == b"F":
            self._send(_error(Failed("0A000", "the console has no functions")) + _IDLE)
        elif code not in (b"H", b"d", b"c", b"f"):  # Flush: all is sent at once; copy messages are ignored outside COPY
            raise ProtocolViolation("client", f"invalid frontend message type {message[0]}")

    def _still_read(self) -> dict[bytes, _Portal]:
        """Portals whose rows a client fetches in parts. For one that believes to be in a transaction they live on."""
        reading = [(name, portal) for name, portal in self._portals.items() if name and portal.suspended]
        return dict(reading[-_PORTALS:])

    async def _query(self, raw: bytes) -> None:
        self._portals = self._still_read()
        self._prepared.pop(b"", None)
        said = statements(raw.decode("utf-8", "replace"))
        if not said:
            self._send(m.EMPTY_QUERY_RESPONSE)
        meanings = [_meaning(statement) for statement in said]
        # As in PostgreSQL, a text that cannot be read as a whole does nothing at all.
        wrong = next((meant for meant in meanings if isinstance(meant, Failed)), None)
        for meant, statement in zip(meanings, said, strict=True):
            failed = wrong or await self._whole(meant, statement)
            if failed is not None:
                self._send(_error(failed))
                break
        self._send(_IDLE)

    async def _whole(self, meant: Command | Nothing | Failed, said: Said) -> Failed | None:
        """One statement of a Query: its rows with their description, and its tag."""
        result = meant if isinstance(meant, Failed) else await self._run(meant, said, ())
        if isinstance(result, Failed):
            return result
        head = m.row_description(meant.columns) if not isinstance(meant, Failed) and meant.columns else b""
        self._send(head + b"".join(map(m.data_row, result.rows)) + m.command_complete(result.tag))
        return None

    async def _extended(self, code: bytes, message: bytes) -> Failed | None:
        if code == b"P":
            return self._parse(frontend.parse(message))
        if code == b"B":
            return self._bind(frontend.bind(message))
        if code == b"D":
            return self._describe(frontend.target(message))
        if code == b"C":
            target = frontend.target(message)
            kept: dict[bytes, _Prepared] | dict[bytes, _Portal] = (
                self._prepared if target.kind == b"S" else self._portals
            )
            kept.pop(target.name, None)
            self._send(m.CLOSE_COMPLETE)
            return None
        return await self._execute(frontend.execute(message))

    def _parse(self, parse: frontend.Parse) -> Failed | None:
        if parse.name and parse.name in self._prepared:
            return Failed("42P05", f'prepared statement "{_name(parse.name)}" already exists')
        if len(self._prepared) >= _PREPARED:
            return Failed("53000", f"too many prepared statements (limit {_PREPARED})")
        said = statements(parse.text.decode("utf-8", "replace"))
        if len(said) > 1:
            return Failed(SYNTAX, "cannot insert multiple commands into a prepared statement")
        meant = _meaning(said[0]) if said else None
        if isinstance(meant, Failed):
            return meant
        params = said[0].params if said else 0
        if params > 16:
            return Failed(SYNTAX, f"there is no parameter ${params}")
        declared = parse.param_types[:16]
        types = tuple((declared[n] if n < len(declared) else 0) or m.TEXT for n in range(max(params, len(declared))))
        self._prepared[parse.name] = _Prepared(meant, said[0] if said else Said("", ()), types)
        self._send(m.PARSE_COMPLETE)
        return None

    def _bind(self, bind: frontend.Bind) -> Failed | None:
        prepared = self._prepared.get(bind.statement)
        if prepared is None:
            return Failed("26000", f'prepared statement "{_name(bind.statement)}" does not exist')
        if bind.portal and bind.portal in self._portals:
            return Failed("42P03", f'cursor "{_name(bind.portal)}" already exists')
        values, formats = m.bind_values(bind.params, prepared.types)
        if len(values) != len(prepared.types):
            wanted = len(prepared.types)
            return Failed("08P01", f"bind message supplies {len(values)} parameters, but {wanted} are required")
        self._portals[bind.portal] = _Portal(prepared, values, formats)
        self._send(m.BIND_COMPLETE)
        return None

    def _describe(self, target: frontend.Target) -> Failed | None:
        if target.kind == b"S":
            prepared = self._prepared.get(target.name)
            if prepared is None:
                return Failed("26000", f'prepared statement "{_name(target.name)}" does not exist')
            self._send(m.parameter_description(prepared.types) + _columns(prepared.meant, ()))
            return None
        portal = self._portals.get(target.name)
        if portal is None:
            return Failed("34000", f'portal "{_name(target.name)}" does not exist')
        self._send(_columns(portal.prepared.meant, portal.formats))
        return None

    async def _execute(self, execute: frontend.Execute) -> Failed | None:
        portal = self._portals.get(execute.portal)
        if portal is None:
            return Failed("34000", f'portal "{_name(execute.portal)}" does not exist')
        if portal.prepared.meant is None:
            self._send(m.EMPTY_QUERY_RESPONSE)
            return None
        if portal.result is None:
            result = await self._run(portal.prepared.meant, portal.prepared.said, portal.values)
            if isinstance(result, Failed):
                return result
            portal.result = result
        rows = portal.result.rows[portal.sent :]
        if execute.max_rows > 0:
            rows = rows[: execute.max_rows]
        portal.sent += len(rows)
        portal.suspended = execute.max_rows > 0 and len(rows) == execute.max_rows
        end = m.PORTAL_SUSPENDED if portal.suspended else m.command_complete(portal.result.tag)
        self._send(b"".join(map(m.data_row, rows)) + end)
        return None

    async def _run(self, meant: Meant, said: Said, values: Sequence[str | None]) -> Result | Failed:
        if not isinstance(meant, Command):
            if meant is not None and meant.warning:
                self._send(backend.encode_notice({"C": "25P01", "M": meant.warning}, severity="WARNING"))
            return Result(meant.rows, meant.tag) if meant is not None else Result((), "")
        arguments = match(meant.wanted, said) or {}
        if said.params > len(values):
            return Failed("42P02", f"there is no parameter ${said.params}")
        given = {name: resolved(argument, values) for name, argument in arguments.items()}
        order = Order(
            self._person, self._proved, self._desk, given, said.shape, meant.verb, self._address, self._application
        )  # fmt: skip
        try:
            answer = await meant.run(order)
        except (StoreUnavailable, UpstreamUnavailable) as trouble:
            answer = away(trouble)
        return await keep(order, answer) if meant.verb else answer


def _meaning(said: Said) -> Command | Nothing | Failed:
    return habit(said) or find(said)


def _columns(meant: Meant, formats: Sequence[int]) -> bytes:
    return m.row_description(meant.columns, formats) if meant is not None and meant.columns else m.NO_DATA


def _error(failed: Failed) -> bytes:
    return backend.encode_error({"C": failed.sqlstate, "M": failed.message, "H": failed.hint})


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
