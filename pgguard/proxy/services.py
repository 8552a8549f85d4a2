"""What all connections of one pgguard share: store, admin connection, audit, the worlds of the databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

import structlog

from pgguard.console.desk import Desk
from pgguard.errors import StoreUnavailable
from pgguard.policy.account import Accounts
from pgguard.policy.model import Policy
from pgguard.proxy.audit_elsewhere import AuditElsewhere
from pgguard.proxy.audit_keeping import Audit, AuditKeeping
from pgguard.proxy.bookkeeping import Bookkeeping
from pgguard.proxy.network import Network
from pgguard.proxy.operating import Operating
from pgguard.proxy.operating_all import OperatingAll
from pgguard.proxy.pausing import Pausing
from pgguard.proxy.peers import Peers
from pgguard.proxy.readers import Readers
from pgguard.proxy.upstreams import Upstreams
from pgguard.session.world import World
from pgguard.store.requests import Store
from pgguard.upstream.admin import Admin
from pgguard.upstream.verifiers import Verifiers

log = structlog.get_logger()

LINGER = 2.0  # seconds that our connections to a database outlive its last client's

if TYPE_CHECKING:
    from pgguard.proxy.client import ClientSide
    from pgguard.proxy.door import Door
    from pgguard.proxy.workers import Workers


class Services:
    """Joined by cli/assemble.py. ``server``: "name/system_identifier"."""

    sign_in_seconds = 60.0

    def __init__(
        self, *, upstreams: Upstreams, admin: Admin, admin_database: str, store: Store, audit: Audit | None,
        policy: Policy, server: str, observe: bool, allow_trust: bool, audit_all: bool = False,
        network: Network | None = None, verifiers: Verifiers | None = None, accounts: Accounts | None = None,
        bookkeeping: Bookkeeping | None = None, audit_keeping: AuditKeeping | None = None, peers: Peers | None = None,
    ) -> None:  # fmt: skip
        self.upstreams = upstreams
        self.admin = admin
        self.admin_database = admin_database
        self.store = store
        self.audit = audit
        self.policy = policy
        self.server = server
        self.system_identifier = server.rpartition("/")[2]
        self.observe = observe
        self.allow_trust = allow_trust
        self.audit_all = audit_all
        self.readers = Readers()
        self.accounts = accounts or Accounts()
        self.bookkeeping = bookkeeping
        self.audit_keeping = audit_keeping
        self.pausing = Pausing()
        self.peers = peers
        self.workers: Workers | None = None
        self.broken: Callable[[int], None] = lambda worker: None  # that one is gone
        operating = Operating(self)
        self.desk = Desk(
            store, admin.memberships, lambda: self.policy, accounts=self.accounts,
            house=operating if peers is None else OperatingAll(operating, peers),
        )  # fmt: skip
        self.network = network or Network()
        self.verifiers = verifiers
        self.doors: dict[Door, None] = {}  # connections before their StartupMessage, the oldest first
        self.clients: set[ClientSide] = set()
        self.worlds: dict[str, World] = {}
        self.stopping = False
        self.reloads: dict[str, Callable[[], Awaitable[str]]] = {}  # what SIGHUP and RELOAD do
        if audit is not None:
            audit.tell = self.audit_troubled
        admin.moved = self.moved
        self._tested: set[str] = set()
        self._logins: set[str] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._lingering: set[str] = set()

    async def world(self, database: str) -> World:
        """The world of a database; the first one proves that its counters count. Raises UpstreamUnavailable."""
        if database not in self._tested:
            await self.admin.self_test(database)
            self._tested.add(database)
        return self.world_of(database)

    def world_of(self, database: str) -> World:
        """The same for somebody who does not judge by it."""
        world = self.worlds.get(database)
        if world is None:
            world = self.worlds[database] = World(
                self.in_force(), server=self.server, observe=self.observe or self.policy.mode == "observe",
                accounts=self.accounts, shared=self.workers is not None,
            )  # fmt: skip
            world.unrecorded = self.audit is not None and bool(self.audit.trouble)
        return world

    def moved(self, database: str, started: str) -> None:
        """What is known of this database is of another copy of the server from now on, or the server was restarted.
        FAIL CLOSED: nobody is judged by it who is still at the old one."""
        for client in self._clients_of(database):
            if client.server_started not in ("", started):
                log.warning("the admin connection is at another server: a session ends", session=client.ident)
                client.shut_down()

    async def picture(self, database: str) -> None:
        """Get the picture that the world is to believe from now on, and keep it fresh. Raises UpstreamUnavailable."""
        world = self.worlds[database]
        if world.picture is None and world.was_invalidated:
            self.admin.invalidate(database)
            world.was_invalidated = False
        picture = await self.admin.picture(database)
        if not world.was_invalidated:
            world.set_picture(picture)
        keeper = self._keepers.get(database)
        if keeper is None or keeper.done():
            self._keepers[database] = asyncio.create_task(self._keep_fresh(database, world))

    async def _keep_fresh(self, database: str, world: World) -> None:
        """While the picture is used: once a second what is new in it; proofs are off when it grew too old."""
        while True:
            await asyncio.sleep(1)
            if world.picture is None:
                return
            if not world.used:
                world.set_picture(None)  # nobody judged by it for a second: the next one asks again
                return
            world.used = False
            try:
                picture = await self.admin.picture(database)
            except Exception as trouble:
                log.warning("no catalog picture", database=database, why=str(trouble))
                world.set_picture(None)  # whoever needs it asks again, and gets the error of a try of its own
                return
            if not world.was_invalidated:
                world.set_picture(picture)

    def cancel(self, key: bytes) -> None:
        """A CancelRequest for a client of this process."""
        for client in self.clients:
            if client.cancel_key and compare_digest(client.cancel_key, key):
                client.cancel()

    @property
    def crowd(self) -> int:
        """Client connections, of all workers."""
        return len(self.clients) if self.workers is None else self.workers.clients

    def joined(self, client: ClientSide) -> None:
        """A client has sent its StartupMessage."""
        self.clients.add(client)
        if self.workers is not None:
            self.workers.counted(len(self.clients))

    def left(self, client: ClientSide) -> None:
        """The client is gone. Our own connections to its database go after the last one: each takes a slot of the
        server's, and DROP DATABASE waits for them (5 s, procarray.c CountOtherDBBackends)."""
        self.clients.discard(client)
        if self.workers is not None:
            self.workers.counted(len(self.clients))
        self.pausing.forget(client)
        database = client.session.desk.caller.database if client.session is not None else ""
        if database and database not in self._lingering:
            self._lingering.add(database)
            asyncio.get_running_loop().call_later(LINGER, self._release, database)

    def _release(self, database: str) -> None:
        self._lingering.discard(database)
        if not self._clients_of(database):
            self.beside(self.admin.release(database))

    def _clients_of(self, database: str) -> list[ClientSide]:
        """Those with a session in it."""
        sessions = ((client, client.session) for client in self.clients)
        return [client for client, s in sessions if s is not None and s.desk.caller.database == database]

    async def reload(self) -> str:
        """Take what has changed on disk; what is wrong with it, in words: then what was in force stays."""
        wrong = [await each() for each in self.reloads.values()]
        return "; ".join(filter(None, wrong))

    def audit_troubled(self, trouble: str) -> None:
        """The audit takes no records ("" takes them again)."""
        if trouble:
            log.error("the audit takes no records", why=trouble)
        else:
            log.info("the audit takes records again")
        for world in self.worlds.values():
            world.unrecorded = bool(trouble)
        if self.peers is not None and self.audit_keeping is not None:
            self.peers.cast("audit trouble", trouble)

    def in_force(self) -> Policy:
        """What of the policy is so at this time of the day."""
        return self.policy.at(time.time())

    def new_policy(self, policy: Policy) -> None:
        """From the next statement on, in every session."""
        self.policy = policy
        for world in self.worlds.values():
            world.observe = self.observe or policy.mode == "observe"
            world.set_policy(self.in_force())

    def saw(self, login: str) -> None:
        """Somebody signed in under this name: who approves must be known for a while."""
        if login not in self._logins:
            self._logins.add(login)
            self.beside(self._saw(login))

    async def _saw(self, login: str) -> None:
        try:
            await self.store.saw(login)
        except StoreUnavailable as trouble:
            self._logins.discard(login)  # the next time, then
            log.warning("a login was not written down", login=login, why=str(trouble))

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that no client waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def close(self) -> None:
        """After the last client."""
        if self._beside:
            await asyncio.wait(self._beside, timeout=2.0)
        if isinstance(self.audit, AuditElsewhere):
            self.audit.flush()
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        if self.verifiers is not None:
            await self.verifiers.close()
        await self.readers.close()
        await self.admin.close()
        if self.bookkeeping is not None:
            await self.bookkeeping.close()
        if self.audit_keeping is not None:
            await self.audit_keeping.close()
        await self.store.close()
        if self.peers is not None:
            self.peers.close()
