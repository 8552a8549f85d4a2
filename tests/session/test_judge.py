"""From a text to what may be done with it, without running anything."""

from __future__ import annotations

import pytest

from pgguard.policy.verdict import Allow, Hold, Measure
from pgguard.session.judge import Judged, judge, never, opaque
from tests.session import shop

WORLD = shop.world()
DESK = WORLD.desk(shop.CALLER)


def judged(text: str, *types: int) -> Judged:
    return judge(DESK, WORLD.picture, text.encode(), types)


@pytest.mark.parametrize("text", ["select 1", "insert into t default values", "copy t to stdout", ""])
def test_harmless_texts_are_fast(text: str) -> None:
    assert judged(text).fast


@pytest.mark.parametrize(
    "text", ["begin", "set application_name = 'x'", "prepare q as select 1", "create table x (id int)"]
)
def test_what_changes_later_judgements_is_a_barrier_and_never_fast(text: str) -> None:
    found = judged(text)

    assert found.barrier
    assert not found.fast
    assert isinstance(found.verdict, Allow)


def test_bounds_and_targets_of_a_proof() -> None:
    found = judged("delete from t where id in (1, 2)")

    assert found.bounds == ((shop.T, 2, True),)
    assert found.relations == found.targets == {shop.T}
    assert isinstance(found.verdict, Allow)
    assert isinstance(judged("delete from t where id in (1, 2, 3, 4)").verdict, Measure)


def test_what_is_measured_knows_where_to_look() -> None:
    assert judged("delete from p where id = 1").relations == {shop.P, shop.C}
    assert judged("delete from p where id = 1").targets == {shop.P}
    assert judged("select purge()").relations is None
    assert judged("select purge()").opaque


def test_behind_unread_code_in_one_string_nothing_is_proved() -> None:
    assert judged("delete from t where id = 1; select 1").proved
    assert not judged("do $$nothing$$; delete from t where id = 1").bounds
    assert not judged("drop table c; select * from t").proved


def test_without_a_picture_nothing_is_proved() -> None:
    found = judge(DESK, None, b"delete from t where id = 1")

    assert not found.proved
    assert judge(DESK, None, b"rollback").proved


def test_verdicts_are_kept_by_shape_and_text_stays_ones_own() -> None:
    first, second = judged("update t set n = 1 where id = 5"), judged("update t set n = 123 where id = 77")

    assert second.bounds == first.bounds
    assert (first.text, second.text) == (b"update t set n = 1 where id = 5", b"update t set n = 123 where id = 77")


def test_another_type_of_literal_is_another_verdict() -> None:
    assert judged("delete from t where id = 5").proved
    assert not judged("delete from t where id = 5.5").proved
    assert judged("delete from t where id = $1", 23).proved
    assert not judged("delete from t where id = $1", 701).proved  # float8


def test_what_is_not_known_is_refused_or_measured() -> None:
    assert isinstance(opaque(DESK, b"x", "why").verdict, Measure)
    assert never(judged("commit")).verdict.sqlstate == "PGG05"  # type: ignore[union-attr]
    assert judged("selec 1").error


def test_kinds_and_control() -> None:
    assert judged("begin; select 1").kind == "transaction, select"
    assert judged("").kind == "empty"
    assert judged("begin; commit").only_control is None


def test_what_cannot_run_in_a_transaction_and_a_rule_speaks_of_is_held_not_tried_in_one() -> None:
    """A plain VACUUM is proved harmless; run in a transaction of ours, it would only fail."""
    rule = "rules:\n  - {name: quiet, match: {kind: maintenance}, then: approve}"
    world = shop.world(shop.POLICY.replace("rules:", rule))
    found = judge(world.desk(shop.CALLER), world.picture, b"vacuum t")

    assert isinstance(found.verdict, Hold)
    assert found.verdict.blames[0].rule == "quiet"
    assert not found.measurable
    assert judged("vacuum t").measurable
