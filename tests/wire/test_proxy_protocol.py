"""The PROXY protocol: whose address a balancer says."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ProtocolViolation
from pgguard.wire.proxy_protocol import read_proxy_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(family: int, body: bytes, *, kind: int = 0x21) -> bytes:
    return SIGNATURE + struct.pack("!BBH", kind, family, len(body)) + body


def addresses(source: str, target: str = "") -> bytes:
    first = ipaddress.ip_address(source).packed
    return first + (ipaddress.ip_address(target).packed if target else first) + struct.pack("!HH", 5, 5432)


WHOLE = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 5432\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 5432\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""),
    (binary(0x11, addresses("192.0.2.7")), "192.0.2.7"),
    (binary(0x21, addresses("2001:db8::7")), "2001:db8::7"),
    (binary(0x11, addresses("192.0.2.7") + b"\x04\0\1x"), "192.0.2.7"),  # with a TLV behind
    (binary(0x31, b"/run/x".ljust(216, b"\0")), ""),
    (binary(0x00, b"", kind=0x20), ""),  # LOCAL: a health check
    (binary(0x11, addresses("192.0.2.7"), kind=0x20), ""),
]


@pytest.mark.parametrize(("header", "address"), WHOLE)
def test_the_address_and_the_end(header: bytes, address: str) -> None:
    assert read_proxy_header(header + b"\0\0\0\x08") == (address, len(header))


@pytest.mark.parametrize("header", [header for header, _ in WHOLE])
def test_a_part_of_it_is_not_whole_yet(header: bytes) -> None:
    assert all(read_proxy_header(header[:size]) is None for size in range(len(header)))


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        b"PROXY TCP4 nobody 198.51.100.1 1 2\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        binary(0x11, b"short"),
        binary(0x11, addresses("192.0.2.7"), kind=0x11),
        binary(0x11, addresses("192.0.2.7"), kind=0x22),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="PROXY protocol header"):
        read_proxy_header(data)


@given(data=st.binary(max_size=40) | st.binary(max_size=40).map(lambda b: SIGNATURE + b))
def test_any_bytes_are_read_or_are_the_clients_violation(data: bytes) -> None:
    try:
        read_proxy_header(data)
        blamed = "client"
    except ProtocolViolation as broken:
        blamed = broken.side
    assert blamed == "client"
