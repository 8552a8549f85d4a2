"""Transaction statements are closed in front of unread code; every name is parsed again behind it, when it is bound."""

from __future__ import annotations

import pytest

from tests.session.client_script import SYNC, bind, execute, parse, q
from tests.session.stage import Stage

RUN = bind("", "s1") + execute() + SYNC


@pytest.mark.parametrize("code", ["do $$nothing$$", "do $$prepare s1$$"])
def test_a_kept_begin_and_commit_come_back(code: str) -> None:
    begin = bind("", "b") + execute() + SYNC
    kept = [parse("b", "begin"), SYNC, parse("s1", "commit"), SYNC]
    stage = Stage().play([*kept, q(code), begin, RUN, begin, RUN])

    assert stage.said().endswith("2 BEGIN ZT 2 COMMIT ZI 2 BEGIN ZT 2 COMMIT ZI")
    assert all(not found.lost for found in stage.session.names.statements.values())


def test_a_lost_name_means_again_what_was_parsed() -> None:
    stage = Stage().play([parse("s1", "delete from t"), SYNC, q("do $$nothing$$"), RUN])

    assert "E:PGG02" in stage.said()
    assert all(not commit.lost for commit in stage.model.db.commits)


def test_execute_of_a_transaction_statement_is_not_believed() -> None:
    stage = Stage().play([parse("s1", "commit"), SYNC, q("execute s1")])

    assert "COMMIT" not in stage.said()
    assert stage.session.names.statements[b"s1"].closed
