"""What each target is begun with: whole messages, words, and what was once found."""

from __future__ import annotations

import struct

from pgguard.wire import backend, frontend
from tests.session import client_script as c
from tests.session import scripts

_FRONTEND = (c.q("select 1"), c.parse("s", "select $1"), c.bind("p", "s", "x"), c.execute("p"), c.describe("S", "s"),
             c.close("P", "p"), c.call(20), c.SYNC, c.FLUSH, c.TERMINATE)  # fmt: skip
_ERROR = backend.encode_error({"C": "42601", "M": "syntax error", "P": "7"})
_BACKEND = (
    _ERROR, backend.ready_for_query(0x49), b"S\0\0\0\x0da\0b\0\0\0", b"C\0\0\0\x0dSELECT 1\0",
    b"D" + struct.pack("!ihi", 11, 1, 1) + b"x", b"D" + struct.pack("!ihi", 10, 1, -1),
)  # fmt: skip
_SASL = (b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", b"R\0\0\0\x08\0\0\0\0", b"R\0\0\0\x08\0\0\0\3",
         b"R\0\0\0\x0c\0\0\0\5salt", b"p\0\0\0\x06x\0", b"n,,n=,r=abc", b"c=biws,r=abcdef,p=AAAA",
         b"r=abcdef,s=AAAA,i=4096", b"SCRAM-SHA-256$4096:AAAA$BBBB:CCCC", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
         b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c")  # fmt: skip
_WORDS = """select delete from where update set t a = ( ) , ; 1 'x' $1 and or not insert into values with as
    union join on case when then end drop table alter column explain analyze copy stdin merge using matched begin
    commit . :: [ ] -- /* */ $$ " ' || between in like is null create function prepare execute e' u& \\ do declare
    /*pgguard:token=x*/ returning trigger language sql""".split()
_SQL = (*(word.encode() for word in _WORDS), b" ", b"\n", b"\xc3\xa9", b"\xff",
        *(text.encode() + b";" for text in scripts.ANY))  # fmt: skip
_STARTUP = (struct.pack("!ii", 8, 80877103), struct.pack("!iiii", 16, 80877102, 1, 2),
            struct.pack("!ii", 23, 196608) + b"user\0ann\0x\0y\0\0")  # fmt: skip

SEEDS: dict[str, tuple[bytes, ...]] = {
    "framing": _FRONTEND,
    "startup": _STARTUP,
    "frontend": _FRONTEND,
    "backend": _BACKEND,
    "authentication": _SASL,
    "signin": (b"||", *_SASL, *_BACKEND, *_FRONTEND),
    "reader": _SQL,
    "session": (*(bytes((byte,)) for byte in range(224)), b"\xe1Q", b"\xe5Q\0\0\0\x05", frontend.SYNC),
}
