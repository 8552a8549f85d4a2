"""Stored expressions are scanned for everything they use, and nothing in a name can hide a part of one."""

from __future__ import annotations

from pgguard.catalog.tree import EMPTY, scan

CALL = "{FUNCEXPR :funcid 20001 :funcresulttype 23 :args (%s)}"
VAR = "{VAR :varno 1 :varattno 1 :vartype 30001}"
CONST = "{CONST :consttype 25 :constvalue 5 [ 20 0 0 0 123 ]}"


def test_nothing_uses_nothing():
    assert EMPTY == scan(None, {})
    assert EMPTY == scan("<>", {})


def test_functions_types_and_relations_are_found():
    tree = scan(CALL % VAR + "{RANGETBLENTRY :relid 40001 :relkind r}", {})
    assert {20001} == tree.functions
    assert {23, 30001} == tree.types
    assert {40001} == tree.relations


def test_an_operator_without_a_function_is_looked_up():
    assert {77} == scan("{OPEXPR :opno 96 :opfuncid 0 :args (" + VAR + ")}", {96: 77}).functions


def test_lists_of_oids_are_read():
    tree = scan("{ROWCOMPAREEXPR :opnos (o 96 97) :inputcollids (o 0 0)}{RANGE :coltypes (o 20001 5)}", {96: 1, 97: 2})
    assert {1, 2} == tree.functions
    assert {20001, 5} == tree.types


def test_a_call_over_constants_folds_and_one_over_columns_does_not():
    assert frozenset() == scan(CALL % VAR, {}).folds
    assert {20001} == scan(CALL % CONST, {}).folds
    inner = CALL.replace("20001", "20002") % CONST
    assert {20002} == scan(CALL % (inner + VAR), {}).folds


def test_escaped_braces_in_names_change_nothing():
    named = r"{ALIAS :aliasname a\{b\ :funcid\ 9\} :colnames (\"x\\\\\")}"
    tree = scan(CALL % (named + CONST) + CALL.replace("20001", "20003") % VAR, {})
    assert {20001, 20003} == tree.functions
    assert {20001} == tree.folds


def test_an_unbalanced_text_counts_as_evaluated():
    assert {20001} == scan("{FUNCEXPR :funcid 20001 :args ({VAR", {}).folds


def test_real_trees(database):
    database.run(
        "create function f(int) returns int language sql immutable as 'select $1';"
        "create table t (a int, b int default f(1), c int generated always as (f(a)) stored, check (f(2) > a));"
        "create index on t (f(a)) where f(3) > 0; create statistics s on f(a), b from t;"
        "create view v as select a from t where f(a) > 1"
    )
    picture = database.picture()
    f = database.value("select 'f'::regproc::oid::int")
    t = database.value("select 't'::regclass::oid::int")
    found = {(e.kind, f in e.tree.functions, f in e.tree.folds) for e in picture.relations[t].expressions}
    assert found == {
        ("default", True, True),
        ("generated column", True, False),
        ("check", True, True),
        ("index", True, False),
        ("index", True, True),
        ("statistics", True, False),
    }
    (rule,) = picture.relations[database.value("select 'v'::regclass::oid::int")].rules
    assert f in rule.tree.functions
    assert t in rule.tree.relations
