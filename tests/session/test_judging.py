"""What is said of a text, a prepared statement and a name, as the session's settings and names are."""

from __future__ import annotations

from session import shop
from session.client_script import SYNC, bind, execute, parse, q
from session.stage import Stage

from pgguard.policy.verdict import Allow, Measure
from pgguard.session import judging
from pgguard.session.names import Prepared


def test_a_text_beyond_ascii_is_read_in_the_clients_encoding() -> None:
    stage = Stage()
    stage.session.replies.parameters["client_encoding"] = "LATIN1"

    found = judging.judged(stage.session, "select 'é'".encode("latin-1"))

    assert not found.error
    assert found.text == "select 'é'".encode()


def test_a_backslash_is_not_read_while_strings_are_not_standard() -> None:
    stage = Stage()
    stage.session.replies.parameters["standard_conforming_strings"] = "off"

    assert judging.judged(stage.session, rb"select '\'").error
    assert not judging.judged(stage.session, b"select 1").error


def test_a_prepared_statement_is_judged_again_under_a_new_picture() -> None:
    stage = Stage().play([parse("s1", "delete from t where id = 1"), SYNC])
    prepared = stage.session.names.statements[b"s1"]
    assert isinstance(prepared.judged.verdict, Allow)

    stage.world.set_picture(None)
    stage.session.desk = stage.world.desk(stage.session.desk.caller)

    assert isinstance(judging.rejudged(stage.session, prepared).verdict, Measure)


def test_what_unread_code_may_have_replaced_is_never_judged_again() -> None:
    stage = Stage().play([q("select 1")])
    commit = judging.judged(stage.session, b"commit")
    tainted = Prepared(b"commit", (), commit, stage.session.desk.version)
    tainted.lose()

    assert judging.rejudged(stage.session, tainted).verdict == tainted.judged.verdict
    assert not isinstance(tainted.judged.verdict, Allow)


def test_an_unknown_name_is_opaque() -> None:
    found = judging.unknown(Stage().session, "portal")

    assert found.opaque
    assert isinstance(found.verdict, Measure)


ALWAYS_TRUE = """
version: 1
rules:
  - {name: all-rows, match: {check: [always-true]}, then: refuse}
"""


def test_the_values_of_a_bind_are_looked_at_where_a_rule_asks_for_that() -> None:
    """No limit speaks of the caller: without the value it would pass unmeasured."""
    stage = Stage(world=shop.world(ALWAYS_TRUE))
    text = "delete from t where n = $1 or $2"
    stage.play([parse("s1", text), bind("", "s1", "7", "f"), execute(""), SYNC])
    assert "PGG01" not in stage.said()

    stage.play([bind("", "s1", "7", "t"), execute(""), SYNC])
    assert "PGG01" in stage.said()
