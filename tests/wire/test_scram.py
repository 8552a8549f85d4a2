"""SCRAM-SHA-256: the RFC's own example, what PostgreSQL stores, and what is no SCRAM message."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.wire import scram

# RFC 7677, section 3: user "user", password "pencil".
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
ACCEPTED = b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
SALTED = hashlib.pbkdf2_hmac("sha256", b"pencil", base64.b64decode(b"W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
CLIENT_KEY = hmac.digest(SALTED, b"Client Key", "sha256")
STORED_KEY = hashlib.sha256(CLIENT_KEY).digest()
SERVER_KEY = hmac.digest(SALTED, b"Server Key", "sha256")


def stored(salt: bytes = b"W22ZaJ0SNY7soEsUEjb6gQ==", server_key: bytes = SERVER_KEY) -> str:
    keys = f"{base64.b64encode(STORED_KEY).decode()}:{base64.b64encode(server_key).decode()}"
    return f"SCRAM-SHA-256$4096:{salt.decode()}${keys}"


def test_the_example_of_the_rfc() -> None:
    first, final = scram.client_first(FIRST), scram.client_final(FINAL)
    auth_message = first.bare + b"," + CHALLENGE + b"," + final.without_proof

    assert (first.flag, first.header, final.binding) == (b"n", b"n,,", b"n,,")
    assert scram.unmask(final.proof, STORED_KEY, auth_message) == CLIENT_KEY
    assert scram.unmask(CLIENT_KEY, STORED_KEY, auth_message) == final.proof
    assert base64.b64encode(scram.signature(SERVER_KEY, auth_message)) == ACCEPTED


def test_the_servers_challenge() -> None:
    found = scram.server_first(CHALLENGE)

    assert (found.salt, found.iterations) == (b"W22ZaJ0SNY7soEsUEjb6gQ==", b"4096")
    assert found.nonce.endswith(b"hNlF$k0")


def test_a_verifier_as_pg_authid_has_it() -> None:
    found = scram.parse_verifier(stored())

    assert found == scram.Verifier(b"W22ZaJ0SNY7soEsUEjb6gQ==", 4096, STORED_KEY, SERVER_KEY)
    assert base64.b64encode(STORED_KEY).decode() not in repr(found)
    assert repr(STORED_KEY) not in repr(found)


@pytest.mark.parametrize(
    "text",
    ["", "secret", "md5" + "0" * 32, stored()[:-1], stored() + "x", stored(salt=b"*"), stored(server_key=b"short")],
)
def test_what_is_no_verifier(text: str) -> None:
    assert scram.parse_verifier(text) is None


@pytest.mark.parametrize(
    ("data", "flag"),
    [(b"n,,n=,r=abc", b"n"), (b"y,,n=,r=abc", b"y"), (b"p=tls-server-end-point,,n=,r=abc", scram.END_POINT),
     (b"n,,n=*,r=abc,x=later", b"n")],
)  # fmt: skip
def test_the_clients_first_message(data: bytes, flag: bytes) -> None:
    found = scram.client_first(data)

    assert (found.flag, found.nonce) == (flag, b"abc")
    assert found.header + found.bare == data


@pytest.mark.parametrize(
    "data",
    [b"", b"n", b"n,,", b"x,,n=,r=abc", b"n,a=bob,n=,r=abc", b"n,,m=x,n=,r=abc", b"n,,n=,r=", b"n,,n=,r=a\x7fb",
     b"n,,r=abc", b"p,,n=,r=abc"],
)  # fmt: skip
def test_what_is_no_first_message(data: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="client: malformed SCRAM message"):
        scram.client_first(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"c=biws,r=abc", b"c=biws,r=abc,p=", b"c=biws,r=abc,p=YWJj", b"c=*,r=abc," + FINAL[-46:], FINAL + b"x"],
)
def test_what_is_no_final_message(data: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="client: malformed SCRAM message"):
        scram.client_final(data)


@pytest.mark.parametrize("data", [b"", b"e=other-error", b"r=abc,s=,i=1", b"r=abc,s=YQ==,i=x"])
def test_what_is_no_challenge(data: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="server: malformed SCRAM message"):
        scram.server_first(data)


@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_are_a_violation(data: bytes) -> None:
    for decode in (scram.client_first, scram.client_final, scram.server_first):
        with contextlib.suppress(ProtocolViolation):
            decode(data)
