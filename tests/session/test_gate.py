"""The one question of the fast path: what passes as it stands, in which state."""

from __future__ import annotations

import pytest

from pgguard.session import judging
from pgguard.session.gate import Pass, gate
from pgguard.session.judge import Judged
from tests.session import shop
from tests.session.client_script import q
from tests.session.stage import Stage


def asked(stage: Stage, text: str, *, binding: bool = False) -> Pass:
    session = stage.session
    judged: Judged = judging.meant(session, judging.judged(session, text.encode()))
    return gate(session, judged, binding=binding)


@pytest.mark.parametrize(
    "text", ["select 1", "delete from t where id = 1", "begin", "commit", "rollback", "vacuum", ""]
)
def test_what_is_proved_and_allowed_passes(text: str) -> None:
    assert asked(Stage(), text) is Pass.NOW


@pytest.mark.parametrize(
    "text",
    ["delete from t", "delete from t where id in (1, 2, 3, 4)", "do $$nothing$$", "select purge()", "truncate t",
     "rollback to a", "commit prepared 'x'", "prepare transaction 'x'", "execute nosuch", "selec 1"],
)  # fmt: skip
def test_everything_else_is_for_a_conversation(text: str) -> None:
    assert asked(Stage(), text) is Pass.SLOW


def test_bounds_are_added_up_within_a_transaction() -> None:
    stage = Stage().play([q("begin"), q("delete from t where id in (1, 2)")])

    assert asked(stage, "delete from t where id = 3") is Pass.NOW
    stage.play([q("delete from t where id = 3")])
    assert asked(stage, "delete from t where id = 4") is Pass.SLOW


def test_behind_unread_code_nothing_but_reading_is_believed() -> None:
    stage = Stage().play([q("begin"), q("do $$nothing$$")])

    assert asked(stage, "select 1") is Pass.SLOW
    assert asked(stage, "delete from t where id = 1") is Pass.SLOW
    assert asked(stage, "commit") is Pass.SLOW
    assert asked(stage, "rollback") is Pass.NOW
    assert asked(stage, "savepoint a") is Pass.SLOW  # the ledger has to know whether it succeeded


def test_in_a_failed_block_the_server_says_no_itself() -> None:
    stage = Stage().play([q("begin"), q("select 1/0")])

    assert asked(stage, "delete from t") is Pass.NOW
    assert asked(stage, "rollback; delete from t") is Pass.SLOW


def test_a_bind_of_commit_commits_nothing() -> None:
    stage = Stage().play([q("begin"), q("delete from t where id < 3")])

    assert asked(stage, "commit") is Pass.SLOW
    assert asked(stage, "commit", binding=True) is Pass.NOW


def test_a_caller_of_whom_no_rule_speaks_is_free() -> None:
    stage = Stage(caller=shop.FREE)

    assert asked(stage, "delete from t") is Pass.NOW
    assert stage.play([q("delete from t")]).said() == "DELETE_12 ZI"


def test_while_the_audit_takes_no_records_a_proved_write_is_measured_if_records_are_required() -> None:
    """Its record would come after its commit; measured, it comes before, or the write is refused."""
    required = shop.world(shop.POLICY.replace("unmeasured:", "audit: required\nunmeasured:"))
    for world, expected in ((required, Pass.SLOW), (shop.world(), Pass.NOW)):
        world.unrecorded = True

        assert asked(Stage(world=world), "delete from t where id = 1") is expected
        assert asked(Stage(world=world), "select 1") is Pass.NOW
        assert asked(Stage(world=world), "insert into t values (1)") is Pass.NOW


@pytest.mark.parametrize(
    ("text", "passes"),
    [("set transaction isolation level serializable", Pass.NOW), ("show search_path", Pass.NOW), ("begin", Pass.NOW),
     ("select 1; set x.y = 1", Pass.SLOW), ("set constraints all immediate", Pass.SLOW), ("discard temp", Pass.SLOW)],
)  # fmt: skip
def test_what_means_the_same_whatever_the_catalog_passes_while_another_session_changes_it(
    text: str, passes: Pass
) -> None:
    """A reading between pg_dump's SET TRANSACTION and its SET TRANSACTION SNAPSHOT made the latter fail."""
    stage = Stage()
    stage.world.changing.add("another session")
    stage.world.reshaping.add("another session")

    assert asked(stage, text) is passes


@pytest.mark.parametrize(("mode", "others"), [("access share", False), ("row exclusive", False), ("share", True)])
def test_a_lock_that_nobody_waits_for_does_not_switch_off_the_proofs_of_others(mode: str, others: bool) -> None:
    """pg_dump holds ACCESS SHARE on every table for hours."""
    stage = Stage().play([q("begin"), q(f"lock table t in {mode} mode")])

    assert stage.world.reshaped_elsewhere("s2") is others
