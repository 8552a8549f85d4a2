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
    |x in (1,2)|'a'='b'|x>1 or y<=1|x between 5 and 1|a<'b'|x = 1 or x = 2|a ~ 'b'|f(x)|exists (select 1)
    |x = $1|p and not p|a.id = b.id|x = 1 or x <> 1 and y|a > 'x' or b <= 'x'|a operator(s.=) a""".split("|"),
)
def test_chooses_rows(where: str) -> None:
    assert always_true(f"delete from t where {where}") is None


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
