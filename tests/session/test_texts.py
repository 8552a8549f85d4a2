"""What was read of long texts is kept within bounds."""

from __future__ import annotations

from pgguard.session.texts import Texts
from pgguard.sql.statement import ReadText

READ = ReadText(())


def test_what_is_kept_is_found() -> None:
    texts = Texts()
    texts.keep(b"select 1", READ)

    assert texts.find(b"select 1") is READ
    assert texts.find(b"select 2") is None


def test_a_very_long_text_is_not_kept() -> None:
    texts = Texts()
    texts.keep(b" " * (Texts.LONGEST + 1), READ)

    assert texts.find(b" " * (Texts.LONGEST + 1)) is None


def test_what_is_kept_is_bounded() -> None:
    texts = Texts()
    long = [bytes([number]) * Texts.LONGEST for number in range(Texts.MOST // Texts.LONGEST + 1)]
    for text in long:
        texts.keep(text, READ)
        texts.keep(text, READ)  # it counts once

    assert [text for text in long if texts.find(text) is READ] == long[-1:]
