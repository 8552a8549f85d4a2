"""Measured Queries, as transcripts: the forms of DESIGN section 4."""

from __future__ import annotations

import pytest

from pgguard.policy.binding import Filed
from pgguard.session.asks import Away
from tests.playbook import Playbook
from tests.session import shop
from tests.session.client_script import call, q
from tests.session.stage import Stage

ANSWERS = {"request 17": Filed(17), "away": Away("store", "no answer in time")}
TOO_MANY = 'approval required: request 17, rule "few", 12 rows (limit 3)'


@pytest.fixture
def book() -> Playbook:
    return Playbook(Stage().session, ANSWERS)


def test_a_query_outside_a_block(book: Playbook) -> None:
    """Flush, our BEGIN, the client's Query whole, the reading, COMMIT; the tag waits for all of it. The audit is
    written while the server commits."""
    book.play("""
        client sends  Query delete from t where id < 3
        server gets   Query [flush] | unnamed [BEGIN] | Query delete from t where id < 3 | Query [counts]
        server sends  Query [flush] | ReadyForQuery I | unnamed [BEGIN]
        server sends  CommandComplete DELETE 2 | ReadyForQuery T
        server sends  Query [counts] t 0 0 2 | ReadyForQuery T
        server gets   Query COMMIT
        asks          WriteRecord
        answers       nothing
        server sends  CommandComplete COMMIT | ReadyForQuery I
        client gets   CommandComplete DELETE 2 | ReadyForQuery I
    """)


def test_a_query_beyond_the_limit_is_rolled_back(book: Playbook) -> None:
    book.play(f"""
        client sends  Query delete from t
        server gets   Query [flush] | unnamed [BEGIN] | Query delete from t | Query [counts]
        server sends  Query [flush] | ReadyForQuery I | unnamed [BEGIN] | CommandComplete DELETE 12 | ReadyForQuery T
        server sends  Query [counts] t 0 0 12 | ReadyForQuery T
        asks          FindApproval
        answers       nothing
        asks          Gather
        answers       nothing
        server gets   Query ROLLBACK
        server sends  CommandComplete ROLLBACK | ReadyForQuery I
        asks          FileRequest
        answers       request 17
        asks          WriteRecord
        answers       nothing
        client gets   ErrorResponse PGG02 {TOO_MANY} | ReadyForQuery I
    """)


def test_in_the_clients_block_the_server_itself_must_fail(book: Playbook) -> None:
    book.play(f"""
        client sends  Query begin
        server gets   Query [flush] | Query begin
        server sends  Query [flush] | ReadyForQuery I
        server sends  CommandComplete BEGIN | ReadyForQuery T
        client gets   CommandComplete BEGIN | ReadyForQuery T
        client sends  Query delete from t
        server gets   Query delete from t | Query [counts]
        server sends  CommandComplete DELETE 12 | ReadyForQuery T | Query [counts] t 0 0 12 | ReadyForQuery T
        asks          FindApproval
        answers       nothing
        asks          Gather
        answers       nothing
        server gets   [must fail] | Sync
        server sends  ErrorResponse 42601 syntax error at or near "refused" | ReadyForQuery E
        asks          FileRequest
        answers       request 17
        asks          WriteRecord
        answers       nothing
        client gets   ErrorResponse PGG02 {TOO_MANY} | ReadyForQuery E
    """)


def test_rows_stream_before_the_verdict_and_the_tag_does_not(book: Playbook) -> None:
    book.play("""
        client sends  Query select 1;delete from t where id < 3
        server gets   Query [flush] | unnamed [BEGIN] | Query select 1;delete from t where id < 3 | Query [reading all]
        server sends  Query [flush] | ReadyForQuery I | unnamed [BEGIN]
        server sends  RowDescription | DataRow 1 | CommandComplete SELECT 1
        client gets   RowDescription | DataRow 1
        server sends  CommandComplete DELETE 2
        client gets   CommandComplete SELECT 1
        server sends  ReadyForQuery T | Query [reading all] t 0 0 2 | ReadyForQuery T
        server gets   Query COMMIT
        asks          WriteRecord
    """)


def test_an_error_of_the_clients_own_is_passed_on_and_rolled_back(book: Playbook) -> None:
    book.play("""
        client sends  Query delete from t where id < 3
        server gets   Query [flush] | unnamed [BEGIN] | Query delete from t where id < 3 | Query [counts]
        server sends  Query [flush] | ReadyForQuery I | unnamed [BEGIN]
        server sends  ErrorResponse 57014 canceling statement due to user request | ReadyForQuery E
        client gets   ErrorResponse 57014 canceling statement due to user request
        server sends  ErrorResponse 25P02 current transaction is aborted | ReadyForQuery E
        server gets   Query ROLLBACK
        server sends  CommandComplete ROLLBACK | ReadyForQuery I
        client gets   ReadyForQuery I
    """)


def test_a_store_that_is_away_refuses(book: Playbook) -> None:
    book.play("""
        client sends  Query delete from t
        server gets   Query [flush] | unnamed [BEGIN] | Query delete from t | Query [counts]
        server sends  Query [flush] | ReadyForQuery I | unnamed [BEGIN] | CommandComplete DELETE 12 | ReadyForQuery T
        server sends  Query [counts] t 0 0 12 | ReadyForQuery T
        asks          FindApproval
        answers       away
        server gets   Query ROLLBACK
        server sends  CommandComplete ROLLBACK | ReadyForQuery I
        asks          WriteRecord
        answers       nothing
        client gets   ErrorResponse PGG06 pgguard cannot judge now: store is away: no answer in time | ReadyForQuery I
    """)


def test_a_transcript_that_differs_is_shown_as_a_diff(book: Playbook) -> None:
    with pytest.raises(AssertionError, match=r"(?s)-server gets Query select 2.*\+server gets Query select 1"):
        book.play("""
            client sends  Query select 1
            server gets   Query select 2
        """)


def test_what_can_be_read_by_the_server_alone_goes_to_it_as_a_parse(book: Playbook) -> None:
    stage = Stage().play([q("selec 1")])

    assert stage.said() == "E:42601 ZI"
    assert [m[:1] for m in stage.model.seen if b"selec 1" in m] == [b"P"]


def test_a_required_audit_is_written_before_the_commit() -> None:
    world = shop.world(shop.POLICY.replace("unmeasured:", "audit: required\nunmeasured:"))
    Playbook(Stage(world=world).session, {**ANSWERS, "away": Away("audit", "disk full")}).play("""
        client sends  Query delete from t where id < 3
        server gets   Query [flush] | unnamed [BEGIN] | Query delete from t where id < 3 | Query [counts]
        server sends  Query [flush] | ReadyForQuery I | unnamed [BEGIN] | CommandComplete DELETE 2 | ReadyForQuery T
        server sends  Query [counts] t 0 0 2 | ReadyForQuery T
        asks          WriteRecord
        answers       away
        server gets   Query ROLLBACK
        server sends  CommandComplete ROLLBACK | ReadyForQuery I
        asks          WriteRecord
    """)


def test_a_function_call_is_measured() -> None:
    assert Stage().play([call(20)]).said() == "V ZI"
    refused = Stage().play([call(20100)])

    assert refused.said().startswith("V E:PGG0")
    assert refused.model.db.commits == []


def test_a_token_in_the_comment_does_not_reach_the_server() -> None:
    stage = Stage().play([q("/* pgguard: token=abc.def */ delete from t")])

    (sent,) = [m for m in stage.model.seen if b"delete from t" in m]
    assert b"abc.def" not in sent
    assert sent == q("/* pgguard: token=        */ delete from t")
    assert [ask.token for ask in stage.asked if hasattr(ask, "token")] == ["abc.def"]
