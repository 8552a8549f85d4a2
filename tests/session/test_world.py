"""What sessions share, and that nothing judged under an old policy or picture is believed under a new one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgguard.session import judging
from pgguard.session.asks import Cancelled
from pgguard.session.judge import judge
from pgguard.session.world import World
from pgguard.wire import frontend
from pgguard.wire.backend import error_fields, ready_for_query
from pgguard.wire.framing import frames
from tests.playbook import Playbook
from tests.session import shop
from tests.session.client_script import q
from tests.session.stage import Stage


def test_callers_who_are_alike_share_a_desk() -> None:
    world = shop.world()

    assert world.desk(shop.CALLER) is world.desk(replace(shop.CALLER))
    assert world.desk(shop.CALLER) is not world.desk(replace(shop.CALLER, claim="staging"))


def test_a_new_picture_or_policy_empties_every_desk() -> None:
    world = shop.world()
    desk = world.desk(shop.CALLER)
    judge(desk, world.picture, b"delete from t where id = 1")
    assert desk.shapes

    world.set_policy(shop.policy())
    assert not world.desk(shop.CALLER).shapes
    before = world.version
    world.set_picture(world.picture)
    assert world.version == before
    world.invalidate()
    assert (world.picture, world.was_invalidated, world.version) == (None, True, before + 1)


def test_of_whom_no_rule_speaks() -> None:
    world = shop.world()

    assert world.desk(shop.FREE).silent
    assert not world.desk(shop.CALLER).silent


def test_desks_do_not_grow_without_end() -> None:
    world = shop.world()
    for number in range(World.MOST_DESKS + 3):
        world.desk(replace(shop.CALLER, application=str(number)))

    assert len(world.desks) <= World.MOST_DESKS


def test_a_stricter_policy_holds_for_the_next_statement_of_an_open_session() -> None:
    stage = Stage().play([q("delete from t where id < 3")])
    stage.world.set_policy(shop.policy(shop.POLICY.replace("rows: 3", "rows: 1")))
    stage.play([q("delete from t where id in (4, 5)")])

    assert stage.said() == "DELETE_2 ZI E:PGG02 ZI"


def test_an_invalid_picture_is_asked_for_before_the_next_statement() -> None:
    stage = Stage()
    stage.world.invalidate()
    stage.play([q("delete from t where id = 1")])

    assert [type(ask).__name__ for ask in stage.asked] == ["NeedPicture"]
    assert stage.said() == "DELETE_1 ZI"


def test_a_text_that_only_failed_to_parse_takes_no_proofs_from_others() -> None:
    stage = Stage().play([q("selec 1")])

    assert not stage.world.changing
    assert not stage.world.reshaping


BUSY = "statements of another session, judged before, still wait for their turn: try again"


def two_sessions() -> tuple[Playbook, Playbook]:
    world = shop.world()
    answers = {"they did": True, "they did not": False}
    return Playbook(Stage(world=world).session, answers), Playbook(Stage(world=world, ident="s2").session, answers)


def test_ddl_waits_for_what_others_sent_and_has_not_begun() -> None:
    """What a name in it means is looked up when it begins: a function made meanwhile could stand in for a built-in."""
    reader, maker = two_sessions()
    reader.play("""
        client sends  Query select 1 | Query select 2
        server gets   Query select 1 | Query select 2
    """)
    maker.play(f"""
        client sends  Query create table x (id int)
        asks          WaitForOthers
        answers       they did not
        asks          WriteRecord
        answers       nothing
        client gets   ErrorResponse PGG05 cannot be judged: rule "unmeasured", {BUSY} | ReadyForQuery I
    """)
    assert not maker.session.world.changing
    reader.play("""
        server sends  CommandComplete SELECT 1 | ReadyForQuery I | CommandComplete SELECT 1 | ReadyForQuery I
        client gets   CommandComplete SELECT 1 | ReadyForQuery I | CommandComplete SELECT 1 | ReadyForQuery I
    """)
    assert not maker.session.world.waiting


@pytest.mark.parametrize("in_block", [False, True])
def test_what_waits_for_others_can_be_cancelled(in_block: bool) -> None:
    reader, maker = two_sessions()
    if in_block:
        maker.play("""
            client sends  Query begin
            server gets   Query [flush] | Query begin
            server sends  Query [flush] | ReadyForQuery I
            server sends  CommandComplete BEGIN | ReadyForQuery T
            client gets   CommandComplete BEGIN | ReadyForQuery T
        """)
    reader.session.client_data(frontend.encode_query(b"select 1") + frontend.encode_query(b"select 2"))
    maker.play("""
        client sends  Query create table x (id int)
        asks          WaitForOthers
    """)
    maker.session.answered(Cancelled())
    if in_block:
        assert b"".join(maker.session.to_server).startswith(b"P")  # the server is made to fail, too
        assert not maker.session.to_client
    else:
        error, end = frames(b"".join(maker.session.to_client))
        assert error_fields(error) == {
            "S": "ERROR",
            "V": "ERROR",
            "C": "57014",
            "M": "canceling statement due to user request",
        }
        assert end == ready_for_query(0x49)
        assert not maker.session.to_server
        assert not maker.session.world.changing


BATCH = "Parse - select 1 | Bind - - | Execute - | Sync"


@pytest.mark.parametrize("sent", ["Query select 1 | Query select 2", f"{BATCH} | Query select 2"])
def test_while_others_change_the_catalog_everything_waits_for_its_turn(sent: str) -> None:
    reader, _ = two_sessions()
    reader.session.world.changing.add("s2")
    first = sent.rpartition(" | ")[0]
    reader.play(f"""
        client sends  {sent}
        server gets   {first}
        server sends  CommandComplete SELECT 1 | ReadyForQuery I
        server gets   Query select 2
        client gets   CommandComplete SELECT 1 | ReadyForQuery I
    """)


def test_a_lost_connection_keeps_nobody_waiting() -> None:
    reader, maker = two_sessions()
    reader.play("""
        client sends  Query select 1 | Query select 2; select 3
        server gets   Query select 1 | Query select 2; select 3
    """)
    assert maker.session.world.waiting

    reader.session.closed()
    assert not maker.session.world.waiting


@pytest.mark.parametrize(("ddl", "waits"), [
    ("create table x (id int)", True), ("create index on t (n)", False), ("create temp table x (id int)", False),
])  # fmt: skip
def test_ddl_that_changes_what_names_mean_waits_for_the_bodies_that_run_elsewhere(ddl: str, waits: bool) -> None:
    """A body looks its names up when it first runs: another one made meanwhile could be found."""
    _, maker = two_sessions()
    maker.session.world.calling.add("s1")
    maker.play(f"client sends  Query {ddl}" + ("\nasks  WaitForOthers" if waits else f"\nserver gets   Query {ddl}"))

    assert maker.session.world.changed_elsewhere("s1")


def test_what_runs_alone_goes_out_as_it_stands_when_others_have_begun() -> None:
    """It is DDL, so it waits; it cannot run in a transaction, so it is not measured."""
    reader, maker = two_sessions()
    reader.session.world.writing = 1
    maker.play("""
        client sends  Query create index concurrently on t (n)
        asks          WaitForOthers
        answers       they did
        server gets   Query create index concurrently on t (n)
    """)


def test_bodies_of_ones_own_keep_nobody_waiting() -> None:
    _, maker = two_sessions()
    maker.session.world.calling.add("s2")
    maker.play("""
        client sends  Query create table x (id int)
        server gets   Query create table x (id int)
    """)


@pytest.mark.parametrize("lost", [True, False])
def test_bodies_run_until_they_are_answered_or_nobody_waits_for_them(lost: bool) -> None:
    reader, _ = two_sessions()
    world = reader.session.world
    judged = replace(judging.judged(reader.session, b"select 1"), calls=True)
    reader.session.desk.shapes.clear()
    reader.session.desk.kept[b"select 1", ()] = judged
    reader.play("""
        client sends  Query select 1
        server gets   Query select 1
    """)
    assert world.calls_elsewhere("s2")

    if lost:
        reader.session.closed()
    else:
        reader.play("""
            server sends  CommandComplete SELECT 1 | ReadyForQuery I
            client gets   CommandComplete SELECT 1 | ReadyForQuery I
        """)
    assert not world.calling
