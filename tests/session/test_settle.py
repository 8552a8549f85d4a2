"""From a reading to an answer: what cannot be read is refused, what was destroyed is named, what is filed is bound."""

from __future__ import annotations

import json

import pytest

from pgguard.session import asks
from pgguard.wire.backend import error_fields
from tests.session import model_answers, shop
from tests.session.client_script import SYNC, pbe, q
from tests.session.model_server import ModelServer
from tests.session.stage import Stage


def refusal(stage: Stage) -> dict[str, str]:
    (found,) = [error_fields(m) for m in stage.messages if m[:1] == b"E"]
    return found


def test_a_refusal_says_what_how_many_and_what_next() -> None:
    stage = Stage().play([q("delete from p")])

    told = refusal(stage)
    assert told["C"] == "PGG02"
    assert told["M"] == 'approval required: request 17, rule "few", 9 rows (limit 3)'
    assert "p: 3 rows deleted" in told["D"]
    assert "c: 6 rows deleted, probably by cascade from p" in told["D"]
    assert "17" in told["H"]


def test_what_is_destroyed_is_named() -> None:
    stage = Stage().play([q("drop table c")])

    assert "table public.c: dropped" in refusal(stage)["D"]
    assert stage.model.db.commits == []


def test_a_request_is_bound_to_all_writes_of_the_transaction() -> None:
    stage = Stage().play([q("begin"), q("delete from t where id = 1"), q("delete from t where id < 6")])

    (filed,) = [ask.request for ask in stage.asked if isinstance(ask, asks.FileRequest)]
    assert [s.text for s in filed.binding.statements] == ["delete from t where id = 1", "delete from t where id < 6"]
    assert (filed.binding.caller, filed.binding.database_oid, filed.binding.server) == ("ann", 5, "shop/1")


def test_comments_do_not_change_what_is_asked_for_and_parameters_do() -> None:
    def binding(*script: bytes) -> str:
        stage = Stage().play(script)
        return next(ask.request.binding.digest() for ask in stage.asked if isinstance(ask, asks.FileRequest))

    assert binding(q("delete from t /* trace 1 */")) == binding(q("/* trace 2 */ delete from t"))
    assert binding(q("delete from t")) != binding(q("delete from t where id > 0"))
    assert binding(pbe("delete from t where id > 0 or id = $1", "1") + SYNC) != binding(
        pbe("delete from t where id > 0 or id = $1", "2") + SYNC
    )


@pytest.mark.parametrize("text", ["delete from t where id < 3", "select 1; delete from t where id < 3"])
@pytest.mark.parametrize("broken", ["track_counts", "rows", "nothing"])
def test_a_reading_that_proves_nothing_refuses(text: str, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAIL CLOSED: counting is off, or the answer is not what was asked for, of the short reading or the whole one."""
    model = ModelServer()
    whole = model_answers.reading

    def reading(*arguments: object) -> list[bytes]:
        rows = whole(*arguments)  # type: ignore[arg-type]
        if broken == "nothing":
            return rows[:-1]
        if broken == "rows":
            return [*rows, b"00"]
        if rows[0].startswith(b"on "):
            return [b"off" + rows[0][2:]]
        last = json.loads(bytes.fromhex(rows[-1].decode()))
        last[-1][5] = "off"
        return [*rows[:-1], model_answers.seal(last)]

    monkeypatch.setattr(model_answers, "reading", reading)
    stage = Stage(model=model).play([q(text)])

    assert stage.said().endswith("E:PGG05 ZI")
    assert model.db.commits == []


@pytest.mark.parametrize("away", [False, True])
def test_a_picture_made_old_while_objects_are_compared_is_asked_for_anew(away: bool) -> None:
    """FAIL CLOSED: what bodies would call stands in it."""

    def answers(ask: asks.Ask) -> object:
        if isinstance(ask, asks.LookOutside):
            world.invalidate()  # another session's DDL
        if isinstance(ask, asks.NeedPicture) and away and world.was_invalidated:
            return asks.Away("the server", "connection refused")
        return NotImplemented

    world = shop.world()
    stage = Stage(world=world, answers=answers).play([q("do $$make$$")])

    assert stage.said() == ("E:PGG06 ZI" if away else "DO ZI")
    kinds = [type(ask) for ask in stage.asked]
    assert asks.NeedPicture in kinds[kinds.index(asks.LookOutside) :]


def test_to_observe_is_to_record_and_let_pass() -> None:
    stage = Stage(world=shop.world(observe=True)).play([q("delete from t")])

    assert stage.said() == "DELETE_12 ZI"
    records = [ask.record for ask in stage.asked if isinstance(ask, asks.WriteRecord)]
    assert "observe" in [record.verdict for record in records]
    assert {"public.t": {"inserted": 0, "updated": 0, "deleted": 12}} in [record.measured for record in records]


def test_a_record_names_the_checks_that_saw_something() -> None:
    texts = "delete from t", "delete from t where n = 1 or n <> 1", "delete from p where id = 1"
    stage = Stage().play([q(text) for text in texts])

    records = [ask.record for ask in stage.asked if isinstance(ask, asks.WriteRecord)]
    assert [("hold", ("no-where",)), ("hold", ("always-true",))] == [(r.verdict, r.checks) for r in records[:2]]
    assert records[-1].checks == ()
