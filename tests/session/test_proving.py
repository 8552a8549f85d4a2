"""SCRAM on two legs: who knows the password gets in on both, nobody else does, and nothing tells roles apart."""

from __future__ import annotations

import base64
import itertools

import pytest

from pgguard.errors import ProtocolViolation
from pgguard.session.proving import PLAIN, Leg, Proving
from pgguard.wire import authentication as a
from pgguard.wire import scram
from tests.session.scram_sides import OURS, PLUS_HEADER, SALT, THEIRS, Client, Server


def proving(client: Client, leg: Leg = OURS, server: Leg = THEIRS, *, plus: bool = True) -> Proving:
    numbers = itertools.count()
    offered = (scram.PLUS, scram.MECHANISM) if plus else (scram.MECHANISM,)
    return Proving(scram.client_first(client.first), leg, server, offered, lambda: b"%016d" % next(numbers))


@pytest.mark.parametrize(
    ("header", "leg"), [(PLUS_HEADER, OURS), (b"y,,", Leg(True)), (b"n,,", PLAIN)], ids=["bound", "could", "not"]
)
@pytest.mark.parametrize(("server_leg", "plus"), [(THEIRS, True), (PLAIN, False), (THEIRS, False)])
def test_who_knows_the_password_gets_in_on_both_legs(header: bytes, leg: Leg, server_leg: Leg, plus: bool) -> None:
    client = Client(b"secret", header, leg.binding if header == PLUS_HEADER else b"")
    server = Server(leg=server_leg)
    one = proving(client, leg, server_leg, plus=plus)

    challenge = one.challenge(server.challenge(one.begin()))
    assert one.proof(client.final(challenge)) is None
    assert server.accepts(one.answer(client.verifier))
    final = one.accepted(server.final())

    assert isinstance(final, bytes)
    assert client.accepts(final)


def test_salt_and_iterations_are_the_servers_and_nonces_are_not() -> None:
    client, server = Client(b"secret"), Server()
    one = proving(client)
    theirs = scram.server_first(a.content(server.challenge(one.begin())))
    ours = scram.server_first(a.content(one.challenge(server.challenge(one.begin()))))

    assert (ours.salt, ours.iterations) == (theirs.salt, theirs.iterations)
    assert ours.nonce.startswith(b"client")
    assert ours.nonce != theirs.nonce


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_is_the_servers_to_refuse(known: bool) -> None:
    client, server = Client(b"guessed"), Server()
    one = proving(client)

    assert one.proof(client.final(one.challenge(server.challenge(one.begin())))) is None
    assert not server.accepts(one.answer(server.verifier if known else None))


def test_the_right_password_and_an_old_verifier() -> None:
    client, server = Client(b"secret"), Server()
    old = scram.Verifier(base64.b64encode(b"another salt ..."), 4096, b"1" * 32, b"2" * 32)
    one = proving(client)

    assert one.proof(client.final(one.challenge(server.challenge(one.begin())))) is None
    assert not server.accepts(one.answer(old))
    assert one.is_stale(old)
    assert not one.is_stale(server.verifier)


def test_a_client_that_saw_another_certificate_is_refused() -> None:
    client = Client(b"secret", binding=b"somebody in between")
    one = proving(client)

    refused = one.proof(client.final(one.challenge(Server().challenge(one.begin()))))

    assert refused == {"C": "28000", "M": "SCRAM channel binding check failed"}
    assert not one.proved


def test_a_client_with_another_nonce_is_refused() -> None:
    client = Client(b"secret")
    one = proving(client)
    challenge = one.challenge(Server().challenge(one.begin()))

    with pytest.raises(ProtocolViolation, match="invalid SCRAM response"):
        one.proof(client.final(challenge, nonce=b"client0"))


def test_a_proof_before_the_challenge_and_a_second_one() -> None:
    client = Client(b"secret")
    one = proving(client)
    with pytest.raises(ProtocolViolation, match="malformed"):
        one.proof(a.encode_sasl_response(b"c=biws,r=x,p=" + base64.b64encode(b"0" * 32)))
    final = client.final(one.challenge(Server().challenge(one.begin())))
    assert one.proof(final) is None

    with pytest.raises(ProtocolViolation, match="malformed"):
        one.proof(final)


def test_a_server_that_does_not_know_the_password_is_not_believed() -> None:
    client, impostor = Client(b"secret"), Server(b"other")
    one = proving(client)
    assert one.proof(client.final(one.challenge(impostor.challenge(one.begin())))) is None
    impostor.accepts(one.answer(client.verifier))

    refused = one.accepted(impostor.final())

    assert isinstance(refused, dict)
    assert "did not prove" in refused["M"]


def test_a_server_that_did_not_take_our_nonce_is_not_believed() -> None:
    one = proving(Client(b"secret"))

    with pytest.raises(ProtocolViolation, match="server: malformed"):
        one.challenge(a.encode(a.SASL_CONTINUE, b"r=other,s=" + SALT + b",i=4096"))
