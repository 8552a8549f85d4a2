"""A state URL that cannot be used is one clear sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pgguard.errors import ConfigError
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
    store = await Store.open("sqlite:///state.db", deadline=5.0)
    await filed(store)

    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600,
    }  # fmt: skip

    await store.close()
