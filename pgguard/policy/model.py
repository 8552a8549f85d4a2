"""The shape of a policy file. Whatever is not enforced is not a key here, and so an error when somebody writes it."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from pgguard.policy.fields import (
    Count,
    Duration,
    Identifier,
    Listed,
    Match,
    RuleName,
    Share,
    Sql,
    Text,
    Texts,
    Version,
    count,
    lost_object,
    nearest,
    one_of,
    shown,
    wrong,
)  # fmt: skip
from pgguard.policy.match import MATCHERS

_PLANNED = ("budgets", "notify", "backup", "undo", "time", "window", "per", "freeze", "groups")
LIMIT_KEYS = (*(m.key for m in MATCHERS if m.who), "table")


class Part(BaseModel):
    """A mapping of the file: exactly these keys, and never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise wrong(f"a mapping is needed here, not {shown(data)}")
        known = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key, value in data.items():
            if key not in known:
                later = " yet: what pgguard does not enforce it does not accept" if key in _PLANNED else ""
                raise wrong(f'"{key}" is not known here{later}{nearest(str(key), known)}', key)
            if value is None:
                raise wrong(f'"{key}" is empty; fill it or leave it out', key)
        for name, field in known.items():
            if field.is_required() and name not in data:
                raise wrong(f'"{name}" is missing here')
        return data


class Server(Part):
    """Which server this policy is for. ``serve`` refuses to start in front of another one."""

    name: Text = ""
    system_identifier: Identifier = ""


class Group(Part):
    """Callers by session_user, exactly: these roles, or everybody but these."""

    roles: Texts = ()
    not_roles: Texts = ()

    @model_validator(mode="after")
    def _one(self) -> Group:
        if bool(self.roles) == bool(self.not_roles):
            raise wrong("a caller group needs either roles or not_roles")
        return self


class Approvers(Part):
    roles: Texts


class Approval(Part):
    """Who approves, how many, and for how long an approval is good."""

    by: Text
    needs: Annotated[int, BeforeValidator(count)] = 1
    expires: Duration = 1800.0

    @model_validator(mode="after")
    def _needs_one(self) -> Approval:
        if self.needs != 1:
            raise wrong(f"needs must be 1, not {self.needs}: more approvers than one are not known yet", "needs")
        return self


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
        raise wrong(f"rows needs a whole number of 0 or more, or a mapping of deleted and updated, not {shown(value)}")
    return value


class Named(Part):
    """A rule or limit, whose own content has a digest that approvals are bound to."""

    name: RuleName
    match: Match = {}

    @cached_property
    def digest(self) -> str:
        content = [type(self).__name__, self.model_dump(mode="json", by_alias=True, fallback=str)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Limit(Named):
    """How many rows one transaction may update and delete, or which share of a table."""

    rows: Annotated[int | RowsByVerb | None, BeforeValidator(_rows)] = None
    share: Share | None = None
    at_least: Count | None = None
    beyond: Annotated[Literal["approve", "refuse"], one_of("approve", "refuse")]

    @model_validator(mode="after")
    def _whole(self) -> Limit:
        for key in self.match:
            if key not in LIMIT_KEYS:
                raise wrong(f'a limit speaks of every statement, "{key}" belongs in a rule; a limit can match on '
                            f"{', '.join(LIMIT_KEYS)}", "match")  # fmt: skip
        if (self.rows is None) == (self.share is None):
            raise wrong("a limit needs either rows or share")
        if (self.share is None) != (self.at_least is None):
            raise wrong("share and at_least belong together: a limit needs both or neither")
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
        if self.excepts and "destroys" not in self.match:
            raise wrong("except speaks of lost objects, so the match needs destroys", "except")
        if self.then == "allow-unmeasured":
            if not {"call", "kind"} & self.match.keys():
                raise wrong("allow-unmeasured needs call or kind in its match", "match")
            for key in ("check", "destroys"):
                if key in self.match:
                    raise wrong(f"allow-unmeasured cannot match on {key}: what is not measured is not known", "match")
        return self


class Counts(Part):
    """Row changes of one table, as a test claims that they were measured."""

    deleted: Count = 0
    updated: Count = 0
    inserted: Count = 0


class Lost(Part):
    """One lost object, as a test claims that it was found. Short: ``table invoices``."""

    kind: Text
    name: Text
    how: Text = "dropped"
    rows: Count | None = None


LostObject = Annotated[Lost, BeforeValidator(lost_object)]


class Given(Part):
    """The evidence of a test. Without measured, destroyed, bound and unmeasurable nothing is known but the text."""

    tables: dict[str, Count] = {}
    measured: dict[str, Counts] | None = None
    destroyed: tuple[LostObject, ...] | None = None
    bound: Count | None = None
    unmeasurable: Text = ""


Decision = Literal["allow", "measure", "approve", "refuse"]


class Expect(Part):
    """What a test demands. ``by``: exactly these rules; ``check``: exactly these checks; left out: anything."""

    decision: Annotated[Decision, one_of("allow", "measure", "approve", "refuse")]
    by: Listed | None = None
    check: Listed | None = None
    sqlstate: Text = ""


class Trial(Part):
    """One test of a policy."""

    user: Text = Field(alias="as")
    sql: Sql
    role: Text = ""
    database: Text = ""
    application_name: Text = ""
    address: Text = ""
    claim: Text = ""
    given: Given = Given()
    expect: Expect


class Policy(Part):
    """A whole policy. ``name`` is its file's stem."""

    version: Version
    environment: Text = ""
    server: Server = Server()
    mode: Annotated[Literal["enforce", "observe"], one_of("enforce", "observe")] = "enforce"
    unmeasured: Annotated[Literal["refuse", "approve"], one_of("refuse", "approve")] = "refuse"
    audit: Annotated[Literal["required", ""], one_of("required")] = ""
    callers: dict[Text, Group] = {}
    approvers: dict[Text, Approvers] = {}
    approval: Approval | None = None
    claims: Claims = Claims()
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    tests: tuple[Trial, ...] = ()
    _name: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        return self._name

    @property
    def rules_count(self) -> int:
        return len(self.rules) + len(self.limits)

    def groups_of(self, user: str) -> frozenset[str]:
        """The caller groups that ``user`` (session_user) belongs to."""
        return frozenset(
            name for name, group in self.callers.items()
            if (user in group.roles if group.roles else user not in group.not_roles)
        )  # fmt: skip

    @model_validator(mode="after")
    def _hangs_together(self) -> Policy:
        seen: set[str] = set()
        places: list[tuple[str, int, Limit | Rule]] = [("limits", i, one) for i, one in enumerate(self.limits)]
        places += [("rules", i, one) for i, one in enumerate(self.rules)]
        for place, index, one in places:
            if one.name in seen:
                raise wrong(f'"{one.name}" is the name of two rules or limits', place, index, "name")
            seen.add(one.name)
            for group in one.match.get("caller", ()):
                if group not in self.callers:
                    raise wrong(f'"{group}" is not a group under callers{nearest(group, self.callers)}',
                                place, index, "match", "caller")  # fmt: skip
            answer = one.beyond if isinstance(one, Limit) else one.then
            if answer == "approve" and self.approval is None:
                raise wrong(f'"{one.name}" says approve, but the policy has no approval', place, index)
        if self.unmeasured == "approve" and self.approval is None:
            raise wrong("unmeasured says approve, but the policy has no approval", "unmeasured")
        if self.approval is not None and self.approval.by not in self.approvers:
            by = self.approval.by
            raise wrong(f'"{by}" is not a group under approvers{nearest(by, self.approvers)}', "approval", "by")
        if (self.claims.missing or self.claims.differs) and not self.environment:
            raise wrong("claims needs the environment that is the right one to claim", "claims")
        return self


def named(policy: Policy, name: str) -> Policy:
    """``policy`` under ``name``."""
    policy._name = name
    return policy
