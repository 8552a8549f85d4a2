"""Bodies are read: what they do when they run is what was said of them."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from catalog.bodies import FIRES, HARMFUL, HARMLESS, MORE, ONLY_SUSPECT, SCHEMA, TRIGGER

from pgguard.catalog.functions import also_set, trouble
from pgguard.catalog.proof import Bounded, Harmless, Unproved
from pgguard.catalog.prove import prove
from pgguard.sql.read import read


def unharmed(database):
    if not database.value("select to_regclass('public.victim') is not null"):
        return False
    return database.value("select sum(v) from public.victim") == 125250


@contextmanager
def firing(database, body, options="set search_path = public"):
    """``t`` with a trigger that runs ``body``; all is undone afterwards."""
    with database.connection.transaction(force_rollback=True):
        database.run(FIRES.format(options=options, body=body))
        yield


@pytest.mark.parametrize("case", list(HARMLESS), ids=lambda name: name.replace(" ", "-"))
def test_a_trigger_that_reads_and_inserts_is_proved(make_database, case):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with firing(database, HARMLESS[case], ""):
        proof = database.prove("update t set v = 5 where id = 1")
        assert isinstance(proof, Bounded), proof
        assert proof.calls
        assert isinstance(database.prove("delete from t where id = 1"), Bounded)
        assert Harmless(inserts=True, calls=True) == database.prove("insert into t (id, v) values (100, 1)")
        for sql in ("insert into t (id, v) values (100, 1)", "update t set v = 5 where id = 1"):
            assert 1 == database.connection.execute(sql).rowcount
        assert unharmed(database)


@pytest.mark.parametrize("case", list(HARMFUL), ids=lambda name: name.replace(" ", "-"))
def test_a_trigger_that_does_more_is_not_proved(make_database, case):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with firing(database, HARMFUL[case], ""):
        picture = database.picture()
        for sql in ("insert into t (id) values (100)", "update t set v = 5 where id = 1", "copy t from stdin"):
            (statement,) = read(sql.encode()).statements
            proof = prove(statement, picture)
            assert isinstance(proof, Unproved), proof
            assert proof.opaque
        if case not in ONLY_SUSPECT:
            database.run("update t set v = 5 where id = 1")
            assert not unharmed(database), "the case itself does no harm"


@pytest.mark.parametrize(
    ("options", "proved"),
    [("set search_path = public, pg_temp", True), ("set statement_timeout = '5s' security definer", True),
     ("set session_replication_role = replica", False), ("set role postgres", False),
     ("set standard_conforming_strings = off", False)],
)  # fmt: skip
def test_settings_of_a_function_must_not_change_what_it_means(make_database, options, proved):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with firing(database, "begin return new; end", options):
        assert proved == isinstance(database.prove("update t set v = 5 where id = 1"), Bounded)


SQL = {
    "create function f(text) returns text language sql immutable as 'select lower($1)'": True,
    "create function f(text) returns bigint language sql as 'insert into log (what) values ($1) returning id'": True,
    "create function f(x text) returns setof log language sql stable as 'select * from log where what = x'": True,
    "create function f(text) returns int language sql as 'select 1; delete from victim; select 1'": False,
    "create function f(text) returns int language sql as 'select purge()'": False,
    "create function f(text) returns int language sql begin atomic; select count(*)::int from log; end": True,
    "create function f(text) returns int language sql begin atomic; insert into log (what) values ($1); select 1; end":
    True,
    "create function f(text) returns int language sql begin atomic; delete from victim; select 1; end": False,
    "create function f(text) returns int language sql begin atomic; select purge(); end": False,
    "create function f(text) returns int language sql begin atomic; insert into victim select id from victim"
    " on conflict (id) do update set v = 0; select 1; end": False,
    "create function f(text) returns void language sql as ''": True,
    "create function f(text) returns void language sql as 'create temp table x ()'": False,
    "create function f(text) returns void language sql as 'select 1 into x'": False,
    "create function f(a text, b int default purge()) returns int language sql as 'select 1'": False,
    "create function f(text) returns setof int language plpgsql as 'begin return query select 1; return next 2; end'":
    True,
    "create function f(text) returns setof int language plpgsql as"
    " 'begin return query delete from victim returning id; end'": False,
    "create function f(text) returns setof int language plpgsql as"
    " 'begin return query execute ''delete from victim returning id''; end'": False,
    "create function f(text) returns int language plpgsql as 'begin return purge(); end'": False,
    "create aggregate f(text) (sfunc = textcat, stype = text)": True,
    "create function s(text, text) returns text language sql as 'select $1 || purge()';"
    "create aggregate f(text) (sfunc = s, stype = text)": False,
    "create function s(text) returns text language sql as 'select purge()::text';"
    "create aggregate f(text) (sfunc = textcat, stype = text, finalfunc = s)": False,
    "create function f(text) returns int language sql as 'select 1';"
    "create function f(int) returns int language sql as 'select purge()'": False,
    "create function f(text) returns int language internal immutable as 'textlen'": True,
    "create function f(text) returns xml language internal stable strict as 'query_to_xml'": False,
}  # fmt: skip


@pytest.mark.parametrize("definition", list(SQL))
def test_functions_that_are_called(make_database, definition):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with database.connection.transaction(force_rollback=True):
        database.run(definition)
        proof = database.prove("select f(name) from t")
        assert SQL[definition] == isinstance(proof, Harmless), proof
        if isinstance(proof, Harmless):
            assert proof.inserts == ("insert" in definition)


def test_functions_that_call_each_other_are_followed_round(make_database):
    """What is on the way already is not gone again, and nothing is taken for clean because of that."""
    database = make_database(SCHEMA)
    body = "create function {}(int) returns int language plpgsql as 'begin return {}; end';"
    with database.connection.transaction(force_rollback=True):
        for name, calls in (("a", "b($1)"), ("b", "a($1)"), ("c", "d($1) + e($1)"), ("d", "c($1)"), ("e", "purge()")):
            database.run(body.format(name, calls))
        picture = database.picture()
        for sql, harmless in (("d(1)", False), ("a(1), b(1)", True), ("c(1)", False), ("b(1), d(2)", False)):
            (statement,) = read(f"select {sql}".encode()).statements
            assert harmless == isinstance(prove(statement, picture), Harmless), sql


def test_a_trigger_that_adds_to_its_own_table_is_a_circle(make_database):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with firing(database, "begin insert into t (id) values (1) on conflict do nothing; return new; end"):
        assert isinstance(database.prove("update t set v = 1 where id = 1"), Bounded)


@pytest.mark.parametrize(
    ("body", "timing", "sets"),
    [
        ("begin new.at := now(); return new; end", "before update", {"at"}),
        ("begin new.at := now(); return new; end", "after update", set()),
        ("begin new.at := now(); return new; end", "before insert", set()),
        ("declare r t; begin r := new; return r; end", "before update", None),
        ("begin new := old; return new; end", "before update", None),
        ("declare n alias for new; begin n.at := now(); return new; end", "before update", None),
        ("begin select 1, 'x' into new.v, fires.new.name; return new; end", "before update", {"v", "name"}),
        ("begin for new.v in 1..2 loop null; end loop; return old; end", "before update", {"v"}),
        ("begin get diagnostics new.v = row_count; return null; end", "before update", {"v"}),
        ("begin new.nosuch := 1; return new; end", "before update", None),
        ("begin return (new); end", "before update", None),
    ],
)
def test_the_columns_that_triggers_set(make_database, body, timing, sets):
    database = make_database(SCHEMA)
    with database.connection.transaction(force_rollback=True):
        database.run(FIRES.format(options="", body=body))
        database.run(f"create trigger g {timing} on t for each row execute function fires()")
        picture = database.picture()
    (t,) = (r for r in picture.relations.values() if r.qualified == "public.t")
    assert sets == also_set(picture, t)


def test_a_key_that_a_trigger_changes_is_followed(make_database):
    """ON UPDATE CASCADE fires for what a trigger set, whatever the statement names."""
    schema = """
        create table p (id int primary key, v int, at timestamptz); insert into p values (1, 1);
        create table c (p int references p on update cascade); insert into c select 1 from generate_series(1, 300);
        create function f() returns trigger language plpgsql as $$ begin {body}; return new; end $$;
        create trigger g before update on p for each row execute function f();
    """
    evil = make_database(schema.format(body="new.id := 2"))
    assert isinstance(evil.prove("update p set v = 5 where id = 1"), Unproved)
    with evil.connection.transaction(force_rollback=True):
        evil.run("update p set v = 5 where id = 1")
        assert 300 == evil.value("select count(*) from c where p = 2")
    good = make_database(schema.format(body="new.at := now()"))
    assert isinstance(good.prove("update p set v = 5 where id = 1"), Bounded)


def test_a_deferrable_trigger_of_a_user_is_not_proved(make_database):
    database = make_database(
        SCHEMA + "create function f() returns trigger language plpgsql as $$ begin return null; end $$;"
        "create constraint trigger g after update on t deferrable for each row execute function f()"
    )
    assert "COMMIT" in getattr(database.prove("update t set v = 1 where id = 1"), "why", "")


def test_a_temporary_table_can_stand_in_for_the_log(make_database):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with firing(database, "begin insert into log (what) values ('x'); return new; end", ""):
        database.run("create temp table log (what text)")
        assert isinstance(database.prove("update t set v = 1 where id = 1"), Bounded)
        database.run("create trigger w after insert on pg_temp.log for each row execute function w()")
        assert isinstance(database.prove("update t set v = 1 where id = 1"), Unproved)
        database.run("update t set v = 1 where id = 1")
        assert not unharmed(database)


def test_rows_that_a_function_adds_are_told(make_database):
    database = make_database(
        SCHEMA + "create function f(int) returns bigint language sql as $$ insert into log (what) values ('x')"
        " returning id $$; alter table log add foreign key (id) references victim deferrable"
    )
    assert Harmless(inserts=True, deferrable=True, calls=True) == database.prove("select f(1)")
    assert Harmless(inserts=True, deferrable=True, calls=True) == database.prove("explain select f(1)")
    proof = database.prove("delete from t where f(id) > 0")
    assert isinstance(proof, Unproved)
    assert proof.opaque  # what it reads is looked for by its locks: the function can be replaced while it runs
    assert proof.deferrable


def test_transition_tables_are_known_to_bodies_alone(make_database):
    database = make_database(
        SCHEMA + "create function f() returns trigger language plpgsql as $$ begin"
        " insert into log (what) select name from fresh; return null; end $$;"
        "create trigger g after update on t referencing new table as fresh for each statement execute function f()"
    )
    assert isinstance(database.prove("update t set v = 1 where id = 1"), Bounded)
    assert "not known" in getattr(database.prove("select * from fresh"), "why", "")


def test_a_relation_named_like_a_transition_table_is_followed(make_database):
    database = make_database(
        SCHEMA + "create function g() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger g after update on t referencing new table as fresh for each statement execute function g();"
        "create function deletes() returns int language sql as 'delete from log; select 1';"
        "create view fresh as select deletes() as n; create function f() returns int language sql as"
        " 'select n from fresh'"
    )
    assert isinstance(database.prove("select f()"), Unproved)


def test_trouble_says_what_it_is(make_database):
    database = make_database(
        SCHEMA + "create procedure p() language sql as 'select 1';"
        f"create function long() returns int language sql as $$ select 1 {' ' * 20_000} $$;"
        "create function bad() returns int language plpgsql as $$ begin execute 'x'; end $$"
    )
    picture = database.picture()

    def of(name):
        return trouble(picture.functions[picture.functions_by_name[name][0]])

    assert "is a procedure" == of("p")
    assert "is too long to be read, or not in UTF-8" == of("long")
    assert "runs EXECUTE" == of("bad")
    assert "runs DELETE" == of("purge")
