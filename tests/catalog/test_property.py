"""Whatever schema and statement: what was proved is never less than what a real server then did, in all tables."""

from __future__ import annotations

import re

import psycopg
from catalog.bodies import FIRES, HARMFUL, HARMLESS, MORE, SCHEMA, TRIGGER
from catalog.schemas import Scene, scenes
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pgguard.catalog.proof import Bounded, Harmless, Unproved
from pgguard.catalog.prove import prove
from pgguard.sql.read import read

# A schema is expensive, and so fewer of them are tried than the profile says.
_ANY_FIXTURE = settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Rows that this transaction inserted, and those it updated or deleted, in each table; attempts count as well.
COUNTED = """
    select c.oid::int, pg_stat_get_xact_tuples_inserted(c.oid)::int,
           (pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid))::int
      from pg_class c where c.relkind = 'r' and c.oid >= 16384"""


def counted(database):
    return {oid: (inserted, lost) for oid, inserted, lost in database.connection.execute(COUNTED)}


@_ANY_FIXTURE
@given(scene=scenes())
def test_a_proof_is_never_less_than_what_happens(make_database, scene: Scene):
    database = make_database("")
    with database.connection.transaction(force_rollback=True):
        database.run(scene.schema)
        picture = database.picture()
        for text in scene.statements:
            (statement,) = read(text.encode()).statements
            proof = prove(statement, picture)
            before = counted(database)
            try:
                with database.connection.transaction(force_rollback=True):
                    database.run(text)
                    now = counted(database)
            except psycopg.Error as error:
                event(f"{type(proof).__name__}, and the server refuses it: {type(error).__name__}")
                continue
            _holds(proof, before, now, f"{scene.schema}\n{text}")


def _holds(proof, before, now, scene):
    inserted = {oid for oid in now if now[oid][0] > before[oid][0]}
    lost = {oid: now[oid][1] - before[oid][1] for oid in now if now[oid][1] > before[oid][1]}
    event(f"{type(proof).__name__} {'loses' if lost else 'keeps'}")
    match proof:
        case Harmless():
            assert not lost, scene
            assert proof.inserts or not inserted, scene
        case Bounded():
            assert sum(lost.values()) <= proof.rows, scene
        case Unproved() if proof.relations is not None:
            assert lost.keys() | inserted <= proof.relations, scene


_TOKEN = re.compile(r"'[^']*'|\$\$.*?\$\$|\w+|:=|<<|>>|\.\.|\s+|.", re.DOTALL)
_BODIES = [*HARMLESS.values(), *HARMFUL.values()]
_WORDS = sorted({t for body in _BODIES for t in _TOKEN.findall(body) if t.strip()})
_VALUE = re.compile(r"'.*|\d+|n|a|b|x|v|null|true|false", re.DOTALL)
_HARM = ("purge()", "(select purge())", "indirect()", "1 === purge()", "n := purge()", "new.v", "row(purge(), 1)")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A body of the lists, begun by another one's declarations, with some of its values and words exchanged."""
    text = draw(st.sampled_from(_BODIES))
    if draw(st.booleans()):
        head, _, _ = draw(st.sampled_from(_BODIES)).partition("begin")
        text = head + "begin" + text.partition("begin")[2]
    if draw(st.booleans()):
        more = draw(st.sampled_from(_BODIES)).partition("begin")[2].partition(";")[0]
        text = text.replace("begin", f"begin {more};", 1)
    tokens = _TOKEN.findall(text)
    for _ in range(draw(st.integers(0, 2))):
        values = [at for at, token in enumerate(tokens) if _VALUE.fullmatch(token)]
        if values:
            tokens[draw(st.sampled_from(values))] = draw(st.sampled_from(_HARM))
    for _ in range(draw(st.sampled_from((0, 0, 0, 1)))):
        tokens[draw(st.integers(0, len(tokens) - 1))] = draw(st.sampled_from(("", *_WORDS)))
    return "".join(tokens)


@_ANY_FIXTURE
@given(body=mutated())
def test_what_a_body_was_read_to_do_is_all_it_does(make_database, body: str):
    database = make_database(SCHEMA + MORE + TRIGGER)
    with database.connection.transaction(force_rollback=True):
        try:
            with database.connection.transaction():
                database.run("set local statement_timeout = '2s'")
                database.run(FIRES.format(options="", body=body))
        except psycopg.Error:
            event("no PL/pgSQL")
            return
        proof = database.prove("update t set v = 5 where id = 1")
        if not isinstance(proof, Bounded):
            event("not proved")
            return
        before = counted(database)
        try:
            with database.connection.transaction():
                database.run("update t set v = 5 where id = 1")
        except psycopg.Error:
            event("proved, and fails")
        else:
            event("proved, and runs")
        now = counted(database)
        assert sum(now[oid][1] - before[oid][1] for oid in now) <= 1, body
