"""Settings that change what a text means or who its caller is."""

from __future__ import annotations

import pytest

from pgguard.evidence.session_facts import SessionFacts, SessionState
from pgguard.session import judging
from pgguard.session.settings import UNSAFE_ENCODINGS, Settings, as_utf8
from tests.session import shop
from tests.session.client_script import q
from tests.session.stage import WAIT, Stage


@pytest.mark.parametrize(
    ("parameters", "text", "trouble"),
    [
        ({}, b"select 'a'", False),
        ({}, rb"select '\'", False),
        ({"standard_conforming_strings": "off"}, rb"select '\'", True),
        ({"standard_conforming_strings": "off"}, b"select 'a'", False),
        ({"client_encoding": "SJIS"}, b"select 'a'", False),
        *(({"client_encoding": name}, b"select '\x81\x5c'", True) for name in sorted(UNSAFE_ENCODINGS)),
        ({"client_encoding": "UTF8"}, "select 'é'".encode(), False),
        ({"client_encoding": "LATIN1"}, b"select '\xe9'", False),
    ],
)
def test_what_the_server_reads_otherwise(parameters: dict[str, str], text: bytes, trouble: bool) -> None:
    assert bool(Settings(shop.CALLER).lexing_trouble(parameters, text)) is trouble


def test_while_it_is_being_changed_nobody_knows() -> None:
    settings = Settings(shop.CALLER)
    settings.lexing_unknown = True

    assert settings.lexing_trouble({}, rb"select '\'")
    assert not settings.lexing_trouble({}, b"select 1")


def test_other_encodings_are_read_as_what_they_mean() -> None:
    assert as_utf8({"client_encoding": "LATIN1"}, b"\xe9") == "é".encode()
    assert as_utf8({"client_encoding": "UTF8"}, b"\xe9") == b"\xe9"


def test_a_claim_is_believed_at_once() -> None:
    """A session that claims another environment may not write any more, in the same block."""
    policy = shop.POLICY.replace("limits:", "claims: {missing: refuse-destroying, differs: refuse}\nlimits:")
    script = [q("begin"), q("set pgguard.environment = 'staging'"), WAIT, q("delete from t where id = 1")]
    stage = Stage(world=shop.world(policy)).play(script)

    assert stage.said() == "BEGIN ZT SET ZT E:PGG01 ZE"


def test_a_report_is_a_notice() -> None:
    stage = Stage().play([q("set pgguard.report = 'on'"), WAIT, q("delete from t where id < 3")])

    assert "N:00000" in stage.said()


def facts(role: str, source: str | None) -> SessionFacts:
    state = SessionState(current_user="ann", session_replication_role=role)
    return SessionFacts("ann", "shop", 5, 1, 150018, False, "UTF8", "notice", "7", "0a", source, state)


def test_triggers_are_off_by_the_administrator_or_by_an_approval_or_else_nothing_is_proved() -> None:
    settings = Settings(shop.CALLER)
    settings.confirmed(facts("replica", "user"))
    assert not settings.guards_off
    settings.confirmed(facts("replica", "client"))
    assert not settings.guards_off

    settings = Settings(shop.CALLER)
    settings.confirmed(facts("replica", "client"))
    assert settings.guards_off
    settings.confirmed(facts("origin", None))
    assert not settings.guards_off

    session = Stage().session
    settings = session.settings
    settings.apply(session, judging.judged(session, b"set session_replication_role = replica"))
    settings.confirmed(facts("replica", "session"))
    assert not settings.guards_off
    settings.confirmed(facts("origin", None))
    settings.confirmed(facts("replica", "session"))
    assert settings.guards_off
