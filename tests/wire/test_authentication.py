"""Authentication messages and the answers to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.wire import authentication as a

names = st.binary(min_size=1, max_size=20).map(lambda name: name.replace(b"\0", b"x"))


def test_golden_bytes() -> None:
    offer = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"

    assert a.encode_mechanisms([b"SCRAM-SHA-256"]) == offer
    assert (a.kind(offer), a.mechanisms(offer)) == (a.SASL, (b"SCRAM-SHA-256",))
    assert a.encode_sasl_initial_response(b"M", b"n,,") == b"p\0\0\0\x0dM\0\0\0\0\3n,,"


@given(offered=st.lists(names, max_size=4), chosen=names, data=st.binary(max_size=30))
def test_messages_round_trip(offered: list[bytes], chosen: bytes, data: bytes) -> None:
    assert a.mechanisms(a.encode_mechanisms(offered)) == tuple(offered)
    assert a.sasl_initial_response(a.encode_sasl_initial_response(chosen, data)) == (chosen, data)
    assert a.sasl_response(a.encode_sasl_response(data)) == data
    assert a.content(a.encode(a.SASL_FINAL, data)) == data


def test_an_initial_response_may_have_no_data() -> None:
    assert a.sasl_initial_response(a.encode_sasl_response(b"M\0\xff\xff\xff\xff")) == (b"M", b"")


@pytest.mark.parametrize("body", [b"", b"M", b"M\0\0\0", b"M\0\0\0\0\1", b"M\0\0\0\0\0x", b"M\0\xff\xff\xff\xffx"])
def test_an_initial_response_that_is_none(body: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="client: SASLInitialResponse"):
        a.sasl_initial_response(a.encode_sasl_response(body))


def test_a_request_that_is_cut_short() -> None:
    with pytest.raises(ProtocolViolation, match="server: authentication request"):
        a.kind(b"R\0\0\0\x06\0\0")
