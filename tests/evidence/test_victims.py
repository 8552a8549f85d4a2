"""The catalog query asks only what an ordinary role may ask, and never waits for the client outside."""

from __future__ import annotations

from typing import Any

from pgguard.evidence.reading import CATALOGS
from pgguard.evidence.victims import emptiness_sql, parse_emptiness, parse_victims, victims_sql


def test_outside_never_waits(shop: Any) -> None:
    """With AccessExclusiveLock on everything, and every catalog asked for. The connection has lock_timeout 200 ms."""
    shop.run("begin; lock table w.a, w.b, w.own, w.p, w.p1, w.p2, w.loose in access exclusive mode")
    shop.run("drop table w.own; drop view w.vb; drop materialized view w.m; reindex table w.a; drop function w.f();"
             " drop type w.mood; truncate w.p; drop schema w cascade")  # fmt: skip
    reading = shop.reading()
    sql = victims_sql(reading.strong, reading.strong_objects, frozenset(CATALOGS.values()))
    rows = parse_victims(shop.outside.execute(sql.encode()).fetchall())
    assert {"relation", "column", "constraint", "trigger", "rule", "policy", "index", "function", "type", "schema",
            "role", "database"} <= {row[0] for row in rows}  # fmt: skip
    shop.run("rollback")


def test_inside_an_ordinary_role_may_ask_everything(connect: Any) -> None:
    owner, other = connect("owner"), connect("other")
    owner.run("create schema hidden; create table hidden.t (id int primary key, v serial)")
    relations = [owner.oid("hidden.t")]
    sql = victims_sql(relations, [(1255, 1), (2613, 1), (3456, 100)], frozenset(CATALOGS.values()), inside=True)
    rows = parse_victims(other.run(sql))
    assert [row[5] for row in rows if row[0] == "relation"] == ["r"] or any(row[1] == str(relations[0]) for row in rows)


def test_the_same_question_gives_the_same_rows_under_any_setting(shop: Any) -> None:
    """What differs by DateStyle, bytea_output, search_path ... would be taken for a loss."""
    relations = [row[0] for row in shop.run("select oid::int from pg_class where relnamespace = 'w'::regnamespace")]
    sql = victims_sql(relations, [(3456, 100)], frozenset(CATALOGS.values()))
    plain = {tuple(map(str, row)) for row in shop.outside.execute(sql.encode()).fetchall()}
    shop.run("set search_path = w, pg_catalog; set bytea_output = escape; set timezone = 'Asia/Tokyo';"
             " set datestyle = 'German'; set extra_float_digits = -10; set standard_conforming_strings = off;"
             " set quote_all_identifiers = on; set client_encoding = 'LATIN1'")  # fmt: skip
    mine = {tuple(map(str, row)) for row in shop.run(sql)}
    different = [bytes.fromhex(row[0]) for row in plain ^ mine]
    # oidvectortypes and pg_identify_object write for people; compare does not look at those words.
    assert all(row.startswith((b'["function"', b'["object"')) for row in different)


def test_nothing_to_ask_gives_no_rows(client: Any) -> None:
    assert client.run(victims_sql((), (), ())) == []


def test_emptiness_leaves_out_the_transactions_own_rows(client: Any) -> None:
    client.run('create table "q ""t" (id int); create table full_one (id int); insert into full_one values (1), (2)')
    client.flush()
    client.run('begin; insert into "q ""t" values (1), (2); insert into full_one values (3)')
    quoted, full = client.oid('"q ""t"'), client.oid("full_one")
    sql = emptiness_sql([(quoted, "public", 'q "t'), (full, "public", "full_one")])
    assert parse_emptiness(client.run(sql)) == {quoted: True, full: False}
    client.run("rollback")
