"""The sign-in, relayed: it counts only if the server asked for something."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.session.signin import SignIn, Stage
from pgguard.wire.backend import encode_error, ready_for_query
from pgguard.wire.startup import StartupMessage
from tests.session import model_answers
from tests.session.model_database import Database
from tests.session.model_messages import data_row, message
from tests.session.stage import short, split
from tests.strategies import cuttings

STARTUP = StartupMessage(196608, (("user", "ann"), ("database", "shop")))
OK = message(b"R", struct.pack("!i", 0))
PASSWORD = message(b"R", struct.pack("!i", 3))
ANSWER = message(b"p", b"secret\0")
READY = message(b"S", b"server_version\x0015.18\0") + message(b"K", b"\0" * 8) + ready_for_query(0x49)
FACTS = message(b"1") + message(b"2") + data_row(model_answers.answer("server_version_num", Database(), {}, {})[1][0])
FACTS += message(b"C", b"SELECT 1\0") + message(b"3") * 2 + ready_for_query(0x49)


def sign_in(**options: bool) -> SignIn:
    return SignIn(STARTUP, fresh=lambda: b"0" * 16, **{"allow_trust": False, **options})


def got(one: SignIn) -> list[str]:
    return [short(m) for m in split(b"".join(one.to_client))]


def test_a_password_is_relayed_and_the_session_asked_about() -> None:
    one = sign_in()
    one.server_data(PASSWORD)
    one.client_data(ANSWER)
    one.server_data(OK + READY)
    one.server_data(FACTS)

    assert (one.stage, one.proved) == (Stage.DONE, True)
    assert one.to_server[:2] == [STARTUP.encode(), ANSWER]
    assert got(one) == ["R", "R", "S", "K"]
    assert one.parameters == {"server_version": "15.18"}
    assert one.facts is not None
    assert (one.facts.session_user, one.facts.database_oid) == ("ann", 5)


@given(data=st.data())
def test_any_cutting_is_the_same_sign_in(data: st.DataObject) -> None:
    one = sign_in()
    for piece in data.draw(cuttings(PASSWORD + OK + READY + FACTS)):
        one.server_data(piece)

    assert one.stage is Stage.DONE
    assert got(one) == ["R", "R", "S", "K"]


@pytest.mark.parametrize(
    ("options", "stage", "said"),
    [
        ({}, Stage.FAILED, ["E:28000"]),
        ({"allow_trust": True}, Stage.SIGNED_IN, ["R"]),
        ({"console": True}, Stage.DONE, ["R"]),
    ],
)
def test_without_a_challenge_nobody_is_somebody(options: dict[str, bool], stage: Stage, said: list[str]) -> None:
    one = sign_in(**options)
    one.server_data(OK)

    assert (one.stage, one.proved, got(one)) == (stage, False, said)


def test_a_wrong_password_is_the_servers_to_refuse() -> None:
    one = sign_in()
    one.server_data(PASSWORD + encode_error({"C": "28P01", "M": "no"}, severity="FATAL"))

    assert (one.stage, got(one)) == (Stage.FAILED, ["R", "E:28P01"])


def test_what_comes_too_early_waits_for_the_session() -> None:
    one = sign_in(allow_trust=True)
    one.server_data(OK)
    one.client_data(b"Q\0\0\0\x0dselect 1\0")

    assert one.leftover == b"Q\0\0\0\x0dselect 1\0"
    assert one.to_server == [STARTUP.encode()]


def test_only_answers_pass_before_it() -> None:
    with pytest.raises(ProtocolViolation, match="expected an answer"):
        sign_in().client_data(b"Q\0\0\0\x0dselect 1\0")
    with pytest.raises(ProtocolViolation, match="too long"):
        sign_in().client_data(b"p\0\1\0\1")


def test_a_session_that_cannot_be_asked_about_is_none() -> None:
    one = sign_in(allow_trust=True)
    one.server_data(OK + READY + encode_error({"C": "57014", "M": "x"}) + ready_for_query(0x49))
    assert one.stage is Stage.ASKING  # a timeout hit the question: once more

    one.server_data(encode_error({"C": "42501", "M": "x"}) + ready_for_query(0x49))

    assert one.stage is Stage.FAILED
    assert got(one)[-1] == "E:PGG06"
