"""A long text is read elsewhere before it is judged, whichever way it comes, and once."""

from __future__ import annotations

import pytest

from pgguard.session import asks
from tests.session.client_script import FLUSH, SYNC, bind, execute, parse, pbe, q
from tests.session.stage import WAIT, Script, Stage

PADDING = "/*" + " " * 9_000 + "*/"
HARMLESS = f"select 1 {PADDING}"
DELETE = f"delete from t {PADDING}"


def reads(stage: Stage) -> list[bytes]:
    return [ask.text for ask in stage.asked if isinstance(ask, asks.Read)]


@pytest.mark.parametrize(
    "script",
    [
        [q(HARMLESS)],
        [pbe(HARMLESS) + SYNC],
        [parse("", HARMLESS) + FLUSH, bind() + execute() + SYNC],
        [parse("s", HARMLESS) + SYNC, WAIT, bind("", "s") + execute() + SYNC],
    ],
    ids=["query", "batch", "flush", "prepared"],
)
def test_a_harmless_one_passes(script: Script) -> None:
    stage = Stage().play(script)

    assert reads(stage) == [HARMLESS.encode()]
    assert "SELECT_1" in stage.said()
    assert "PGG" not in stage.said()


@pytest.mark.parametrize("script", [[q(DELETE)], [pbe(DELETE) + SYNC], [pbe("select 2") + pbe(DELETE) + SYNC]])
def test_a_harmful_one_is_measured_and_refused(script: Script) -> None:
    stage = Stage().play(script)

    assert set(reads(stage)) == {DELETE.encode()}
    assert "E:PGG02" in stage.said()
    assert stage.model.db.commits == []


def test_it_is_read_once_for_all_sessions() -> None:
    first = Stage().play([q(HARMLESS)])
    second = Stage(world=first.world).play([q(HARMLESS)])

    assert reads(first) and not reads(second)
    assert second.said() == first.said()


def test_what_nobody_could_read_is_refused() -> None:
    def away(ask: asks.Ask) -> object:
        return asks.Away("reader", "no answer in time") if isinstance(ask, asks.Read) else NotImplemented

    query, batch = Stage(answers=away).play([q(HARMLESS)]), Stage(answers=away).play([pbe(HARMLESS) + SYNC])

    assert query.said() == "E:PGG05 ZI"
    assert batch.said() == "1 E:PGG05 ZI"


def test_a_prepared_one_is_judged_again_without_reading_it_again() -> None:
    stage = Stage().play([parse("s", DELETE) + SYNC, q(f"prepare p as {DELETE}"), WAIT])
    stage.world.set_policy(stage.world.policy)
    stage.play([bind("", "s") + execute() + SYNC, q("execute p")])

    assert stage.said().count("E:PGG02") == 2
    assert len(reads(stage)) == 2


def test_a_request_is_bound_to_its_tokens() -> None:
    """The digest came with what was read: the same tokens with another comment are the same statement."""
    digests = set()
    for text in (DELETE, DELETE.replace(" *", "x*"), "delete from t"):
        stage = Stage().play([q(text)])
        (request,) = [ask.request for ask in stage.asked if isinstance(ask, asks.FileRequest)]
        digests.add(request.binding.statements[0].tokens)

    assert len(digests) == 1


def test_the_text_of_a_request_and_of_the_audit_is_cut() -> None:
    stage = Stage().play([q("delete from t /*" + "x" * 50_000 + "*/")])

    (request,) = [ask.request for ask in stage.asked if isinstance(ask, asks.FileRequest)]
    (record,) = [ask.record for ask in stage.asked if isinstance(ask, asks.WriteRecord)]
    assert len(request.binding.statements[0].text) < 17_000
    assert len(record.statement) < 17_000
