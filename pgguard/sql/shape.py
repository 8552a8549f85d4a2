"""The shape of a text: itself with plain integer and string literals blanked, a key under which a verdict may be kept.

Two texts of one shape differ in nothing but the values of plain literals; the kind of each literal (integer up to nine
digits, quoted string) and the number of them stay. Nothing is guessed: a text with comments, backslashes, dollar signs
or an open quote has no shape. libpg_query's own normalisation would be wrong here: it makes ``pk = 1`` and ``pk = 1.5``
one, and the first is a lookup by key, the second is not. Compiled by mypyc when installed.
"""

from __future__ import annotations

from typing import Final

# 0: any other byte, 1: part of a word (a digit behind one is not a literal), 2: digit, 3: no shape, 4: ', 5: "
_CLASS: Final = bytearray(256)
for _c in range(256):
    if _c >= 0x80 or chr(_c).isalpha() or _c in b"_.":
        _CLASS[_c] = 1
for _c in b"0123456789":
    _CLASS[_c] = 2
for _c in b"\\$\0":
    _CLASS[_c] = 3
_CLASS[0x27] = 4
_CLASS[0x22] = 5

LONGEST: Final = 4096


def shape(text: bytes) -> bytes | None:
    """The key, or None where there is none. Literals are replaced by ``?`` and ``'?'``."""
    size = len(text)
    if size > 4096 or b"--" in text or b"/*" in text or b"U&" in text or b"u&" in text:
        return None  # (behind U&"..." UESCAPE a literal decides what the name is)
    if b"set_config" in text.lower():
        return None  # its literals say which setting becomes what
    out: list[bytes] = []
    kept = 0
    pos = 0
    before = 0  # class of the byte before pos
    while pos < size:
        kind = _CLASS[text[pos]]
        if kind == 2 and before != 1:
            end = pos + 1
            while end < size and _CLASS[text[end]] == 2:
                end += 1
            if end - pos <= 9 and (end == size or _CLASS[text[end]] != 1):
                out.append(text[kept:pos])
                out.append(b"?")
                kept = end
            pos = end
            before = 1
            continue
        if kind == 4:
            end = text.find(b"'", pos + 1)
            if end < 0 or text.find(b"\\", pos, end) >= 0 or text.find(b"\0", pos, end) >= 0:
                return None
            # '' inside a literal reads as two literals in a row: the shape then says so, which is exact enough
            out.append(text[kept : pos + 1])
            out.append(b"?")
            kept = end
            pos = end + 1
            before = 0
            continue
        if kind == 5:
            end = text.find(b'"', pos + 1)
            if end < 0:
                return None
            pos = end + 1
            before = 1
            continue
        if kind == 3:
            return None
        before = 1 if kind == 2 else kind  # a digit inside a word keeps the word going
        pos += 1
    if kept == 0:
        return text
    out.append(text[kept:])
    return b"".join(out)
