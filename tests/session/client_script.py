"""Messages of a client in short, and a client that insists on the protocol: every message is answered, in order."""

from __future__ import annotations

import struct

from pgguard.wire import frontend
from tests.session.stage import short, split

SYNC = frontend.SYNC
FLUSH = frontend.FLUSH
TERMINATE = frontend.TERMINATE


def q(text: str) -> bytes:
    return frontend.encode_query(text.encode())


def parse(name: str, text: str) -> bytes:
    return frontend.encode_parse(name.encode(), text.encode())


def bind(portal: str = "", statement: str = "", *params: str) -> bytes:
    body = portal.encode() + b"\0" + statement.encode() + b"\0" + struct.pack("!hh", 0, len(params))
    for value in params:
        body += struct.pack("!i", len(value)) + value.encode()
    body += struct.pack("!h", 0)
    return b"B" + struct.pack("!i", len(body) + 4) + body


def describe(kind: str, name: str = "") -> bytes:
    return b"D" + struct.pack("!i", len(name) + 6) + kind.encode() + name.encode() + b"\0"


def close(kind: str, name: str = "") -> bytes:
    return frontend.encode_close(kind.encode(), name.encode())


def execute(portal: str = "") -> bytes:
    return frontend.encode_execute(portal.encode())


def pbe(text: str, *params: str) -> bytes:
    """Unnamed Parse, Bind, Execute."""
    return parse("", text) + bind("", "", *params) + execute()


def call(oid: int) -> bytes:
    body = struct.pack("!ihhh", oid, 0, 0, 0)
    return b"F" + struct.pack("!i", len(body) + 4) + body


def copy_data(data: bytes) -> bytes:
    return b"d" + struct.pack("!i", len(data) + 4) + data


COPY_DONE = b"c\0\0\0\x04"


def copy_fail() -> bytes:
    return b"f\0\0\0\x05\0"


def check(sent: bytes, received: bytes) -> list[str]:
    """The client's side of every exchange, as words such as ``Q -> T D SELECT_1 ZI``. Raises AssertionError where the
    server's messages cannot be the answers to the client's."""
    answers = [m for m in split(received) if m[:1] not in b"NAS"]
    lines: list[str] = []
    skipping = False

    def take(question: bytes, wanted: bytes) -> bytes:
        assert answers, f"no answer to {question!r} after {lines[-3:]}"
        got = answers.pop(0)
        assert got[:1] in wanted, f"{short(got)} in answer to {question!r} after {lines[-3:]}"
        words.append(short(got))
        return got[:1]

    for one in split(sent, "client"):
        code = one[:1]
        words: list[str] = []
        if code in b"Hdcf":
            continue
        if code == b"X":
            break
        if skipping and code != b"S":
            continue
        if code == b"S":
            skipping = False
            if take(one, b"ZE") == b"E":  # a commit can fail
                take(one, b"Z")
        elif code in b"QF":
            while take(one, b"TDCIEGHdcVZ") != b"Z":
                pass
        else:
            finals = {b"P": b"1", b"B": b"2", b"C": b"3", b"E": b"CIs"}.get(code, b"Tn")
            within = {b"E": b"DGHdc", b"D": b"t"}.get(code, b"")
            while (got := take(one, finals + within + b"E")) in within and got:
                pass
            skipping = got == b"E"
        lines.append(f"{code.decode()} -> {' '.join(words)}")
    assert not answers, f"nobody asked for {[short(m) for m in answers]}"
    return lines
