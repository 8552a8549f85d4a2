"""The sign-in, relayed: it counts only if the server asked for something."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.session.proving import PLAIN, Leg
from pgguard.session.signin import SignIn, Stage
from pgguard.wire import authentication as a
from pgguard.wire.backend import encode_error, ready_for_query
from pgguard.wire.scram import MECHANISM, PLUS
from pgguard.wire.startup import StartupMessage
from tests.session import model_answers
from tests.session.model_database import Database
from tests.session.model_messages import data_row, message
from tests.session.scram_sides import OURS, THEIRS, Client, Server
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


def test_a_console_is_told_nothing_of_the_server_which_is_asked_who_it_is() -> None:
    one = sign_in(console=True)
    one.server_data(PASSWORD + OK + READY + FACTS)

    assert (one.stage, got(one)) == (Stage.DONE, ["R", "R"])
    assert one.facts is not None
    assert one.facts.database_oid == 5


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
        ({"console": True}, Stage.SIGNED_IN, ["R"]),
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


TLS = Leg(True, b"hash of pgguard's")
FIRST = {
    "bound": a.encode_sasl_initial_response(PLUS, b"p=tls-server-end-point,,n=,r=abc"),
    "could": a.encode_sasl_initial_response(MECHANISM, b"y,,n=,r=abc"),
    "not": a.encode_sasl_initial_response(MECHANISM, b"n,,n=,r=abc"),
}


def asked(client: Leg, server: Leg, *, verifiers: bool) -> SignIn:
    """A server that asks for SCRAM, and offers what a server on such a connection does."""
    one = SignIn(STARTUP, fresh=lambda: b"0" * 16, allow_trust=False, client=client, verifiers=verifiers)
    one.server = server
    one.server_data(a.encode_mechanisms([PLUS, MECHANISM] if server.encrypted else [MECHANISM]))
    return one


@pytest.mark.parametrize(
    ("client", "server", "verifiers", "offered"),
    [
        (PLAIN, PLAIN, True, [MECHANISM]),
        (PLAIN, TLS, True, [MECHANISM]),
        (TLS, PLAIN, True, [PLUS, MECHANISM]),
        (TLS, PLAIN, False, [MECHANISM]),
        (TLS, TLS, True, [PLUS, MECHANISM]),
        (TLS, TLS, False, [MECHANISM]),
        (Leg(True), TLS, True, [MECHANISM]),  # a certificate without a hash: nothing to bind to
    ],
)
def test_channel_binding_is_offered_where_the_client_can_have_it(
    client: Leg, server: Leg, verifiers: bool, offered: list[bytes]
) -> None:
    one = asked(client, server, verifiers=verifiers)

    assert one.to_client == [a.encode_mechanisms(offered)]


@pytest.mark.parametrize(
    ("client", "server", "verifiers", "chosen", "becomes"),
    [
        (PLAIN, PLAIN, False, "not", "relayed"),
        (PLAIN, TLS, False, "not", "relayed"),
        (TLS, PLAIN, False, "could", "relayed"),
        (TLS, PLAIN, True, "not", "relayed"),
        (TLS, TLS, True, "not", "relayed"),
        (TLS, TLS, False, "not", "relayed"),
        (TLS, PLAIN, True, "bound", "proving"),
        (TLS, TLS, True, "bound", "proving"),
        (Leg(True), TLS, True, "could", "proving"),
        (PLAIN, TLS, True, "could", "proving"),
        (TLS, TLS, True, "could", "E:28000"),  # PLUS was offered: somebody in between took it away
        (TLS, TLS, False, "could", "E:28000"),
    ],
)
def test_scram_is_relayed_or_proved_to_pgguard(
    client: Leg, server: Leg, verifiers: bool, chosen: str, becomes: str
) -> None:
    one = asked(client, server, verifiers=verifiers)
    one.client_data(FIRST[chosen])

    if becomes == "relayed":
        assert one.to_server[1:] == [FIRST[chosen]]
        assert not one.wants_verifier
    elif becomes == "proving":
        mechanism, data = a.sasl_initial_response(one.to_server[1])
        assert (mechanism, data[:1]) == ((PLUS, b"p") if server.binding else (MECHANISM, b"n"))
        assert b"abc" not in data
        assert one.wants_verifier
    else:
        assert (one.stage, got(one)[-1], one.to_server[1:]) == (Stage.FAILED, becomes, [])


def test_what_to_configure_is_said() -> None:
    one = asked(TLS, TLS, verifiers=False)
    one.client_data(FIRST["could"])

    assert b"auth-query" in one.to_client[-1]


@pytest.mark.parametrize(
    "answer",
    [
        a.encode_sasl_initial_response(PLUS, b"n,,n=,r=abc"),
        a.encode_sasl_initial_response(MECHANISM, b"p=tls-server-end-point,,n=,r=abc"),
        a.encode_sasl_initial_response(PLUS, b"p=tls-unique,,n=,r=abc"),
        a.encode_sasl_initial_response(b"OAUTHBEARER", b"n,,"),
        a.encode_sasl_response(b""),
    ],
)
def test_a_choice_that_was_not_offered(answer: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="client"):
        asked(TLS, TLS, verifiers=True).client_data(answer)


def test_other_mechanisms_are_relayed() -> None:
    one = SignIn(STARTUP, fresh=lambda: b"0" * 16, allow_trust=False, client=TLS, verifiers=True)
    one.server_data(a.encode_mechanisms([b"OAUTHBEARER"]))
    answer = a.encode_sasl_initial_response(b"OAUTHBEARER", b"n,,")
    one.client_data(answer)

    assert one.to_client == [a.encode_mechanisms([b"OAUTHBEARER"])]
    assert one.to_server[1:] == [answer]


def test_verifiers_that_cannot_be_looked_up_end_it() -> None:
    one = asked(TLS, TLS, verifiers=True)
    one.client_data(FIRST["bound"])
    one.no_verifier()

    assert (one.stage, got(one)[-1]) == (Stage.FAILED, "E:PGG06")


def test_a_certificate_of_the_user_counts_as_having_been_asked() -> None:
    one = SignIn(STARTUP, fresh=lambda: b"0" * 16, allow_trust=False, client=TLS, certified=True)
    one.server_data(OK)

    assert (one.stage, one.proved) == (Stage.SIGNED_IN, True)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("password", [b"secret", b"guessed"])
def test_a_sign_in_through_a_proof(early: bool, password: bytes) -> None:
    """The verifier may be known before the proof is there, or after."""
    client, server = Client(password), Server()
    one = asked(OURS, THEIRS, verifiers=True)
    one.client_data(a.encode_sasl_initial_response(PLUS, client.first))
    if early:
        one.verifier_is(server.verifier)
    one.server_data(server.challenge(one.to_server[1]))
    one.client_data(client.final(one.to_client[-1]))
    if not early:
        assert len(one.to_server) == 2
        one.verifier_is(server.verifier)

    assert server.accepts(one.to_server[2]) == (password == b"secret")
    if password == b"secret":
        one.server_data(server.final() + OK)
        assert (one.stage, one.proved) == (Stage.SIGNED_IN, True)
        assert client.accepts(one.to_client[-2])


def test_an_impostor_of_a_server_ends_it() -> None:
    client, server = Client(b"secret"), Server(b"other")
    one = asked(OURS, THEIRS, verifiers=True)
    one.client_data(a.encode_sasl_initial_response(PLUS, client.first))
    one.verifier_is(client.verifier)
    one.server_data(server.challenge(one.to_server[1]))
    one.client_data(client.final(one.to_client[-1]))
    server.accepts(one.to_server[2])
    one.server_data(server.final() + OK)

    assert (one.stage, got(one)[-1]) == (Stage.FAILED, "E:28000")
