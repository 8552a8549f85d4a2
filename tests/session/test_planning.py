"""Which Parse and which Bind can run code before anything is executed, and that it is read before anything commits."""

from __future__ import annotations

from typing import Any

import pytest

from pgguard.session import judging, planning
from pgguard.session.judge import Judged
from pgguard.session.world import World
from tests.session import shop
from tests.session.client_script import SYNC, check, parse
from tests.session.stage import Stage

READING = b"pg_stat_get_xact_tuples_deleted"


def world(*, domain: bool) -> World:
    """``domain``: there is one in whose checks purge() is called."""
    made = shop.world(seen=False)
    made.set_picture(shop.picture(careless_domain=domain))
    return made


def judged(stage: Stage, text: str) -> Judged:
    found: Judged = judging.meant(stage.session, judging.judged(stage.session, text.encode()))
    return found


@pytest.mark.parametrize(
    ("text", "runs"),
    [("select purge()", True), ("insert into d values (purge())", True), ("select 1", False), ("delete from t", False),
     ("commit", False), ("select '{1}'::careless[]", True), ("vacuum", False)],
)  # fmt: skip
def test_a_parse_runs_code_where_a_literal_of_some_type_can(text: str, runs: bool) -> None:
    stage = Stage(world=world(domain=True))

    assert planning.at_parse(stage.session, judged(stage, text)) is runs


def test_elsewhere_a_parse_runs_nothing() -> None:
    stage = Stage(world=world(domain=False))

    assert not planning.at_parse(stage.session, judged(stage, "select purge()"))


def test_a_bind_plans_what_no_picture_shows() -> None:
    stage = Stage()

    assert not planning.at_bind(stage.session, judged(stage, "select id from t"), values=False)
    assert planning.at_bind(stage.session, judged(stage, "select imm()"), values=False)
    stage.session.tx.untrusted = True  # DDL ran in this transaction
    assert planning.at_bind(stage.session, judged(stage, "select id from t"), values=False)
    assert not planning.at_bind(stage.session, judged(stage, "create table y (id int)"), values=False)
    assert not planning.at_bind(stage.session, judged(stage, "commit"), values=False)


@pytest.mark.parametrize(("domain", "readings"), [(True, True), (False, False)])
def test_what_a_parse_did_is_read_before_its_sync(domain: bool, readings: bool) -> None:
    stage = Stage(world=world(domain=domain)).play([parse("s1", "select purge()"), SYNC])

    assert not stage.model.violations
    check(bytes(stage.sent), bytes(stage.received))
    assert _before_the_last_sync(stage.model.seen) is readings


def _before_the_last_sync(seen: list[Any]) -> bool:
    messages = [bytes(message) for message in seen]
    last = max(i for i, message in enumerate(messages) if message == SYNC)
    return any(READING in message for message in messages[:last])
