"""Every way in which user code was seen to run without a visible call is reachable, and little else is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgguard.catalog.proof import Unproved
from pgguard.catalog.prove import prove
from pgguard.catalog.reach import analysis_runs_code, read_reason, user_code
from pgguard.sql.read import read

EVIL = """
create table victim (id int);
insert into victim select generate_series(1, 1000);
create function purge() returns int language plpgsql as $$ begin delete from public.victim; return 1; end $$;
create function evil() returns bool language plpgsql immutable as $$ begin return public.purge() > 0; end $$;
create function evil(int) returns int language plpgsql immutable as $$ begin perform public.purge(); return $1; end $$;
create function fires() returns trigger language plpgsql as $$ begin delete from victim; return new; end $$;
create table plain (id int primary key, v text);
"""


def reason(database, sql, types=()):
    (statement,) = read(sql.encode()).statements
    return user_code(statement, database.picture(), types)


# (schema beyond EVIL, statement): each one empties ``victim`` when it runs, and nothing in the text calls evil()
HIDDEN = {
    "domain": (
        "create domain d as int check (evil(value) > 0)",
        "select 1::d",
    ),
    "domain in a function style cast": ("create domain d as int check (evil(value) > 0)", "select d(1)"),
    "domain as an array": ("create domain d as int check (evil(value) > 0)", "select '{1}'::d[]"),
    "domain in a column": (
        "create domain d as int check (evil(value) > 0); create table t (c d)", "insert into t values (1)",
    ),
    "domain's default": (
        "create domain d as int default evil(1); create table t (id int, c d)", "insert into t (id) values (1)",
    ),
    "default of a domain below": (
        "create domain d as int default evil(1); create domain e as d; create table t (id int, c e)",
        "insert into t (id) values (1)",
    ),
    "default of an added domain": ("create domain d as int default evil(1)", "alter table plain add column z d"),
    "domain by way of a row": (
        "create domain d as int check (evil(value) > 0); create table t (c d); insert into t values (null)",
        "select json_populate_record(t, '{\"c\": 1}') from t",
    ),
    "domain by name": (
        "create domain d as int check (evil(value) > 0)", "select domain_in('1', 'd'::regtype, -1) is null",
    ),
    "domain behind a dot": ("create domain d as int check (evil(value) > 0)", "select ('1').d"),
    "domain behind the dot of a column": (
        "create domain d as int check (evil(value) > 0); insert into plain values (1)", "select (p.id).d from plain p",
    ),
    "operator": (
        "create function op(int, int) returns bool language sql as 'select evil()';"
        "create operator === (leftarg = int, rightarg = int, function = op)", "select 1 === 2",
    ),
    "cast": (
        "create type e as enum ('a'); create function c(e) returns int language sql as 'select evil(1)';"
        "create cast (e as int) with function c(e) as implicit; create table t (x e); insert into t values ('a')",
        "select x + 1 from t",
    ),
    "overload": (
        "create type e as enum ('a'); create function lower(e) returns text language sql as 'select evil()::text';"
        "create table t (x e); insert into t values ('a')", "select lower(x) from t",
    ),
    "attribute notation": (
        "create function full_name(plain) returns bool language sql as 'select evil()'; insert into plain values (1)",
        "select p.full_name from plain p",
    ),
    "default": ("create table t (a int, b int default evil(1))", "insert into t (a) values (1)"),
    "default in an update": (
        "create table t (a int, b int default evil(1)); insert into t values (1, 1)", "update t set b = default",
    ),
    "generated column": (
        "create table t (a int, b int generated always as (evil(a)) stored)", "insert into t values (1)",
    ),
    "check": ("create table t (a int check (evil(a) > 0))", "insert into t values (1)"),
    "index": ("create table t (a int); create index on t (evil(a))", "insert into t values (1)"),
    "index predicate": ("create table t (a int); create index on t (a) where evil(a) > 0", "insert into t values (1)"),
    "planner folds an index predicate": (
        "create table t (a int); create index on t (a) where evil(1) > 0; insert into t values (1);"
        "insert into victim values (1)", "select * from t where a = 1",
    ),
    "planner puts a body in its place": (
        "create function wrap(int) returns int immutable language sql as 'select $1 + public.evil(1)';"
        "create table t (a int); create index on t (wrap(a)); insert into t values (1);"
        "insert into victim values (1)", "select * from t where a = 1",
    ),
    "partition key": (
        "create table t (a int) partition by list ((evil(a))); create table t1 partition of t default",
        "insert into t values (1)",
    ),
    "policy": (
        "create table t (a int); insert into t values (1); alter table t enable row level security, force row level"
        " security; create policy p on t using (evil()); create role r; grant all on t, victim to r; set role r",
        "select * from t",
    ),
    "view": ("create view w as select evil() from generate_series(1, 1)", "select * from w"),
    "view over a view": (
        "create view w as select evil() from generate_series(1, 1); create view w2 as select * from w",
        "select * from w2",
    ),
    "rule": ("create rule r as on insert to plain do also delete from victim", "insert into plain values (1)"),
    "trigger": (
        "create trigger t before insert on plain for each row execute function fires()", "insert into plain values (1)",
    ),
    "trigger behind a view": (
        "create trigger t before insert on plain for each row execute function fires();"
        "create view w as select * from plain",
        "insert into w values (1)",
    ),
    "trigger on a partition": (
        "create table t (a int) partition by list (a); create table t1 partition of t default;"
        "create trigger g before insert on t1 for each row execute function fires()", "insert into t values (1)",
    ),
    "trigger behind a cascade": (
        "create table c (p int references plain on delete cascade); insert into plain values (1);"
        "insert into c values (1);"
        "create trigger g after delete on c for each row execute function fires()", "delete from plain",
    ),
    "trigger behind set null": (
        "create table c (p int references plain on delete set null); insert into plain values (1);"
        "insert into c values (1);"
        "create trigger g after update on c for each row execute function fires()", "delete from plain",
    ),
    "trigger of a row that moves": (
        "create table t (a int) partition by list (a); create table t1 partition of t for values in (1);"
        "create table t2 partition of t for values in (2); insert into t values (1);"
        "create trigger g before insert on t2 for each row execute function fires()", "update t set a = 2",
    ),
    "truncate trigger": (
        "create trigger t before truncate on plain for each statement execute function fires()", "truncate plain",
    ),
    "aggregate": (
        "create function step(int, int) returns int language sql as 'select evil(1)';"
        "create aggregate agg(int) (sfunc = step, stype = int, initcond = '0')",
        "select agg(x) from generate_series(1, 2) x",
    ),
    "explain": ("select 1", "explain select evil(1)"),
    "add column": ("select 1", "alter table plain add column z int default evil(1)"),
    "analyze": ("create table t (a int); create index on t (evil(a)); insert into t values (1)", "analyze t"),
    "analyze of everything": (
        "create table t (a int); create index on t (evil(a)); insert into t values (1)", "analyze",
    ),
    "reindex": ("create table t (a int); create index i on t (evil(a)); insert into t values (1)", "reindex index i"),
    "refresh": ("create materialized view m as select evil(1) with no data", "refresh materialized view m"),
    "create table as": ("create view w as select evil(1)", "create table q as select * from w"),
    "validate": (
        "create table t (a int); insert into t values (1);"
        "alter table t add constraint c check (evil(a) > 0) not valid",
        "alter table t validate constraint c",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(HIDDEN), ids=lambda name: name.replace(" ", "-"))
def test_hidden_code_is_reachable(make_database, case):
    more, sql = HIDDEN[case]
    database = make_database(EVIL + more)
    database.run("reset role")
    assert "" != reason(database, sql)
    database.run("truncate victim; insert into victim select generate_series(1, 1000)")
    with database.connection.transaction(force_rollback=True):
        if case == "policy":
            database.run("set role r")
        database.run(sql)
        database.run("reset role")
        assert 0 == database.value("select count(*) from victim"), "the case itself does not run the code"


@pytest.mark.parametrize(
    ("schema", "sql"),
    [
        ("create trigger t before insert on plain for each row execute function fires()", "select * from plain"),
        ("create trigger t before insert on plain for each row execute function fires()", "delete from plain"),
        (
            "create trigger t before insert on plain for each row execute function fires();"
            "alter table plain disable trigger t",
            "insert into plain values (1)",
        ),
        ("create table t (a int); create index on t (evil(a))", "select * from t where a = 1"),
        ("create table t (a int, b int default evil(1))", "update t set a = 2"),
        ("create table t (a int, b int default evil(1))", "select * from t"),
        ("create table t (a int); create policy p on t using (evil())", "select * from t"),
        (
            "create table c (p int references plain on delete cascade);"
            "create trigger g after update on c for each row execute function fires()",
            "delete from plain",
        ),
        ("create table c (p int references plain, check (p > 0))", "insert into c values (1)"),
        ("create table t (s tsvector, b text); create trigger u before insert on t for each row execute function"
         " tsvector_update_trigger(s, 'pg_catalog.english', b)", "insert into t (b) values ('x')"),
        ("create domain d as int check (value > 0); create table t (c d)", "insert into t values (1::d)"),
        ("create table t (a int); alter table t enable row level security; create policy p on t using (evil())",
         "vacuum t"),
        ("create materialized view m as select evil(1) with no data", "select * from m"),
        ("create function wrap(int) returns int immutable language sql as 'select $1 + 1';"
         "create table t (a int); create index on t (wrap(a))", "select * from t where a = 1"),
        ("create domain d as int check (value > 0)", "select ('1').d"),
        ("create domain d as int check (evil(value) > 0)", "select id, v from plain"),
    ],
)  # fmt: skip
def test_what_does_not_run_is_not_reachable(make_database, schema, sql):
    assert "" == reason(make_database(EVIL + schema), sql)


def test_parameter_types_are_part_of_the_statement(make_database):
    database = make_database(EVIL + "create domain d as int check (evil(value) > 0)")
    assert "" == reason(database, "select $1", (23,))
    assert "domain public.d" in reason(database, "select $1", (int(str(database.value("select 'd'::regtype::oid"))),))
    assert "unknown type" in reason(database, "select $1", (999999,))


@pytest.mark.parametrize("sql", ["select nosuch()", "select * from nosuch", "insert into nosuch values (1)",
                                 "select 1::nosuch", "select 1 operator(x.+) 1", "truncate nosuch"])  # fmt: skip
def test_an_unknown_name_is_reachable(make_database, sql):
    assert "not known" in reason(make_database(EVIL), sql)


def test_a_pg_temp_name_means_any_temporary_schema(make_database):
    database = make_database(EVIL + "create temp table tt (a int check (evil(a) > 0))")
    assert "check" in reason(database, "insert into pg_temp.tt values (1)")
    assert "check" in reason(database, "insert into tt values (1)")


def test_reading_one_relation(make_database):
    database = make_database(EVIL + "create view w as select evil(1)")
    picture = database.picture()
    by_name = {r.name: r.oid for r in picture.relations.values()}
    assert "" == read_reason(picture, by_name["plain"])
    assert "view public.w" in read_reason(picture, by_name["w"])
    assert "unknown relation" in read_reason(picture, 999999)


def test_reading_with_other_rights_meets_no_function_of_a_user(make_database):
    """A harmless one could still tell what it sees: pgguard counts rows with rights of its own."""
    database = make_database(
        EVIL + "create function see() returns bool language sql as 'select true'; create table t (a int);"
        "alter table t enable row level security; create policy p on t using (see())"
    )
    picture = database.picture()
    t = next(r.oid for r in picture.relations.values() if r.name == "t")
    assert "" == reason(database, "select * from t")
    assert "function public.see through policy of public.t" == read_reason(picture, t)


def test_no_statement_has_more_read_for_it_than_the_loop_can_bear(make_database):
    bodies = "".join(
        f"create function f{n}() returns int language sql as $$ select 1 /* {n} {'x' * 15_000} */ $$;" for n in range(9)
    )
    picture = make_database(EVIL + bodies).picture()
    (statement,) = read(("select " + ", ".join(f"f{n}()" for n in range(9))).encode()).statements
    answers = [user_code(statement, picture) for _ in range(4)]
    assert "more bodies" in answers[0]
    assert "" == answers[-1]  # what was read is known by then


@pytest.mark.parametrize(
    "more",
    [
        "create type e as enum ('a'); create function c(e[]) returns int language plpgsql as"
        " $$ begin perform purge(); return 1; end $$; create cast (e[] as int) with function c(e[]) as implicit;"
        "create table t (x e); insert into t values ('a')",
        "create domain dom as int check (evil(value) > 0); create type r as range (subtype = dom);"
        "create table t (x int); insert into t values (1); create function g(int) returns int language sql as"
        " 'select lower(r($1, 5))::int'",
    ],
    ids=["cast-of-an-array", "domain-in-a-range"],
)
def test_types_that_no_text_names(make_database, more):
    database = make_database(EVIL + more)
    sql = "select g(x) from t" if "range" in more else "select array[x] + 1 from t"
    assert "" != reason(database, sql)
    with database.connection.transaction(force_rollback=True):
        database.run(sql)
        assert 0 == database.value("select count(*) from victim"), "the case itself does not run the code"


def test_answers_are_remembered_within_bounds(make_database):
    picture = make_database(EVIL).picture()
    for number in range(30):
        (statement,) = read(f"select f{number}()".encode()).statements
        assert "not known" in user_code(statement, picture)
    assert 30 == len([key for key in picture.memo if key[0] == "call"])


@pytest.mark.parametrize(
    ("schema", "runs"),
    [
        ("", False),
        ("create type mood as enum ('a'); create type pair as (a int, b text)", False),
        ("create domain d as int check (value > 0); create domain e as text check (value ~ '^a')", False),
        ("create domain d as int check (evil(value) > 0)", True),
        ("create function fine(int) returns bool language sql as 'select $1 > 0';"
         " create domain d as int check (fine(value))", False),
    ],
)  # fmt: skip
def test_analysing_a_literal_runs_the_checks_of_domains(make_database, schema, runs):
    database = make_database(EVIL + schema)
    assert analysis_runs_code(database.picture()) is runs


@pytest.mark.parametrize("sql", ["prepare p as select '{1}'::d[]", "create function g() returns int[] language sql as"
                                 " $$ select '{1}'::d[] $$"])  # fmt: skip
def test_a_literal_of_an_array_goes_through_the_checks_before_anything_is_executed(make_database, sql):
    database = make_database(EVIL + "create domain d as int check (evil(value) > 0)")
    (statement,) = read(sql.encode()).statements
    assert isinstance(prove(statement, database.picture()), Unproved)
    database.run("truncate victim; insert into victim select generate_series(1, 1000)")
    database.run(sql)
    assert 0 == database.value("select count(*) from victim")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select été()", True), ("select * from plain where id = 1 and été > 0", True),
        ("drop table if exists Été", True),
        ("update plain set été = 1 where id = 1", True), ("select 'été'", False), ("select v from plain", False),
    ],
)  # fmt: skip
def test_names_beyond_ascii_can_mean_others_in_another_encoding(make_database, sql, says):
    """É is é without quotes where a character is a byte, and 40 of them are not cut off there."""
    picture = make_database(EVIL + "create function été() returns int language sql as 'select 1'").picture()
    (statement,) = read(sql.encode()).statements

    assert "another name" not in user_code(statement, picture)
    assert ("another name" in user_code(statement, replace(picture, encoding="LATIN1", memo={}))) is says
