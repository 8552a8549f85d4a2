"""Extensions that everybody has raise no alarm, and what the dangerous ones do is not taken for harmless."""

from __future__ import annotations

import psycopg
import pytest

from pgguard.catalog.proof import Bounded, Harmless, Unproved

EVERYDAY = [
    ("citext", "select regexp_replace('a'::citext, 'a', 'b'), 'a'::citext = 'A'"),
    (
        "pgcrypto",
        "select crypt('a', gen_salt('bf')), gen_random_uuid(), digest('a', 'sha1'), pgp_sym_encrypt('a', 'b')",
    ),
    ("uuid-ossp", "select uuid_generate_v4(), uuid_generate_v1(), uuid_generate_v5(uuid_ns_url(), 'x')"),
    ("unaccent", "select unaccent('x')"),
    ("pg_trgm", "select similarity('a', 'b'), 'a' % 'b', set_limit(0.3)"),
    ("hstore", "select 'a=>1'::hstore -> 'a', hstore('a', 'b') || 'c=>d', to_jsonb('a=>1'::hstore)"),
    ("ltree", "select 'a.b'::ltree ~ 'a.*'"),
    ("intarray", "select array[1] && array[2], sort(array[2, 1])"),
    ("fuzzystrmatch", "select levenshtein('a', 'b'), soundex('a')"),
    ("tablefunc", "select * from normal_rand(1, 2, 3)"),
    ("earthdistance", "select earth_distance(ll_to_earth(1, 2), ll_to_earth(3, 4))"),
    ("pg_stat_statements", "select * from pg_stat_statements"),
    ("pgstattuple", "select * from pgstattuple('t')"),
    ("pg_buffercache", "select count(*) from pg_buffercache"),
    ("tsm_system_rows", "select * from t tablesample system_rows (1)"),
]
DANGEROUS = [
    ("dblink", "select dblink_exec('x', 'delete from t')"),
    ("dblink", "select * from dblink('x', 'delete from t returning 1') as x (a int)"),
    ("tablefunc", "select * from crosstab('delete from t returning id, id, id') as x (a int, b int)"),
    ("xml2", "select * from xpath_table('id', 'x', 't', 'y', 'true') as x (a int)"),
    ("pg_stat_statements", "select pg_stat_statements_reset()"),
    ("pg_surgery", "select heap_force_kill('t', array['(0,1)'::tid])"),
    ("adminpack", "select pg_file_unlink('x')"),
    ("amcheck", "select bt_index_check('t_pkey')"),
    ("postgres_fdw", "select postgres_fdw_disconnect_all()"),
]
TABLE = "create table t (id int primary key, at timestamptz, who text, n int);"


def installed(database, extension):
    database.run(TABLE)
    try:
        database.run(f'create extension "{extension}" cascade')
    except psycopg.Error as trouble:
        pytest.skip(f"{extension}: {trouble}")
    return database


@pytest.mark.parametrize(("extension", "sql"), EVERYDAY, ids=[name for name, _ in EVERYDAY])
def test_everyday_functions_are_harmless(database, extension, sql):
    proof = installed(database, extension).prove(sql)
    assert isinstance(proof, Harmless), proof
    assert not proof.inserts
    assert isinstance(database.prove("update t set n = 1 where id = 1"), Bounded)


@pytest.mark.parametrize(("extension", "sql"), DANGEROUS, ids=[sql.split("(")[0].split()[-1] for _, sql in DANGEROUS])
def test_dangerous_functions_are_not(database, extension, sql):
    assert isinstance(installed(database, extension).prove(sql), Unproved)


def test_triggers_that_stamp_a_row_pass_and_may_set_any_column(database):
    installed(database, "moddatetime")
    database.run(
        "create table c (t timestamptz);"
        "create trigger g before update on t for each row execute function moddatetime(at)"
    )
    assert isinstance(database.prove("update t set n = 1 where id = 1"), Bounded)
    database.run("alter table t add unique (at); alter table c add foreign key (t) references t (at) on update cascade")
    assert isinstance(database.prove("update t set n = 1 where id = 1"), Unproved)


def test_large_objects_go_with_the_rows_of_lo(database):
    installed(database, "lo")
    database.run("create trigger g before delete on t for each row execute function lo_manage(n)")
    assert isinstance(database.prove("delete from t where id = 1"), Unproved)


def test_a_name_of_an_extension_is_nothing_without_the_extension(database):
    database.run(
        TABLE
        + "create function uuid_generate_v4() returns int language plpgsql as 'begin delete from t; return 1; end'"
    )
    assert isinstance(database.prove("select uuid_generate_v4()"), Unproved)
