"""A console behind a real TCP port, for real clients; anybody may sign in as anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from pgguard.console.connection import ConsoleConnection
from pgguard.console.desk import Desk
from pgguard.store.requests import Store
from tests.console.stand import Console, Policy, members


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db", deadline=20.0)
    desk = Desk(store, members, Policy)
    stand = Console(store)

    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        length = int.from_bytes(await reader.readexactly(4), "big")
        startup = await reader.readexactly(length - 4)
        if startup[:4] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):  # SSLRequest, GSSENCRequest
            writer.write(b"N")
            length = int.from_bytes(await reader.readexactly(4), "big")
            startup = await reader.readexactly(length - 4)
        words = startup[4:].split(b"\0")
        user = words[words.index(b"user") + 1].decode()
        writer.write(b"R\0\0\0\x08\0\0\0\0")
        connection = ConsoleConnection(
            person=user, proved=stand.proved, write=writer.write, close=writer.close, desk=desk, drained=writer.drain
        )
        connection.greet()
        try:
            while data := await reader.read(65536):
                connection.receive(data)
        except ConnectionError:
            pass
        connection.lost()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stand.port = server.sockets[0].getsockname()[1]
    yield stand
    server.close()
    if served:  # the clients are gone by now
        await asyncio.wait(served, timeout=60)
    await store.close()
