"""A text as a row of words to walk along: keywords, names, and fragments that end at a word outside brackets."""

from __future__ import annotations

import re

from pgguard.sql import grammar

_OPENS, _CLOSES = frozenset("(["), frozenset(")]")
_NAME = re.compile(r"[a-z_\x80-\U0010ffff][a-z_0-9$\x80-\U0010ffff]*")


class Unexpected(Exception):
    """Another word stands here than could; the message says so of the text. Leaves the descent of whoever reads the
    words, never the room."""


class Words:
    """``reserved``: words that are never names. Comments are left out; behind the last word stands ""."""

    def __init__(self, source: bytes, tokens: list[tuple[bytes, bytes, bytes]], reserved: frozenset[str]) -> None:
        self.source = source
        self.reserved = reserved
        self.places: list[tuple[int, int]] = []
        self.words: list[str] = []  # as keywords are compared: a quoted name keeps its quotes, and so is never one
        for start, end, _ in tokens:
            place = grammar.varint(start), grammar.varint(end)
            text = source[place[0] : place[1]]
            if not text.startswith((b"--", b"/*")):
                self.places.append(place)
                self.words.append(text.lower().decode("utf-8", "replace"))
        self.words += ("", "")
        self.at = 0

    @property
    def word(self) -> str:
        return self.words[self.at]

    @property
    def next_word(self) -> str:
        return self.words[self.at + 1]

    def skip(self) -> None:
        if not self.word:
            raise Unexpected("cannot be read: it ends too early")
        self.at += 1

    def take(self, *words: str) -> bool:
        if self.word in words:
            self.at += 1
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.take(*words):
            raise Unexpected(f"cannot be read: {words[0].upper()} was expected and not {self.word or 'the end'}")

    def name(self) -> str:
        """The name that the identifier here stands for."""
        word = self.word
        quoted = word[:1] == '"'
        if not quoted and (word in self.reserved or _NAME.fullmatch(word) is None):
            raise Unexpected(f"cannot be read: a name was expected and not {word or 'the end'}")
        start, end = self.places[self.at]
        self.at += 1
        return self.source[start + 1 : end - 1].replace(b'""', b'"').decode("utf-8", "replace") if quoted else word

    def path(self) -> tuple[str, ...]:
        """``x``, ``schema.x``, ``label.row.x``."""
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        return tuple(parts)

    def until(self, *ends: str) -> bytes:
        """The text up to one of ``ends`` outside brackets; stays in front of it. No semicolon can stand in it."""
        start = self.at
        depth = 0
        while depth or self.word not in ends:
            if self.word in ("", ";"):
                raise Unexpected(f"cannot be read: {ends[0].upper()} was expected")
            depth += (self.word in _OPENS) - (self.word in _CLOSES)
            if depth < 0:
                raise Unexpected("cannot be read: brackets do not match")
            self.at += 1
        return self.text(start, self.at)

    def text(self, start: int, end: int) -> bytes:
        """The source from word ``start`` up to, not with, word ``end``."""
        return self.source[self.places[start][0] : self.places[end - 1][1]] if end > start else b""
