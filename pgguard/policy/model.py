"""The shape of a policy file. Whatever is not enforced is not a key here, and so an error when somebody writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from pgguard.policy.fields import (
    Count,
    Duration,
    Identifier,
    Notice,
    Per,
    Share,
    Text,
    Texts,
    Version,
    count,
    one_of,
    shown,
    wrong,
)  # fmt: skip
from pgguard.policy.mask import Masks
from pgguard.policy.match import MATCHERS
from pgguard.policy.part import Named, Part
from pgguard.policy.suggest import did_you_mean, nearest, number
from pgguard.policy.trial_shape import Trial
from pgguard.policy.window import Window, window

LIMIT_KEYS = (*(m.key for m in MATCHERS if m.who), "table")


class Server(Part):
    """Which server this policy is for. ``serve`` refuses to start in front of another one."""

    name: Text = ""
    system_identifier: Identifier = ""


class Group(Part):
    """Callers by session_user, exactly: these roles, or everybody but these."""

    example = "{roles: [app]}"
    roles: Texts = ()
    not_roles: Texts = ()

    @model_validator(mode="after")
    def _one(self) -> Group:
        if bool(self.roles) == bool(self.not_roles):
            raise wrong("a caller group needs either roles or not_roles")
        return self


class Approvers(Part):
    """Members of these roles, whose login pgguard has known for so long (``store.trust``)."""

    example = "{roles: [dba]}"
    roles: Texts
    seen_for: Duration = 3600.0


class Approval(Part):
    """Who approves, how many of each group, and for how long an approval is good."""

    by: Texts
    needs: Annotated[int, BeforeValidator(count)] = 1
    expires: Duration = 1800.0

    @model_validator(mode="after")
    def _somebody(self) -> Approval:
        if not 1 <= self.needs <= 9:
            raise wrong(f"needs must be a number from 1 to 9, not {self.needs}", "needs")
        if len(set(self.by)) != len(self.by):
            raise wrong("a group stands here twice: needs says how many of its members have to approve", "by")
        return self


class BreakGlass(Part):
    """Who may go ahead alone with what needs approval, by session_user or SET ROLE, saying why."""

    roles: Texts
    reason: Annotated[Literal["required"], one_of("required")]


class Console(Part):
    """Members of these roles may steer pgguard from its console; without it, whoever is in a group of approvers."""

    admins: Texts


class Claims(Part):
    """What happens to a session that claims no environment, or another one than this."""

    missing: Annotated[Literal["refuse-destroying", ""], one_of("refuse-destroying")] = ""
    differs: Annotated[Literal["refuse", ""], one_of("refuse")] = ""


class RowsByVerb(Part):
    deleted: Count | None = None
    updated: Count | None = None

    @model_validator(mode="after")
    def _some(self) -> RowsByVerb:
        if self.deleted is None and self.updated is None:
            raise wrong("rows needs a number, or a mapping of deleted, updated or both")
        return self


def _rows(value: Any) -> Any:
    if isinstance(value, (dict, RowsByVerb)):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        meant = did_you_mean(number(value))
        raise wrong(
            f"rows needs a whole number of 0 or more, or a mapping of deleted and updated, not {shown(value)}{meant}"
        )
    return value


def _match_of(what: str, match: dict[str, tuple[str, ...]]) -> None:
    for key in match:
        if key not in LIMIT_KEYS:
            raise wrong(f'a {what} speaks of every statement, "{key}" belongs in a rule; a {what} can match on '
                        f"{', '.join(LIMIT_KEYS)}", "match")  # fmt: skip


class Limit(Named):
    """How many rows one transaction may update and delete, or which share of a table."""

    rows: Annotated[int | RowsByVerb | None, BeforeValidator(_rows)] = None
    share: Share | None = None
    at_least: Count | None = None
    beyond: Annotated[Literal["approve", "refuse"], one_of("approve", "refuse")]

    @model_validator(mode="after")
    def _whole(self) -> Limit:
        _match_of("limit", self.match)
        if (self.rows is None) == (self.share is None):
            raise wrong("a limit needs either rows or share")
        if (self.share is None) != (self.at_least is None):
            raise wrong("share and at_least belong together: a limit needs both or neither")
        return self


class Budget(Named):
    """How much may be lost over a sliding window, by all connections and transactions of one caller (or whatever
    ``per`` says) together: rows, a share of a table, or how often something may be refused."""

    per: Per
    rows: Count | None = None
    refusals: Count | None = None
    share: Share | None = None
    at_least: Count | None = None
    window: Duration
    warn: Count | None = None
    beyond: Annotated[Literal["approve", "refuse"], one_of("approve", "refuse")]

    @property
    def number(self) -> int | None:
        """The limit as a number; None for a share, which is of something."""
        return self.rows if self.refusals is None else self.refusals

    @model_validator(mode="after")
    def _whole(self) -> Budget:
        _match_of("budget", self.match)
        if sum(one is not None for one in (self.rows, self.refusals, self.share)) != 1:
            raise wrong("a budget needs one of rows, refusals or share")
        if (self.share is None) != (self.at_least is None):
            raise wrong("share and at_least belong together: a budget needs both or neither")
        if self.share is not None and "table" not in self.per:
            raise wrong("a share is of one table: per needs table as well", "per")
        if self.refusals is not None and ("table" in self.per or "table" in self.match):
            raise wrong("a refusal is of no table: refusals cannot be counted by table", "per")
        if self.warn is not None and (self.number is None or self.warn >= self.number):
            raise wrong(f"warn needs a number below the limit, not {self.warn}", "warn")
        return self


class Exception_(Part):
    """Lost objects that a ``destroys`` rule does not speak of."""

    table: Texts = ()
    rows_at_most: Count | None = None

    @model_validator(mode="after")
    def _some(self) -> Exception_:
        if not self.table and self.rows_at_most is None:
            raise wrong("an exception needs table, rows_at_most or both")
        return self


def _many(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


class Rule(Named):
    """What happens to statements that match."""

    excepts: Annotated[tuple[Exception_, ...], BeforeValidator(_many)] = Field(default=(), alias="except")
    then: Annotated[Literal["approve", "refuse", "allow-unmeasured"], one_of("approve", "refuse", "allow-unmeasured")]

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if not self.match:
            raise wrong("a rule needs a match; without one it would speak of every statement of everybody")
        if set(self.match) == {"time"}:
            raise wrong("time alone would speak of every statement, reads too; add effect or kind", "match")
        if self.excepts and "destroys" not in self.match:
            raise wrong("except speaks of lost objects, so the match needs destroys", "except")
        if self.then == "allow-unmeasured":
            if not {"call", "kind"} & self.match.keys():
                raise wrong("allow-unmeasured needs call or kind in its match", "match")
            for key in ("check", "destroys"):
                if key in self.match:
                    raise wrong(f"allow-unmeasured cannot match on {key}: what is not measured is not known", "match")
        return self


class Policy(Part):
    """A whole policy. ``name`` is its file's stem."""

    version: Version
    environment: Text = ""
    environment_notice: Notice = ("psql",)
    server: Server = Server()
    mode: Annotated[Literal["enforce", "observe"], one_of("enforce", "observe")] = "enforce"
    unmeasured: Annotated[Literal["refuse", "approve"], one_of("refuse", "approve")] = "refuse"
    audit: Annotated[Literal["required", ""], one_of("required")] = ""
    callers: dict[Text, Group] = Field(default_factory=dict)
    approvers: dict[Text, Approvers] = Field(default_factory=dict)
    approval: Approval | None = None
    break_glass: BreakGlass | None = None
    mask: Masks = ()
    console: Console | None = None
    claims: Claims = Claims()
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    tests: tuple[Trial, ...] = ()
    _name: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        return self._name

    @property
    def rules_count(self) -> int:
        return len(self.rules) + len(self.limits) + len(self.budgets)

    def at(self, moment: float) -> Policy:
        """What is in force at this moment: of everything that speaks of time only what does so now, and without it."""
        if not self.speaks_of_time:
            return self
        kept = {
            place: tuple(_at_any_time(one) for one in getattr(self, place) if _is_on(one, moment))
            for place in ("limits", "rules", "budgets")
        }
        return named(self.model_copy(update=kept), self.name)

    @property
    def speaks_of_time(self) -> bool:
        return any("time" in one.match for one in (*self.limits, *self.rules, *self.budgets))

    def groups_of(self, user: str) -> frozenset[str]:
        """The caller groups that ``user`` (session_user) belongs to."""
        return frozenset(
            name for name, group in self.callers.items()
            if (user in group.roles if group.roles else user not in group.not_roles)
        )  # fmt: skip

    @model_validator(mode="after")
    def _hangs_together(self) -> Policy:
        seen: set[str] = set()
        places: list[tuple[str, int, Limit | Budget | Rule]] = [("limits", i, one) for i, one in enumerate(self.limits)]
        places += [("rules", i, one) for i, one in enumerate(self.rules)]
        places += [("budgets", i, one) for i, one in enumerate(self.budgets)]
        for place, index, one in places:
            if one.name in seen:
                raise wrong(f'"{one.name}" is the name of two rules, limits or budgets', place, index, "name")
            seen.add(one.name)
            for group in one.match.get("caller", ()):
                if group not in self.callers:
                    raise wrong(f'"{group}" is not a group under callers{nearest(group, self.callers)}',
                                place, index, "match", "caller")  # fmt: skip
            answer = one.then if isinstance(one, Rule) else one.beyond
            if answer == "approve" and self.approval is None:
                raise wrong(f'"{one.name}" says approve, but the policy has no approval', place, index)
        if self.unmeasured == "approve" and self.approval is None:
            raise wrong("unmeasured says approve, but the policy has no approval", "unmeasured")
        for by in self.approval.by if self.approval is not None else ():
            if by not in self.approvers:
                raise wrong(f'"{by}" is not a group under approvers{nearest(by, self.approvers)}', "approval", "by")
        if self.break_glass is not None and self.approval is None:
            raise wrong("break_glass says who needs no approval, but the policy has no approval", "break_glass")
        budgets = [budget.name for budget in self.budgets]
        for index, trial in enumerate(self.tests):
            for name in trial.given.spent:
                if name not in budgets:
                    raise wrong(f'"{name}" is not a budget{nearest(name, budgets)}',
                                "tests", index, "given", "spent", name)  # fmt: skip
        if (self.claims.missing or self.claims.differs) and not self.environment:
            raise wrong("claims needs the environment that is the right one to claim", "claims")
        return self


def _is_on(one: Named, moment: float) -> bool:
    return "time" not in one.match or any(
        isinstance(found := window(text), Window) and found.has(moment) for text in one.match["time"]
    )


def _at_any_time(one: Named) -> Named:
    """The same rule to whoever approved it: its digest stays that of what stands in the file."""
    return one.model_copy(
        update={"match": {key: words for key, words in one.match.items() if key != "time"}, "digest": one.digest}
    )


def named(policy: Policy, name: str) -> Policy:
    """``policy`` under ``name``."""
    policy._name = name
    return policy
