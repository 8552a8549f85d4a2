"""The shape of a policy's own tests: who asks for what, with which evidence, and what must come of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from pgguard.policy.fields import Count, Listed, Moment, Sql, Text, lost_object, one_of
from pgguard.policy.part import Part


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
    """The evidence of a test. Without measured, destroyed, bound and unmeasurable nothing is known but the text.
    ``spent``: what of each budget was spent before."""

    tables: dict[str, Count] = Field(default_factory=dict)
    spent: dict[str, Count] = Field(default_factory=dict)
    measured: dict[str, Counts] | None = None
    destroyed: tuple[LostObject, ...] | None = None
    bound: Count | None = None
    unmeasurable: Text = ""


Decision = Literal["allow", "measure", "approve", "refuse"]


class Expect(Part):
    """What a test demands. ``by``: exactly these rules; ``check``: exactly these checks; left out: anything."""

    example = "{decision: allow}"
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
    time: Moment = None
    given: Given = Given()
    expect: Expect
