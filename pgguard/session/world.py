"""What the sessions of one database share: the policy in force, the catalog picture, and what was judged under them."""

from __future__ import annotations

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


class World:
    """One database behind one pgguard. The skin sets ``picture`` and ``policy``; a picture of None is asked for."""

    MOST_DESKS = 1024

    def __init__(self, policy: Policy, *, server: str, observe: bool, accounts: Accounts | None = None) -> None:
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

    def prepare(self, gid: str, *, untrusted: bool) -> None:
        """A two-phase transaction was measured at its PREPARE here. ``untrusted``: with DDL or unread code in it, which
        is under way until somebody ends it."""
        self.prepared.add(gid)
        if untrusted:
            self.changing.add(f"prepared {gid}")
            self.reshaping.add(f"prepared {gid}")

    def end_prepared(self, gid: str) -> None:
        """COMMIT or ROLLBACK PREPARED."""
        self.prepared.discard(gid)
        self.invalidate()
        self.settled(f"prepared {gid}")

    def settled(self, ident: str) -> None:
        """The session's transaction is over, or changed no catalog."""
        self.changing.discard(ident)
        self.reshaping.discard(ident)

    def invalidate(self) -> None:
        """DDL or unread code is about to be, or was, committed: nobody may be judged by what was known before."""
        self.was_invalidated = True
        self.set_picture(None)

    def set_policy(self, policy: Policy) -> None:
        self.policy = policy
        self.version += 1
