"""One client's socket from its StartupMessage on: sign-in, then a session or the console, until a side is gone."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from pgguard.console.connection import ConsoleConnection
from pgguard.errors import AccountsUnavailable, PgguardError, ProtocolViolation, UpstreamUnavailable
from pgguard.proxy import dial
from pgguard.proxy.carry_out import LATER, at_once, carry_out, write_outcomes, write_proved
from pgguard.proxy.network import Arrival, flow
from pgguard.proxy.opening import find_verifier, open_console, open_session
from pgguard.proxy.randomness import fresh
from pgguard.proxy.telling import Telling
from pgguard.proxy.upstream_side import ServerSide
from pgguard.session.asks import Ask, Cancelled, WaitForOthers
from pgguard.session.connection import Session
from pgguard.session.signin import SignIn, Stage
from pgguard.wire.backend import encode_error
from pgguard.wire.startup import StartupMessage

if TYPE_CHECKING:
    from pgguard.proxy.services import Services

log = structlog.get_logger()

CONSOLE = "pgguard"
# The client is not read any further while this much of it waits to be judged.
BACKLOG = 262_144


class ClientSide(asyncio.Protocol):
    """States by what is set: ``_sign_in``, ``session`` or ``_console``. Call ``begin`` when the transport has it."""

    def __init__(
        self, services: Services, transport: asyncio.Transport, startup: StartupMessage, arrival: Arrival
    ) -> None:
        self._services = services
        self._transport = transport
        self.startup = startup
        self.arrival = arrival
        self._server: asyncio.Transport | None = None
        self._sign_in: SignIn | None = None
        self.session: Session | None = None
        self._console: ConsoleConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._client_full = self._server_full = False
        self._drained = asyncio.Event()
        self._drained.set()
        self._asking = False
        self._telling = Telling(self._go_on)
        self._deadline: asyncio.TimerHandle | None = None
        self.ident = secrets.token_hex(4)
        self.asks: Ask | None = None  # what the session waits for
        self._answering: asyncio.Task[None] | None = None
        self.since = time.time()  # when the client last sent something
        self.pid: int | None = None
        self.cancel_key, self.server_started = b"", ""  # the latter stays so at a standby, which changes nothing
        self.is_console = startup.database == CONSOLE

    def begin(self, early: bytes, until: float) -> None:
        """Sign in. ``early``: what came behind the StartupMessage; ``until``: when to lose patience."""
        startup, arrival, services = self.startup, self.arrival, self._services
        self._transport.set_write_buffer_limits(high=262_144)
        services.joined(self)
        self._deadline = asyncio.get_running_loop().call_at(until, self._too_slow)
        tls = services.network.tls_for_clients
        certified = tls is not None and tls.mode == "verify-full" and not arrival.local
        if not startup.user:
            self._refuse("28000", "no PostgreSQL user name specified in startup packet")
        elif startup.replication:
            self._refuse("0A000", "pgguard does not relay replication connections: connect to the server directly")
        elif certified and arrival.certified != startup.user:
            self._refuse("28000", f'certificate authentication failed for user "{startup.user}"')
        else:
            self._sign_in = SignIn(
                startup.with_database(services.admin_database) if self.is_console else startup,
                allow_trust=services.allow_trust or arrival.local, fresh=fresh, console=self.is_console,
                client=arrival.leg, verifiers=services.verifiers is not None, certified=certified,
            )  # fmt: skip
            self._start(self._connect())
            if early:
                self.data_received(early)

    def data_received(self, data: bytes) -> None:
        self.since = time.time()
        try:
            if self.session is not None:
                if self._services.pausing.on and self._services.pausing.holds(self, data):
                    return
                self.session.client_data(data)
                self._carry_out()
            elif self._sign_in is not None:
                self._sign_in.client_data(data)
                self._relay_sign_in()
            elif self._console is not None:
                self._console.receive(data)
        except PgguardError as trouble:
            self._end_with(trouble)

    def pause_writing(self) -> None:
        self._client_full = True
        self._drained.clear()
        self.steer()

    def resume_writing(self) -> None:
        self._client_full = False
        self._drained.set()
        self.steer()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._console is not None:
            self._console.lost()
        self._close()

    def _too_slow(self) -> None:
        if self.session is None and self._console is None:
            self._refuse("57014", "canceling authentication due to timeout")

    async def _connect(self) -> None:
        try:
            self._server, leg = await dial.connect(self._services, lambda: ServerSide(self))
        except UpstreamUnavailable as trouble:
            log.warning("upstream away", why=str(trouble))
            self._refuse("08006", str(trouble))
            return
        if self._closed:
            self._server.close()
        elif self._sign_in is not None:
            self._sign_in.server = leg
            self._relay_sign_in()

    def _relay_sign_in(self) -> None:
        sign_in = self._sign_in
        if sign_in is None or self._server is None:
            return
        if sign_in.to_server:
            self._server.write(b"".join(sign_in.to_server))
            sign_in.to_server.clear()
        if sign_in.to_client:
            self._write(b"".join(sign_in.to_client))
            sign_in.to_client.clear()
        if sign_in.wants_verifier:
            sign_in.wants_verifier = False
            self._start(find_verifier(self._services, sign_in, self._relay_sign_in))
        if sign_in.stale_verifier:
            sign_in.stale_verifier = False
            log.warning("the server has another verifier than pgguard", user=sign_in.startup.user)
        if sign_in.stage is Stage.FAILED:
            self._close()
        elif sign_in.stage is Stage.DONE:
            self._sign_in = None
            self._services.saw(sign_in.startup.user)
            if self._deadline is not None:
                self._deadline.cancel()
            self.steer()
            self._start(self._open_console(sign_in) if self.is_console else self._open_session(sign_in))

    async def _open_console(self, sign_in: SignIn) -> None:
        address, drained = self.arrival.address, self._drained.wait
        opened = await open_console(self._services, sign_in, address, self._write, self._close, drained)
        if isinstance(opened, Mapping):
            self._refuse_with(opened)
            return
        server, self._server, self._console = self._server, None, opened
        if server is not None:
            server.close()
        opened.greet()
        self.steer()
        opened.receive(sign_in.leftover)

    async def _open_session(self, sign_in: SignIn) -> None:
        opened = await open_session(self._services, sign_in, self.arrival.address, self.ident)
        if isinstance(opened, Mapping):
            self._refuse_with(opened)
            return
        self.session, greeting = opened
        facts = sign_in.facts
        assert facts is not None
        self.pid, self.cancel_key = facts.backend_pid, sign_in.cancel_key
        self.server_started = "" if facts.in_recovery else facts.server_started
        self._write(greeting)
        self.steer()
        if sign_in.leftover:
            self.data_received(sign_in.leftover)

    def server_data(self, data: bytes) -> None:
        try:
            if self.session is not None:
                self.session.server_data(data)
                self._carry_out()
            elif self._sign_in is not None:
                self._sign_in.server_data(data)
                self._relay_sign_in()
        except PgguardError as trouble:
            self._end_with(trouble)

    def server_lost(self) -> None:
        if self._console is None:
            self._close()

    def server_full(self, full: bool) -> None:
        self._server_full = full
        self.steer()

    def _carry_out(self) -> None:
        session = self.session
        assert session is not None
        while session.asks or session.world.news or self._telling.due:
            if session.world.news:
                self._telling.tell(self._services.workers, session)
            if self._telling.due:  # nothing of it goes out, to either side, before they know
                return
            self._write_to_server(session)
            ask = session.asks.pop(0)
            value = at_once(self._services, ask)
            if value is LATER:
                self.asks = ask
                self._answering = self._start(self._answer(ask))
                break
            session.answered(value)
        self._services.accounts.give_back()
        if session.to_client:
            out = session.to_client
            self._write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
        self._write_to_server(session)
        if session.records:
            write_proved(self._services, session)
        if session.spending.outcomes:
            self._services.beside(write_outcomes(self._services, session))
        if session.closing:
            self._close()
        elif self._asking or session.backlog > BACKLOG:
            self.steer()

    def _go_on(self, answer: object = LATER) -> None:
        """The answer to an ask is there, or the other workers know what they must."""
        if self._closed or self.session is None:
            return
        try:
            if answer is not LATER:
                self.session.answered(answer)
            self._carry_out()
        except PgguardError as trouble:
            self._end_with(trouble)

    def _write_to_server(self, session: Session) -> None:
        out = session.to_server
        if out and self._server is not None:
            self._server.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()

    async def _answer(self, ask: Ask) -> None:
        session = self.session
        assert session is not None
        try:
            value = await carry_out(self._services, session, ask)
        except asyncio.CancelledError:
            if not isinstance(ask, WaitForOthers):
                raise
            value = Cancelled()
        self.asks = None
        self._go_on(value)

    def steer(self) -> None:
        """Back-pressure, both ways: who does not read is not sent more than a buffer."""
        if self._closed:
            return
        waiting = self.session is not None and self.session.backlog > BACKLOG
        self._asking = waiting
        opening = self.session is None and self._sign_in is None and self._console is None  # nobody would take it
        paused = self._services.pausing.has(self)
        flow(self._transport, self._server_full or waiting or opening or paused)
        if self._server is not None:
            flow(self._server, self._client_full or opening)

    def _write(self, data: bytes) -> None:
        if not self._closed:
            self._transport.write(data)

    def _refuse(self, sqlstate: str, message: str) -> None:
        self._refuse_with({"C": sqlstate, "M": message})

    def _end_with(self, trouble: PgguardError) -> None:
        if not isinstance(trouble, ProtocolViolation):
            self._refuse("PGG06", f"pgguard cannot judge now: {trouble}")
        elif trouble.side == "client":
            self._refuse(trouble.code, trouble.what)
        else:
            log.error("the server broke the protocol", session=self.ident, what=trouble.what)
            self._refuse("PGG06", f"the server broke the protocol: {trouble.what}")

    def _refuse_with(self, fields: Mapping[str, str]) -> None:
        self._write(encode_error(fields, severity="FATAL"))
        self._close()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (trouble := task.exception()) is not None:
            log.error("a connection failed", session=self.ident, exc_info=trouble)
            self._close()

    @property
    def idle(self) -> bool:
        """Nothing of this client's is under way."""
        session = self.session
        return session is None or (session.at_rest and not self._telling.due)

    def cancel(self) -> None:
        """A CancelRequest for this client, besides what the server makes of it: what waits for others in front of the
        server ends."""
        if isinstance(self.asks, WaitForOthers) and self._answering is not None:
            asyncio.get_running_loop().call_soon(self._answering.cancel)  # not before it has begun

    def shut_down(self) -> None:
        """pgguard stops: say so as PostgreSQL does."""
        self._refuse("57P01", "terminating connection due to administrator command")

    def _close(self) -> None:
        """Both sides; what was written still goes out."""
        if self._closed:
            return
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._services.left(self)
        if self.session is not None:
            with contextlib.suppress(AccountsUnavailable):  # what it holds of budgets stays held
                self.session.closed()
            if self.session.world.news:
                self._telling.tell(self._services.workers, self.session)
        self._transport.close()
        if self._server is not None:
            self._server.close()
