"""The handshake message by message: what is cut, stuffed, garbled or left lying harms nobody else."""

from __future__ import annotations

import socket
import ssl
import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress

import pytest
from live import frontend as f
from live.certificates import Authority
from live.endpoint import Endpoint
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def guard(postgres: Postgres, authority: Authority) -> Iterator[Pgguard]:
    certificate, key = authority.issue("guard")
    guard = Pgguard(postgres, PRODUCTION, "--tls-cert", str(certificate), "--tls-key", str(key)).start()
    yield guard
    guard.stop()


def plain(endpoint: Endpoint) -> socket.socket:
    return socket.create_connection((endpoint.host, endpoint.port), timeout=PATIENCE)


def everything(from_: socket.socket) -> bytes:
    found = b""
    try:
        while part := from_.recv(65_536):
            found += part
    except ConnectionError:
        pass
    return found


def lenient(*protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def test_bytes_smuggled_in_front_of_the_handshake(guard: Pgguard) -> None:
    with plain(guard) as one:
        one.sendall(f.ssl_request() + f.startup_message({"user": "ann", "database": "postgres"}))
        assert b"received unencrypted data after an encryption request" in everything(one)


def test_a_second_request(guard: Pgguard) -> None:
    with plain(guard) as one:
        one.sendall(f.ssl_request())
        assert one.recv(1) == b"S"
        with lenient().wrap_socket(one) as encrypted:
            encrypted.sendall(f.ssl_request())
            assert b"unsupported frontend protocol" in everything(encrypted)


@pytest.mark.parametrize("code", [4 << 16, 1234 << 16 | 5681], ids=hex)
def test_protocols_that_nobody_speaks(postgres: Postgres, guard: Pgguard, code: int) -> None:
    said = []
    for endpoint in (postgres, guard):
        with plain(endpoint) as one:
            one.sendall(struct.pack("!ii", 18, code) + b"user\0ann\0\0")
            fields = everything(one)[5:].split(b"\0")
            # (15 knows no 3.2)
            said.append([field.split(b":")[0] for field in fields if field[:1] in (b"S", b"C", b"M")])

    assert said[1] == said[0]
    assert b"C0A000" in said[0]


def test_gss_first_and_then_tls(guard: Pgguard) -> None:
    with plain(guard) as one:
        one.sendall(f.gssenc_request())
        assert one.recv(1) == b"N"
        one.sendall(f.ssl_request())
        assert one.recv(1) == b"S"
        lenient().wrap_socket(one).close()


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\xff\xff" + b"x" * 500, b"\x16" * 4000, b"\x16"])
def test_a_handshake_that_is_none(guard: Pgguard, garbage: bytes) -> None:
    for asked in (True, False):
        with plain(guard) as one:
            if asked:
                one.sendall(f.ssl_request())
                assert one.recv(1) == b"S"
            one.sendall(garbage)
            with suppress(OSError):  # pgguard may have closed already
                one.shutdown(socket.SHUT_WR)
            everything(one)
    assert guard.sql("select 1", user="ann", dbname="postgres") == [(1,)]


@pytest.mark.parametrize("protocols", [[], ["h2"]])
def test_direct_tls_without_its_protocol_name(guard: Pgguard, protocols: list[str]) -> None:
    with plain(guard) as one, lenient(*protocols).wrap_socket(one) as encrypted:
        assert b"ALPN" in everything(encrypted)


@pytest.mark.parametrize("piece", [1, 5, 200])
def test_direct_tls_in_pieces(guard: Pgguard, piece: int) -> None:
    """However the network cuts the ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = lenient("postgresql").wrap_bio(incoming, outgoing)
    with plain(guard) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                said = outgoing.read()
                for start in range(0, len(said), piece):
                    one.sendall(said[start : start + piece])
                incoming.write(one.recv(65_536))
        client.write(f.startup_message({"user": "ann", "database": "postgres"}))
        one.sendall(outgoing.read())
        answer = b""
        while len(answer) < 9:
            incoming.write(one.recv(65_536))
            try:
                answer += client.read(65_536)
            except ssl.SSLWantReadError:
                continue
        assert (client.selected_alpn_protocol(), struct.unpack_from("!i", answer, 5)) == ("postgresql", (10,))


def test_an_old_tls_is_refused(guard: Pgguard) -> None:
    context = lenient()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with plain(guard) as one:
        one.sendall(f.ssl_request())
        assert one.recv(1) == b"S"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(one)


def test_vanishing_in_every_state_leaks_nothing(guard: Pgguard) -> None:
    guard.connect("ann", "postgres", sslmode="require").close()
    before = guard.open_files()
    for size in range(0, 300, 20):
        with plain(guard) as one:
            one.sendall((f.ssl_request() + b"\x16\x03\x01\x01\x20\x01" + b"x" * 300)[:size])
    with guard.connect("ann", "postgres", sslmode="require") as connection:
        connection.execute("select 1")

    wait_until(lambda: guard.open_files() <= before, lambda: (before, guard.open_files()))
