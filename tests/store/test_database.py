"""A state URL that cannot be used is one clear sentence."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from live.postgres import Postgres

from pgguard.errors import ConfigError
from pgguard.store import moments
from pgguard.store.requests import Store
from tests.store.requests_at_hand import filed


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "state URL cannot be read"),
        ("mysql://x/y", 'unknown kind "mysql"'),
        ("sqlite://", "a file is needed"),
        ("sqlite:///:memory:", "a file is needed"),
        ("sqlite:////no/such/folder/x.db", "state file /no/such/folder/x.db: no such file or directory"),
        ("sqlite:////dev/full", "not an ordinary file"),
        ("sqlite:////dev", "is a directory"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", "state store 127.0.0.1:1/x: "),
    ],
)
async def test_a_url_that_cannot_be_used(url: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await Store.open(url)

    assert why in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_text("this is a diary" * 1000)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="file is not a database") as refused:
        await Store.open(f"sqlite:///{file}")

    assert refused.value.exit_code == 3
    assert file.read_text() == "this is a diary" * 1000


async def test_a_locked_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    await (await Store.open(f"sqlite:///{file}")).close()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(ConfigError, match="database is locked"):
        await Store.open(f"sqlite:///{file}")
    holder.close()


async def test_a_file_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.touch()
    file.chmod(0o622)
    with pytest.raises(ConfigError, match=r"others can write to it \(mode 0622\)"):
        await Store.open(f"sqlite:///{file}")


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    await (await Store.open(f"sqlite:///{file}")).close()
    with sqlite3.connect(file) as database:
        database.execute("update pgguard_meta set version = 3")
    database.close()
    with pytest.raises(ConfigError, match="schema version 3, this pgguard knows version 2"):
        await Store.open(f"sqlite:///{file}")


async def test_all_files_are_for_us_alone_and_a_relative_url_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = await Store.open("sqlite:///state.db", deadline=20.0)
    await filed(store)

    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600,
    }  # fmt: skip

    await store.close()


async def test_a_database_that_others_can_write_to_is_refused(state_server: Postgres) -> None:
    """Whoever can write to the state can approve his own requests."""
    with state_server.fresh_database(template="template1") as name:
        state_server.sql(f"alter database {name} owner to keeper")
        url = state_server.dsn("keeper", name)
        await (await Store.open(url)).close()
        state_server.sql("grant update on pgguard_requests to ann", dbname=name)
        with pytest.raises(ConfigError, match="ann can write to it, and so approve their own requests"):
            await Store.open(url)
        state_server.sql("revoke update on pgguard_requests from ann", dbname=name)
        state_server.sql("grant keeper to eve")
        try:
            with pytest.raises(ConfigError, match="eve can write to it"):
                await Store.open(url)
        finally:
            state_server.sql("revoke keeper from eve")


async def test_two_nodes_that_start_at_once(state_server: Postgres) -> None:
    with state_server.fresh_database(template="template1") as name:
        state_server.sql(f"alter database {name} owner to keeper")
        stores = await asyncio.gather(*(Store.open(state_server.dsn("keeper", name)) for _ in range(4)))
        for store in stores:
            await store.close()


async def test_nodes_share_the_clock_of_their_database(
    state_server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose own clock is an hour ahead files no request that is an hour younger for the others, and believes no
    login an hour earlier."""
    monkeypatch.setattr(moments, "time", SimpleNamespace(time=lambda: time.time() + 3600, monotonic=time.monotonic))
    with state_server.fresh_database(template="template1") as name:
        state_server.sql(f"alter database {name} owner to keeper")
        store = await Store.open(state_server.dsn("keeper", name), tmp_path / "key", deadline=20.0)
        number = await filed(store)
        await store.saw("bob")
        await store.roles_changed({"bob"}, "ann")
        found = await store.show(number)
        kept = [
            state_server.value(f"select max({column}) from pgguard_{table}", dbname=name)
            for column, table in (("first_seen", "logins"), ("moment", "role_changes"), ("created", "meta"))
        ]
        now = state_server.value("select extract(epoch from clock_timestamp())::float8")
        await store.close()

        assert found is not None
        assert all(abs(moment - now) < 60 for moment in (found.filed, *kept))
