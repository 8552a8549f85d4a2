"""Every decoder as a function of bytes: it takes them, or blames the side that sent them, and nothing else."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from random import Random

from pgguard.errors import ProtocolViolation
from pgguard.session.signin import SignIn
from pgguard.sql import limits
from pgguard.sql.predicate import every_always_true
from pgguard.sql.read import read
from pgguard.sql.shape import shape
from pgguard.sql.tokens import leading_comment, shown, token_digest, without_token
from pgguard.wire import authentication, backend, frontend, scram
from pgguard.wire.framing import EVERY, frame_end, frames, table, walk
from pgguard.wire.proxy_protocol import read_proxy_header
from pgguard.wire.startup import StartupMessage, read_startup
from tests.session import client_script as c
from tests.session import scripts
from tests.session.model_server import ModelServer
from tests.session.stage import Script, Stage
from tests.session.test_safety import unharmed

Decoder = Callable[[bytes], object]


def _each(*decoders: Decoder) -> Decoder:
    def run(data: bytes) -> None:
        for decode in decoders:
            with contextlib.suppress(ProtocolViolation):
                decode(data)

    return run


def framing(data: bytes) -> None:
    """The walk and the splitting of whole messages agree on where they end."""
    with contextlib.suppress(ProtocolViolation):
        end = walk(data, 0, table(b""), "client")
        assert 0 <= end <= len(data)
        assert b"".join(frames(data[:end])) == data[:end]
        rest = frame_end(data, end, "client")
        assert end == len(data) or rest == -1 or rest > len(data)
        assert walk(data, 0, EVERY, "client") == 0


def startup(data: bytes) -> None:
    """What is read of a packet is what would be sent on."""
    with contextlib.suppress(ProtocolViolation):
        found = read_startup(data)
        if found is not None:
            first, end = found
            assert 8 <= end <= len(data)
            if isinstance(first, StartupMessage):
                assert read_startup(first.encode()) == (first, len(first.encode()))


def signin(data: bytes) -> None:
    """Both sides of a sign-in, in turns; the first byte says how it began."""
    flags = data[0] if data else 0
    startup = StartupMessage(196608, (("user", "ann"), ("database", "shop")))
    talk = SignIn(startup, allow_trust=bool(flags & 1), fresh=lambda: b"0" * 16, console=bool(flags & 2),
                  verifiers=bool(flags & 4))  # fmt: skip
    with contextlib.suppress(ProtocolViolation):
        for number, part in enumerate(data[1:].split(b"||")):
            (talk.server_data if number % 2 == 0 else talk.client_data)(part)


def reader(data: bytes) -> None:
    """Offsets lie inside the text, one behind the other; nothing raises."""
    found = read(data)
    end = 0
    for statement in found.statements:
        assert end <= statement.start <= statement.start + statement.length <= len(data)
        end = statement.start + statement.length
    limits.short(data), leading_comment(data), token_digest(data), shape(data), shown(data)
    assert len(without_token(data)) == len(data)
    list(every_always_true(data.decode("utf-8", "replace")))


class Deaf(ModelServer):
    """Ends the connection over bytes that it cannot take, as a server would."""

    def _take(self, code: bytes, one: bytes) -> None:
        try:
            super()._take(code, one)
        except (ProtocolViolation, UnicodeDecodeError, ValueError, KeyError, IndexError, struct.error):
            self.lose()


_WORDS: tuple[bytes, ...] = (
    *(c.q(text) for text in scripts.ANY), *(c.pbe(text) for text in scripts.ANY),
    *(c.parse("s1", text) for text in scripts.ANY), c.bind("", "s1"), c.bind("p1", "s1"), c.execute(), c.execute("p1"),
    c.describe("S", "s1"), c.describe("P", "p1"), c.close("S", "s1"), c.close("P", "p1"), c.SYNC, c.FLUSH,
    c.COPY_DONE, c.copy_fail(), c.copy_data(b"1\n"), c.call(20), c.call(20100),
)  # fmt: skip
_RAW = 0xE0  # from here on a byte stands for itself and so many that follow


def session(data: bytes) -> None:
    """A whole session against the model server: words of the protocol, raw bytes between them, and random cuts."""
    dice = Random(int.from_bytes(data[:4], "big"))
    script: Script = [*_pieces(data[4:]), c.SYNC]
    unharmed(Stage(dice=dice, model=Deaf()).play(script))


def _pieces(data: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    pos = 0
    while pos < len(data):
        byte = data[pos]
        pos += 1
        if byte < _RAW:
            found.append(_WORDS[byte % len(_WORDS)])
        elif byte == _RAW:
            found.append(None)
        else:
            found.append(data[pos : pos + byte - _RAW])
            pos += byte - _RAW
    return [piece for piece in found if piece != b""]


TARGETS: dict[str, Decoder] = {
    "framing": framing,
    "startup": startup,
    "frontend": _each(
        frontend.query_text, frontend.parse, frontend.bind, frontend.execute, frontend.target, frontend.parameters,
        lambda data: frontend.parameters(data[7:]),
    ),
    "backend": _each(
        backend.error_fields, backend.data_row, backend.parameter_status, backend.command_tag,
        lambda data: backend.shift_position(data, 7),
    ),
    "authentication": _each(
        authentication.kind, authentication.content, authentication.mechanisms, authentication.sasl_initial_response,
        authentication.sasl_response, scram.client_first, scram.client_final, scram.server_first,
        lambda data: scram.parse_verifier(data.decode("latin-1")), read_proxy_header,
    ),
    "signin": signin,
    "reader": reader,
    "session": session,
}  # fmt: skip
