"""Several people, recurring jobs, going ahead alone: what a request tells, and who counts as a second person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live.pgguard import Pgguard, policy_file
from live.postgres import Postgres
from live.refusals import VERBOSE, Refused, from_psql, unharmed
from live.second_person import ended

pytestmark = pytest.mark.live

POLICY = """
version: 1
environment: production
approvers:
  dba: {roles: [dba], seen_for: 1h}
  security: {roles: [eve]}
approval: {by: [dba, security], expires: 30m}
break_glass: {roles: [mary_md5, oncall], reason: required}
mask: [accounts.email]
limits:
  - {name: small, rows: 10, beyond: approve}
rules:
  - {name: destroys, match: {destroys: any}, then: approve}
"""
ONE = POLICY.replace("[dba, security]", "dba")
DELETE = "delete from notes where n = 0"


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as name:
        yield name


def run(guard: Pgguard, database: str, text: str, *, user: str = "ann") -> str | Refused:
    ran = guard.psql(user=user, dbname=database, args=[*VERBOSE, "-c", text])
    return from_psql(ran) if ran.returncode else (ran.stdout + ran.stderr).strip()


def refused(guard: Pgguard, server: Postgres, database: str, text: str, *, user: str = "ann") -> Refused:
    with unharmed(server, database):
        answer = run(guard, database, text, user=user)
        assert isinstance(answer, Refused), answer
        return answer


def refill(server: Postgres, database: str) -> None:
    server.sql("delete from notes", dbname=database)
    server.sql("insert into notes select i, 'note ' || i from generate_series(1, 1000) i", dbname=database)


def shown(guard: Pgguard, number: int, user: str = "bob") -> dict[str, object]:
    ran = guard.cli("requests", str(number), "--json", user=user)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return found


@pytest.fixture
def guard(postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path) -> Pgguard:
    return start_guard(postgres, policy_file(tmp_path, ONE))


def test_what_a_request_tells(guard: Pgguard, postgres: Postgres, database: str) -> None:
    number = refused(guard, postgres, database, "delete from accounts where id <= 20").request
    told = shown(guard, number)

    assert "accounts: RowExclusiveLock" in told["lock"]  # type: ignore[operator]
    assert str(told["duration"]).endswith(" ms until it was judged")
    tables = "\n".join(told["table"])  # type: ignore[arg-type]
    assert "accounts: 20 rows deleted of about 200 (10%, " in tables
    assert "order_items: 120 rows deleted of about 1200 (10%, " in tables
    assert "probably by cascade from orders" in tables
    samples = "\n".join(told["sample"])  # type: ignore[arg-type]
    assert "inventory: id=1, account_id=1, item=item 1" in samples
    assert "accounts: id=1, status=active" in samples
    assert "1 masked" in samples
    assert "@" not in samples
    # What stands in a table is for those who are asked.
    assert shown(guard, number, "ann")["sample"] == ["shown to its approvers"]
    assert shown(guard, number, "app")["sample"] == ["shown to its approvers"]


def test_what_stands_on_a_table_that_goes(guard: Pgguard, postgres: Postgres, database: str) -> None:
    number = refused(guard, postgres, database, "drop table invoices").request
    told = shown(guard, number)

    assert told["dependent"] == [
        "function public.purge mentions invoices", "function public.drop_hidden mentions invoices"
    ] or set(told["dependent"]) == {  # type: ignore[arg-type]
        "function public.purge mentions invoices", "function public.drop_hidden mentions invoices"
    }  # fmt: skip
    assert "invoices: AccessExclusiveLock" in told["lock"]  # type: ignore[operator]


def test_a_row_updated_under_a_savepoint_is_in_the_sample(guard: Pgguard, postgres: Postgres, database: str) -> None:
    answer = refused(guard, postgres, database, "begin; savepoint a; update notes set n = 1 where id > 990; "
                     "savepoint b; update notes set n = 1 where id in (1, 2)")  # fmt: skip
    samples = shown(guard, answer.request)["sample"]

    assert any("note 99" in line or "id=1," in line for line in samples)  # type: ignore[attr-defined]


def test_two_groups(postgres: Postgres, start_guard: Callable[..., Pgguard], tmp_path: Path, database: str) -> None:
    guard = start_guard(postgres, policy_file(tmp_path, POLICY))
    answer = refused(guard, postgres, database, DELETE)
    assert 'Ask a member of "dba" and a member of "security"' in answer.hint
    number = answer.request
    first = guard.approve(number)
    assert "needs more approvals" in first
    again = refused(guard, postgres, database, DELETE)
    assert f"request {number} has 1 approval so far" in again.detail
    assert guard.cli("approve", str(number)).returncode == 1  # once is enough

    guard.approve(number, user="eve")
    assert run(guard, database, DELETE) == "DELETE 1000"
    assert ended(guard, number) == "committed"
    told = shown(guard, number)
    assert (told["state"], told["decided_by"]) == ("used", "bob, eve")
    refill(postgres, database)


def test_a_recurring_job(guard: Pgguard, postgres: Postgres, database: str) -> None:
    number = refused(guard, postgres, database, DELETE).request
    guard.approve(number, "--uses", "2", "--for", "24h", "--at-most", "1200")
    for left in (1, 0):
        assert run(guard, database, DELETE) == "DELETE 1000"
        assert shown(guard, number)["uses"] == f"{left} of 2 left"
        refill(postgres, database)
    assert refused(guard, postgres, database, DELETE).sqlstate == "PGG02"
    guard.approve(number, "--uses", "2")
    assert run(guard, database, DELETE) == "DELETE 1000"
    refill(postgres, database)


def test_withdrawn_by_its_requester_alone(guard: Pgguard, postgres: Postgres, database: str) -> None:
    number = refused(guard, postgres, database, DELETE).request
    guard.approve(number)

    assert guard.cli("withdraw", str(number), user="eve").returncode == 1
    assert guard.cli("withdraw", str(number), user="ann").stdout == f"request {number} withdrawn by ann\n"
    assert refused(guard, postgres, database, DELETE).request != number


def test_going_ahead_alone_is_loud(guard: Pgguard, postgres: Postgres, database: str) -> None:
    postgres.sql("grant select, update, delete on notes to mary_md5", dbname=database)
    assert refused(guard, postgres, database, DELETE, user="mary_md5").sqlstate == "PGG02"
    ran = guard.psql("set pgguard.reason = 'outage 7';\n" + DELETE + ";\n", user="mary_md5", dbname=database)

    assert "DELETE 1000" in ran.stdout
    assert 'WARNING:  break-glass: request 2 to review, rule "small", 1000 rows (limit 10)' in ran.stderr
    assert "break-glass" in guard.logs()
    assert guard.records_with(lambda record: record["verdict"] == "break-glass")
    told = shown(guard, 2)
    assert (told["state"], told["requester"], told["reason"]) == ("to review", "mary_md5", "outage 7")
    assert guard.cli("approve", "2", user="mary_md5").returncode == 1
    assert guard.approve(2) == "request 2 reviewed by bob\n"
    refill(postgres, database)
    # It allowed this one transaction, and nothing that looks like it.
    assert refused(guard, postgres, database, DELETE, user="mary_md5").sqlstate == "PGG02"
    assert refused(guard, postgres, database, "/* pgguard: reason='x' */ " + DELETE).sqlstate == "PGG02"


def test_set_role_breaks_the_glass_for_its_members_alone(guard: Pgguard, postgres: Postgres, database: str) -> None:
    postgres.sql("create role oncall")
    try:
        postgres.sql("grant oncall to app")
        postgres.sql("grant all on notes to oncall", dbname=database)
        script = "set pgguard.reason = 'x'; set role oncall;\nbegin;\n" + DELETE + ";\nupdate places set pos = pos;\n"
        ran = guard.psql(script + "commit;\n", user="app", dbname=database)
        assert "permission denied" in ran.stderr or "DELETE 1000" in ran.stdout
        ran = guard.psql("set pgguard.reason = 'x';\nset role oncall;\n" + DELETE + ";\n", user="app", dbname=database)
        assert "DELETE 1000" in ran.stdout, ran.stderr
        refill(postgres, database)
        ran = guard.psql("set pgguard.reason = 'x';\nset role oncall;\n" + DELETE + ";\n", user="ann", dbname=database)
        assert "permission denied to set role" in ran.stderr
        assert "PGG02" in guard.psql(DELETE, user="app", dbname=database, args=VERBOSE).stderr
    finally:
        postgres.sql("drop owned by oncall", dbname=database)
        postgres.sql("drop role oncall")
