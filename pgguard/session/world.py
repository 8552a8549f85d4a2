"""What the sessions of one database share: the policy in force, the catalog picture, and what was judged under them.

With several workers each has a World of its own. What a session does that the others must know of is in ``news``: the
skin lets nothing of that session out, to either side, before every other worker has heard it. So each World knows at
least what it would know if there were one, and a statement is judged and sent as if there were one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from pgguard.catalog.picture import Picture
from pgguard.checks import BY_VALUE
from pgguard.policy.account import Accounts
from pgguard.policy.budget import Counting, counting
from pgguard.policy.decide import could_speak_of
from pgguard.policy.model import Policy
from pgguard.policy.verdict import Caller
from pgguard.session.counts import Counts
from pgguard.session.judge import Judged

if TYPE_CHECKING:
    from pgguard.session.outstanding import Unit
from pgguard.session.texts import Texts


class Desk:
    """Verdicts for callers who are alike to the policy (same user, role, database, application, address, claim).

    Kept by shape or exact text; thrown away with every change of policy or picture (``version`` then differs).
    """

    MOST = 4096

    def __init__(self, caller: Caller, world: World) -> None:
        self.caller = caller
        self.world = world
        self.version = 0
        self.silent = False
        self.values_matter = False  # a rule asks for a check that looks at the values of literals
        self.budgets: tuple[Counting, ...] = ()  # those that speak of this caller
        self.kept: dict[tuple[bytes, tuple[int, ...]], Judged] = {}
        self.shapes: dict[bytes, Judged] = {}
        self.renew()

    def renew(self) -> None:
        """Forget what was judged; ``silent`` says that no limit, rule or claim speaks of this caller."""
        self.kept.clear()
        self.shapes.clear()
        self.version = self.world.version
        policy = self.world.policy
        self.silent = not could_speak_of(policy, self.caller)
        self.budgets = counting(policy, self.caller)
        self.values_matter = any(BY_VALUE & set(rule.match.get("check", ())) for rule in policy.rules)


class Event(Enum):
    """What other workers hear, of a session (its ident), of a two-phase transaction (its gid), or of the database."""

    CHANGES = "changes"  # DDL, or unread code that may do DDL, is about to go out
    RESHAPES = "reshapes"  # it is known to be DDL
    SETTLED = "settled"
    PREPARED = "prepared"  # after it was measured
    PREPARED_CHANGES = "prepared changes"  # and there is DDL or unread code in it
    ENDED = "ended"
    INVALIDATED = "invalidated"


News = tuple[Event, str]


class World:
    """One database behind one pgguard. The skin sets ``picture`` and ``policy``; a picture of None is asked for.
    ``shared``: there are other workers, and ``news`` is for them."""

    MOST_DESKS = 1024

    def __init__(
        self, policy: Policy, *, server: str, observe: bool, accounts: Accounts | None = None, shared: bool = False
    ) -> None:  # fmt: skip
        self.policy = policy
        self.accounts = accounts if accounts is not None else Accounts()  # of all databases of this node
        self.picture: Picture | None = None
        self.server = server  # "name/system_identifier"
        self.observe = observe
        self.version = 1
        self.texts = Texts()
        self.desks: dict[Caller, Desk] = {}
        self.blind_until = 0.0  # observing, and no picture to be had: asked for again then
        self.used = False  # somebody judged by the picture since the skin last looked
        self.was_invalidated = False  # it is not merely missing: what the skin has kept of it is old as well
        self.changing: set[str] = set()  # sessions in which DDL, or unread code that may do DDL, is not committed yet
        self.reshaping: set[str] = set()  # those of them in which it was seen to be DDL
        self.writing = 0  # proved writes on their way, by all sessions
        self.waiting: set[Unit] = set()  # what was sent, by all sessions, and begins only after something else ended
        # What was sent and runs bodies of functions: units, and the idents of sessions whose batch goes out in parts.
        self.calling: set[Unit | str] = set()
        self.counts = Counts()
        self.unrecorded = False  # the audit takes no records now: proved writes cannot be recorded afterwards
        self.prepared: set[str] = set()  # two-phase transactions that were measured at PREPARE here
        self.shared = shared
        self.news: list[News] = []

    def desk(self, caller: Caller) -> Desk:
        """The desk for callers like this one, up to date."""
        desk = self.desks.get(caller)
        if desk is None:
            if len(self.desks) >= self.MOST_DESKS:
                self.desks.clear()
            desk = self.desks[caller] = Desk(caller, self)
        elif desk.version != self.version:
            desk.renew()
        return desk

    def set_picture(self, picture: Picture | None) -> None:
        """A new picture, or None: the old one must not be used for proofs any more."""
        if picture is not self.picture:
            self.picture = picture
            self.version += 1

    def changed_elsewhere(self, ident: str) -> bool:
        """Whether another session is changing what the picture shows: a write proved by it may run after that."""
        return len(self.changing) > (ident in self.changing)

    def reshaped_elsewhere(self, ident: str) -> bool:
        """The same for what only reads: a name in it could come to mean a function that is being made."""
        return len(self.reshaping) > (ident in self.reshaping)

    def calls_elsewhere(self, ident: str) -> bool:
        """Whether bodies of functions, proved by the picture of now, run in another session."""
        return len(self.calling) > (ident in self.calling)

    def answered(self, unit: Unit) -> None:
        """All of it was answered, or nobody waits for it any more."""
        over = (unit, *unit.absorbed)
        self.waiting.difference_update(over)
        self.calling.difference_update(over)

    def changes(self, ident: str) -> None:
        """DDL, or unread code that may do DDL, is about to go out in this session."""
        if ident not in self.changing:
            self._happens(Event.CHANGES, ident)

    def reshapes(self, ident: str) -> None:
        """It was seen to be DDL."""
        if ident not in self.reshaping:
            self._happens(Event.RESHAPES, ident)

    def settled(self, ident: str) -> None:
        """The session's transaction is over, or changed no catalog."""
        if ident in self.changing or ident in self.reshaping:
            self._happens(Event.SETTLED, ident)

    def prepare(self, gid: str, *, untrusted: bool) -> None:
        """A two-phase transaction was measured at its PREPARE here. ``untrusted``: with DDL or unread code in it, which
        is under way until somebody ends it."""
        self._happens(Event.PREPARED_CHANGES if untrusted else Event.PREPARED, gid)

    def end_prepared(self, gid: str) -> None:
        """COMMIT or ROLLBACK PREPARED."""
        self._happens(Event.ENDED, gid)

    def invalidate(self) -> None:
        """DDL or unread code is about to be, or was, committed: nobody may be judged by what was known before."""
        self._happens(Event.INVALIDATED, "")

    def hear(self, worker: int, event: Event, of: str) -> None:
        """News of another worker."""
        own = event in (Event.CHANGES, Event.RESHAPES, Event.SETTLED)
        self._take(event, f"{of} of worker {worker}" if own else of)

    def told(self) -> list[News]:
        """What is to be told now."""
        news, self.news = self.news, []
        return news

    def _happens(self, event: Event, of: str) -> None:
        self._take(event, of)
        if self.shared:
            self.news.append((event, of))

    def _take(self, event: Event, of: str) -> None:
        if event is Event.CHANGES:
            self.changing.add(of)
        elif event is Event.RESHAPES:
            self.reshaping.add(of)
        elif event is Event.SETTLED:
            self.changing.discard(of)
            self.reshaping.discard(of)
        elif event is Event.INVALIDATED:
            self.was_invalidated = True
            self.set_picture(None)
        elif event is Event.ENDED:
            self.prepared.discard(of)
            self._take(Event.INVALIDATED, "")
            self._take(Event.SETTLED, f"prepared {of}")
        else:
            self.prepared.add(of)
            if event is Event.PREPARED_CHANGES:
                self.changing.add(f"prepared {of}")
                self.reshaping.add(f"prepared {of}")

    def set_policy(self, policy: Policy) -> None:
        self.policy = policy
        self.version += 1
