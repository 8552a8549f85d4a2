"""The sample company is what the tour promises of it, on the wheel's server and on the oldest one supported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgguard.demo.client import Psql
from pgguard.demo.company import ROWS, Company
from pgguard.demo.embedded import Embedded
from pgguard.errors import ConfigError

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def company(bindir: Path) -> Iterator[Company]:
    with Embedded(bindir) as server:
        company = Company(server, Psql(bindir / "psql"))
        company.load()
        yield company


def connect(company: Company, role: str) -> psycopg.Connection[tuple[object, ...]]:
    login = company.login(role)
    return psycopg.connect(login.conninfo(), password=login.password)


def test_every_table_has_its_rows(company: Company) -> None:
    assert {name: content.rows for name, content in company.state().tables.items()} == ROWS


def test_everybody_signs_in_with_a_password_of_his_own(company: Company) -> None:
    for role in ("app", "ann", "bob", "pgguard_admin"):
        with connect(company, role) as connection:
            assert connection.execute("select session_user::text").fetchone() == (role,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(company.login(role).conninfo(), password="wrong")


def test_ann_can_destroy_everything_and_bob_nothing(company: Company) -> None:
    with connect(company, "ann") as connection:
        connection.execute(f"drop table {', '.join(ROWS)} cascade")
        connection.rollback()
    with connect(company, "bob") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from accounts")


def test_nobody_of_them_is_or_becomes_a_superuser_or_pgguard(company: Company) -> None:
    with connect(company, "ann") as connection:
        rows = connection.execute(
            "select rolname from pg_roles where rolname in ('app', 'ann', 'bob') and (rolsuper or rolcreaterole or"
            " rolbypassrls or pg_has_role(oid, 'pgguard_admin', 'member') or pg_has_role(oid, 'pg_monitor', 'member'))"
        ).fetchall()
    assert rows == []
    with connect(company, "pgguard_admin") as connection:
        assert connection.execute("select count(*) from shop.public.accounts").fetchone() == (2000,)


def test_the_always_true_where_is_always_true_and_not_obvious(company: Company) -> None:
    with connect(company, "bob") as connection:
        row = connection.execute(
            "select count(*) filter (where email like '%@test%'), count(*) filter (where email not like '%@test%')"
            " from accounts"
        ).fetchone()

    assert row == (50, 1950)


def test_cascades_go_three_levels_deep_and_into_partitions(company: Company) -> None:
    with connect(company, "ann") as connection:
        connection.execute("delete from accounts")
        left = {
            name: connection.execute(f"select count(*) from {name}").fetchone()  # type: ignore[arg-type]
            for name in ROWS
        }
        connection.rollback()

    assert left == dict.fromkeys(ROWS, (0,)) | {"activity_log": (2000,)}


def test_state_sees_an_update_a_drop_and_a_disabled_trigger(company: Company) -> None:
    before = company.state()
    assert before == company.state()
    with connect(company, "ann") as connection:
        connection.execute("update transactions set note = 'x' where id = 1")
        connection.execute("alter table orders disable trigger orders_updated")
        connection.execute("drop view stock")
    after = company.state()

    assert {n for n in ROWS if before.tables[n] != after.tables[n]} == {"transactions"}
    lost = {name.split()[1] for name in before.objects - after.objects if not name.startswith("column")}
    assert lost == {"stock", "orders_updated"}


def test_sequences_continue_after_the_data(company: Company) -> None:
    with connect(company, "app") as connection:
        row = connection.execute("insert into orders (account_id) values (1) returning id").fetchone()
        connection.rollback()

    assert row == (20001,)


def test_a_refused_load_is_one_clear_error(company: Company) -> None:
    """Loading twice finds the roles there already."""
    with pytest.raises(ConfigError, match='role "dev" already exists'):
        replace(company).load()
