"""Strings with transaction control in them: cut there and nowhere else, or refused, or sent whole because they fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgguard.evidence.measurement import Measurement
from pgguard.session import asks
from pgguard.session.cut import pieces
from pgguard.session.judge import judge
from tests.session import shop
from tests.session.client_script import SYNC, bind, check, execute, parse, q
from tests.session.model_answers import seal
from tests.session.stage import Stage


def played(*texts: str) -> Stage:
    stage = Stage().play([q(text) for text in texts])
    assert not stage.model.violations
    assert not stage.disagreements
    check(bytes(stage.sent), bytes(stage.received))
    return stage


def test_pieces_are_the_control_statements_and_the_runs_between() -> None:
    world = shop.world()
    text = b" begin ; delete from t where id < 3; select 1 ;savepoint a; commit;"
    judged = judge(world.desk(shop.CALLER), world.picture, text)

    found = [(text[start:end], bool(piece.control)) for start, end, piece in pieces(judged)]

    assert found == [
        (b"begin", True), (b"delete from t where id < 3; select 1", False), (b"savepoint a", True), (b"commit", True),
    ]  # fmt: skip


def test_what_one_piece_was_allowed_is_not_allowed_to_another() -> None:
    """The same counters can be moved by another statement, of which another rule speaks."""
    world = shop.world()
    judged = judge(world.desk(shop.CALLER), world.picture, b"delete from t where id < 3; commit; update t set n = 1")
    first, _, last = (piece for _, _, piece in pieces(judged))

    first.allowed[()] = Measurement()
    assert last.allowed == judged.allowed == {}
    assert (first.kind, last.kind) == ("delete", "update")


@pytest.mark.parametrize(
    ("text", "said", "lost"),
    [
        ("begin; delete from t where id < 3; commit", "BEGIN DELETE_2 COMMIT ZI", [2]),
        ("begin; delete from t; commit", "BEGIN E:PGG02 ZE", []),
        ("begin; delete from t where id < 3; delete from p where id = 1; commit", "BEGIN DELETE_2 E:PGG02 ZE", []),
        ("begin; delete from t where id < 3; rollback; select 1", "BEGIN DELETE_2 ROLLBACK T D SELECT_1 ZI", []),
        ("begin; delete from t where id < 3; commit; delete from t where id > 10", "BEGIN DELETE_2 COMMIT DELETE_2 ZI",
         [2, 2]),
        ("begin; savepoint a; delete from t where id < 3; rollback to a; commit",
         "BEGIN SAVEPOINT DELETE_2 ROLLBACK COMMIT ZI", []),
        ("delete from t where id < 3; begin", "E:PGG05 ZI", []),
        ("delete from t where id < 3; commit", "E:PGG05 ZI", []),
        ("begin; insert into d default values; commit", "BEGIN INSERT_0_1 E:PGG02 ZI", []),
    ],
)  # fmt: skip
def test_what_comes_of_a_string(text: str, said: str, lost: list[int]) -> None:
    stage = played(text)

    assert stage.said() == said
    assert [commit.lost for commit in stage.model.db.commits] == lost


def test_a_chain_goes_on_with_the_counters_of_the_first() -> None:
    """COMMIT AND CHAIN leaves no moment for a flush."""
    stage = played(
        "begin", "delete from t where id < 3", "commit and chain", "delete from t where id > 10", "commit and chain",
        "delete from t where id < 5", "commit",
    )  # fmt: skip

    assert [commit.lost for commit in stage.model.db.commits] == [2, 2, 2]


def test_what_was_rolled_back_to_a_savepoint_does_not_count() -> None:
    again = ["savepoint a", "delete from t where id < 3", "rollback to a"]
    stage = played("begin", *again, *again, "delete from t where id < 3", "commit")

    assert stage.said().endswith("DELETE_2 ZT COMMIT ZI")
    assert [commit.lost for commit in stage.model.db.commits] == [2]


def test_what_stands_before_the_savepoint_still_counts() -> None:
    stage = played("begin", "delete from t where id < 3", "savepoint a", "delete from t where id > 10", "rollback to a",
                   "delete from t where id > 10")  # fmt: skip

    assert stage.said().split()[-2:] == ["E:PGG02", "ZE"]


def test_an_error_ends_the_string() -> None:
    assert played("begin; delete from t where id < 3; select 1/0; commit").said() == "BEGIN DELETE_2 E:22012 ZE"


def test_what_no_rollback_takes_back_does_not_go_in_front_of_it() -> None:
    """PostgreSQL fails at the savepoint, and by then the first statement has run."""
    stage = Stage().play([q("select pg_drop_replication_slot('s'); savepoint a")])

    assert not any(b"pg_drop_replication_slot" in message for message in stage.model.seen)
    assert b"PGG0" in stage.received


def test_a_savepoint_outside_a_block_fails_as_ever() -> None:
    assert played("select 1; rollback to a").said() == "T D SELECT_1 E:25P01 ZI"


@pytest.mark.parametrize("send", [lambda text: [q(text)], lambda text: [parse("", text), bind(), execute(), SYNC]])
@pytest.mark.parametrize(
    ("answer", "said"),
    [([[seal(["x"])]], "PGG05"), ([[seal(["y"])]], "0A000"), ([["00"]], "PGG05"), (asks.Away("x", "y"), "PGG06")],
)
def test_what_others_prepared_is_not_committed(send: Callable[[str], list[bytes]], answer: object, said: str) -> None:
    """Of a name that nobody prepared the server says so itself (the model knows no such statement)."""
    found = Stage(answers=lambda ask: answer if isinstance(ask, asks.LookOutside) else NotImplemented)

    assert said in found.play(send("commit prepared 'x'")).said()
