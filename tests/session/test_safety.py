"""The safety property (DESIGN section 4), over client scripts, cuttings of both streams and orders of replies."""

from __future__ import annotations

from random import Random

from hypothesis import currently_in_test_context, event, given, note
from hypothesis import strategies as st

from tests.session import scripts, shop
from tests.session.client_script import check
from tests.session.model_server import ModelServer
from tests.session.stage import WAIT, Stage, short, split

DICE = st.none() | st.integers(0, 2**32).map(Random)


def told(stage: Stage) -> None:
    if not currently_in_test_context():
        return
    note("client sent:   " + "  ".join(f"{m[:1].decode()} {m[5:60]!r}" for m in split(bytes(stage.sent), "client")))
    note("client got:    " + " ".join(short(m) for m in split(bytes(stage.received))))
    note("server got:    " + "  ".join(f"{m[:1].decode()} {m[5:40]!r}" for m in stage.model.seen))
    note(f"commits:       {stage.model.db.commits}")


def safe(stage: Stage) -> None:
    """What must hold of every play at its end."""
    told(stage)
    unharmed(stage)


def unharmed(stage: Stage) -> None:
    """The same of bytes that are no messages."""
    for commit in stage.model.db.commits:
        assert commit.lost <= shop.LIMIT, "more rows than the limit were committed, and nobody approved it"
        assert not commit.destroyed, "objects were destroyed, and nobody approved it"
        assert not commit.unread, "a commit of what nobody had measured"
    assert not stage.model.violations
    assert not stage.disagreements


@given(script=scripts.scripts(), dice=DICE)
def test_nothing_is_committed_unjudged(script: scripts.Script, dice: Random | None) -> None:
    stage = Stage(dice=dice).play(script)

    safe(stage)
    refused = sum(short(m).startswith("E:PGG") for m in stage.messages)
    event(f"refusals: {min(refused, 3)}")
    if not stage.session.closing:
        assert not stage.unsent, "something got stuck"
        check(bytes(stage.sent), bytes(stage.received))


@given(script=scripts.scripts(scripts.HARMLESS + scripts.CONTROL, tables=("t",), polite=True), dice=DICE)
def test_harmless_work_passes_byte_for_byte(script: scripts.Script, dice: Random | None) -> None:
    direct = ModelServer()
    for piece in script:
        if piece is not WAIT:
            direct.receive(piece)

    stage = Stage(dice=dice).play(script)

    safe(stage)
    assert [short(m) for m in split(bytes(direct.sent))] == [short(m) for m in stage.messages]
    assert bytes(direct.sent) == bytes(stage.received)
    assert direct.db.committed.tables == stage.model.db.committed.tables
