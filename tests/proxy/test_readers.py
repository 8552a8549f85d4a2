"""Long texts are read by processes that may end, hang or answer nonsense; whoever asked hears of it."""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pgguard.proxy import readers
from pgguard.proxy.readers import Reader, Readers
from pgguard.proxy.reading_process import SMALL
from pgguard.sql import limits
from pgguard.sql.examine import examine
from pgguard.sql.read import unread
from pgguard.sql.statement import Effect

CRASHES = b"select 1" + b"+1" * (limits.MAX_COUNTED // 2)


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    found = Reader()
    yield found
    await found.end()


def pid(reader: Reader) -> int:
    assert reader._process is not None
    return reader._process.pid


async def test_the_answer_is_what_examine_says() -> None:
    pool = Readers()
    try:
        for text in (b"delete from t where a = 1 or a <> 1", b"selec 1", b"select 1 /*" + b" " * SMALL + b"*/"):
            assert examine(text) == await pool.read(text)
    finally:
        await pool.close()


async def test_a_text_that_ends_its_process_is_opaque_and_the_next_one_is_read(reader: Reader) -> None:
    found = await reader.read(CRASHES)

    assert found.error == "the text ended the process that read it"
    assert Effect.OPAQUE in found.statements[0].effects
    assert not (await reader.read(b"select 1")).error


async def test_a_text_that_takes_too_long_is_opaque() -> None:
    reader = Reader(0.001)

    found = await reader.read(b"select 1" + b",1" * 400_000)

    assert found.error == "reading the text took longer than 0.001 s"
    assert reader._process is None


async def test_a_text_that_takes_too_much_memory_is_opaque(reader: Reader) -> None:
    """libpg_query writes on standard output then, which is no answer, and ends the process."""
    found = await reader.read(b"select " + b"1::int," * 9_000_000 + b"1")

    ends = ("out of memory", "the text takes too much memory to be read", "the text ended the process that read it")
    assert found.error in ends


async def test_a_text_that_takes_too_much_processor_time_is_opaque() -> None:
    """The kernel keeps the time. Here a process that has none left stands for one that used it all."""
    reader = Reader()
    await reader.read(b"select 1")
    resource.prlimit(pid(reader), resource.RLIMIT_CPU, (1, 1))

    found = await reader.read(b"select 1" + b",1" * 500_000)

    assert found.error.startswith(("the text ended the process", "reading the text took too much processor time"))
    assert not (await reader.read(b"select 1")).error
    await reader.end()


async def test_one_process_serves_many_texts_until_it_has_grown(reader: Reader) -> None:
    await reader.read(b"select 1")
    first = pid(reader)
    await reader.read(b"select 2")
    assert first == pid(reader)

    await reader.read(b"select 1 /*" + b" " * readers._GROWN + b"*/")
    assert reader._process is None


async def test_a_process_that_was_killed_in_between_is_nobodys_fault(reader: Reader) -> None:
    await reader.read(b"select 1")
    os.kill(pid(reader), 9)
    assert reader._process is not None
    await reader._process.wait()

    assert not (await reader.read(b"select 1")).error


async def test_the_process_knows_no_secrets(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGGUARD_ADMIN_DSN", "postgresql://pgguard_admin:SECRET@localhost/")
    await reader.read(b"select 1")

    assert b"SECRET" not in Path(f"/proc/{pid(reader)}/environ").read_bytes()


async def test_so_many_wait_and_no_more(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> None:
    monkeypatch.setattr(readers, "MOST_WAITING", 3)

    found = await asyncio.gather(*(reader.read(b"select %d" % number) for number in range(5)))

    assert ["", "", "", *["too many long texts wait to be read"] * 2] == [each.error for each in found]


def test_what_cannot_be_read_in_time_is_opaque_as_a_whole() -> None:
    (statement,) = unread(b"select 1", "why").statements

    assert (statement.trouble, statement.length) == ("why", 8)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize(
    "answer", [pickle.dumps(Evil()), pickle.dumps("text"), pickle.dumps(Path()), b"nonsense", b""],
    ids=["runs", "string", "class", "nonsense", "nothing"],
)  # fmt: skip
def test_no_answer_runs_anything_here(answer: bytes) -> None:
    """The process has read hostile text with a library in C: what it says is not believed."""
    with pytest.raises(pickle.UnpicklingError):
        readers._Plain.load_read(answer)
