"""WHEREs that are always true are found, and those that choose rows are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.sql.predicate import always_true

SAYS = "the WHERE of DELETE on t is true for every row whose columns are not NULL"


@pytest.mark.parametrize(
    "where",
    """1=1|true|not false|x=x|p or not p|x>0 or x<=0|x>0 or x<5|x<>1 or x<>2|not (x>5 and x<3)|x>=y or y>x
    |email like '%@test%' or email not like '%@test%'|email ilike 'a' or not email ilike 'a'|a like '%'|a like '%%'
    |a ~ '.*'|x is null or x is not null|x between 1 and 5 or x not between 1 and 5|x in (1,2) or x not in (1,2)
    |x > 0 or x < 0 or x = 0|'a'='a'|0 = 0 and 1 <= 2|2 > 1|x <> 'a' or x = 'a'|(x > 3) is not true or x > 3
    |coalesce(a,b) = 'x' or coalesce(a,b) <> 'x'|x is not unknown|1 < 2 or f(x)|x = 1 or x <> 1 or y""".split("|"),
)
def test_true_for_every_row(where: str) -> None:
    assert SAYS == always_true(f"delete from t where {where}")


@pytest.mark.parametrize(
    "where",
    """x>0|x=1|x>0 or x<0|x < 1 or x > 1|a like 'x%'|a like ''|a not like '%'|x is not null|false|1=2|null|x = null
    |x in (1,2)|'a'='b'|x>1 or y<=1|x between 5 and 1|a<'b'|x = 1 or x = 2|a ~ 'b'|f(x)|x = $1
    |p and not p|a.id = b.id|x = 1 or x <> 1 and y|a > 'x' or b <= 'x'|a operator(s.=) a""".split("|"),
)
def test_chooses_rows(where: str) -> None:
    assert always_true(f"delete from t where {where}") is None


ALIKE = "the WHERE of DELETE on t asks nothing of its rows: it changes all of them or none"


@pytest.mark.parametrize(
    "where",
    """X = 1 or "x" <> 1|5 < x or 5 >= (x)|x > 1 + 1 or x <= 2|F(x) = 1 or f("x") <> 1|a = true or a = false
    |a not similar to 'x' or a similar to 'x'|a !~* 'x' or a ~* 'x'|a like 'x' escape '!' or not a like 'x' escape '!'
    |x between symmetric 5 and 1 or x not between symmetric 5 and 1|x::int4 = 1 or cast(x as integer) <> 1
    |/* ( [ */ 1 = 1 -- and x = 1|x isnull or x notnull|a operator(pg_catalog.=) a|1 = 1 returning *""".split("|"),
)
def test_two_spellings_are_one_atom(where: str) -> None:
    assert SAYS == always_true(f"delete from t where {where}")


@pytest.mark.parametrize(
    "where",
    """X = 1 or "X" <> 1|a ~ all(x) or a !~ all(x)|a = any(x) or a <> any(x)|a like any(x) or a not like any(x)
    |x is unknown|x is not null|x > 5 / 2 or x <= 2|a = 'X' or a <> 'x'|"F"(x) or not f(x)|current of c
    |x < '5' or x >= '05'""".split("|"),
)
def test_what_only_looks_alike_is_two_atoms(where: str) -> None:
    assert always_true(f"delete from t where {where}") is None


@pytest.mark.parametrize(
    "text",
    [
        "insert into t values (1) on conflict (a) do update set a = 1 where 1 = 1",
        "grant update on t to u",
        "select a from t where 1 = 1 for update",
        "merge into t using s on 1 = 1 when not matched then insert values (1)",
    ],
)
def test_the_words_alone_make_no_change(text: str) -> None:
    assert always_true(text) is None


def test_the_table_is_named_as_the_server_knows_it() -> None:
    says = "the WHERE of UPDATE on S.a b is true for every row whose columns are not NULL"

    assert says == always_true("""update only ("S" . "a b") set a = 1 where 1 = 1""")


HOSTILE = {
    "arrays": "array[" * 20 + "1" + "]" * 20,
    "types": "date(" * 20 + "a" + ")" * 20,
    "type modifiers": "x::" + "varchar(" * 20 + "1" + ")" * 20,
    "types side by side": ",".join(["date(" * 6 + "a" + ")" * 6] * 60),
    "joins": "exists (select 1 from t" + " join t" * 20 + ")",
    "parentheses": "(" * 2_000 + "a" + ")" * 2_000,
    "open parentheses": "(" * 8_000,
    "subqueries": "(select " * 1_000 + "a" + ")" * 1_000,
    "not": "not " * 3_000 + "a",
    "changes in changes": "(delete from t where " * 900 + "a",
    "changes": "a; delete from t where " * 800 + "a",
    "or": "a or " * 3_000 + "a",
    "products": " * ".join(["9" * 18] * 190) + " = 2",
    "digits": "1 = " + "9" * 8_000,
    "operators": "a " + "+-" * 990 + " b",
    "brackets in a string": "a = e''" + "array[" * 900 + "'",
    "atoms of three orders": " and ".join(f"(a{n} = b{n} or a{n} <> b{n})" for n in range(13)),
    "comments": "/*" * 2_000 + "*/" * 2_000 + " a",
}


@pytest.mark.parametrize("where", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_answered_at_once(where: str) -> None:
    """Each takes below 15 ms, and what is too deep or too much is not known."""
    assert always_true(f"delete from t where {where}") in (None, ALIKE)


def test_every_change_at_any_depth_is_looked_at() -> None:
    update = "the WHERE of UPDATE on s.t is true for every row whose columns are not NULL"

    assert update == always_true("with x as (update s.t set a = 1 where b = b returning 1) select * from x")
    assert update == always_true("explain analyze update s.t set a = 1 where 1 = 1")
    assert SAYS == always_true("select 1; delete from t where 1 = 1")
    assert always_true("select * from t where 1 = 1") is None
    assert always_true("delete from t") is None


def test_too_many_atoms_are_not_known() -> None:
    """The answer stays bounded: more than twelve atoms, or too many cases, are left to the measurement."""
    wide = " or ".join(f"a{number}" for number in range(13))

    assert always_true(f"delete from t where a0 or not a0 or {wide}") is None
    assert always_true("delete from t where " + " or ".join(f"x = {n}" for n in range(5_000))) is None


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "delete from t where", "delete from t where '" + "x" * 30_000])
def test_unreadable_texts_are_not_known(text: str) -> None:
    assert always_true(text) is None


ATOMS = st.sampled_from(["x > 0", "x <= 0", "x = 3", "p", "q", "a like 'x'"])
PREDICATES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda part: f"not ({part})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: "({}) {} ({})".format(*three)),
    ),
    max_leaves=6,
)


@given(PREDICATES)
def test_what_is_called_true_is_true_for_every_assignment(where: str) -> None:
    """Against Python itself: the same predicate, evaluated over values that reach every region."""
    told = always_true(f"delete from t where {where}") is not None
    python = where.replace("a like 'x'", "a").replace("x = 3", "x == 3")
    truth = all(
        eval(python, {"x": x, "p": p, "q": q, "a": a})
        for x in (-1, 0, 1, 3, 4)
        for p in (False, True)
        for q in (False, True)
        for a in (False, True)
    )

    assert truth == told
