"""Hypothesis strategies: what clients can send, from well-behaved to cunning."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.session import client_script as c
from tests.session.stage import WAIT

HARMLESS = (
    "select 1", "select 2", "insert into t default values", "copy t to stdout", "set application_name = 'x'", "",
    "prepare q as select 3", "deallocate q", "declare k cursor for select 4", "close k", "select 1/0", "selec 1",
    "lock table t",
)  # fmt: skip
KEYED = ("delete from t where id = 1", "delete from t where id in (2, 3)", "update t set n = 1 where id = 4")
SAVEPOINTS = ("savepoint a", "rollback to a", "release a")
CONTROL = ("begin", "commit", "rollback", "commit and chain", "rollback and chain", *SAVEPOINTS)
DOUBTFUL = ("execute q", "fetch k", "deallocate all", "vacuum")  # harmless, but for what the names may stand for
FEW = ("delete from t where id < 3", "delete from t where id > 10", "delete from p where id = 1", "do $$nothing$$")
MANY = (
    "delete from t", "update t set n = 1", "select purge()", "select imm()", "truncate t", "drop table c",
    "delete from p", "insert into d default values", "do $$purge$$", "do $$commit$$", "do $$prepare s1$$",
    "do $$prepare q$$", "do $$declare p1$$", "do $$hold$$", "prepare q as delete from t",
    "declare h cursor with hold for select purge()", "declare k cursor for select purge()", "discard all",
    "set constraints all immediate", "set constraints all deferred",
)  # fmt: skip
ANY = HARMLESS + DOUBTFUL + KEYED + CONTROL + FEW + MANY

Script = list[bytes | None]
_NAMES = st.sampled_from(["", "s1", "s2"])
_PORTALS = st.sampled_from(["", "p1"])


CUNNING: tuple[Script, ...] = (
    [c.q("prepare q as delete from t"), c.q("execute q")],
    [c.q("prepare q as delete from t"), c.bind("", "q") + c.execute() + c.SYNC],
    [c.parse("s1", "delete from t") + c.SYNC, c.q("execute s1")],
    [c.pbe("do $$commit$$"), c.pbe("select 1"), c.SYNC],
    [c.pbe("insert into d default values"), c.q("select 1")],
    [c.parse("", "select imm()") + c.bind(), c.parse("s2", "vacuum") + c.bind("", "s2") + c.execute()],
    [c.q("begin"), c.q("declare k cursor for select purge()"), c.q("fetch k"), c.q("commit")],
)


def texts(vocabulary: tuple[str, ...], several: bool) -> st.SearchStrategy[str]:
    one = st.sampled_from(vocabulary)
    if not several:
        return one
    return one | st.lists(one, min_size=2, max_size=4).map("; ".join)


def _messages(vocabulary: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """One extended message, or a usual group of them."""
    text = st.sampled_from(vocabulary)
    return st.one_of(
        text.map(c.pbe),
        st.builds(c.parse, _NAMES, text),
        st.builds(c.bind, _PORTALS, _NAMES),
        st.builds(c.execute, _PORTALS),
        st.builds(lambda name, t: c.parse(name, t) + c.bind("", name) + c.execute(), _NAMES, text),
        st.builds(c.describe, st.just("S"), _NAMES),
        st.builds(c.describe, st.just("P"), _PORTALS),
        st.builds(c.close, st.just("S"), _NAMES),
        st.builds(c.close, st.just("P"), _PORTALS),
        st.just(c.FLUSH),
    )


def _polite(vocabulary: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """Groups of extended messages in which every name was made before it is used."""
    text = st.sampled_from(tuple(v for v in vocabulary if v != "selec 1"))  # nobody knows whether it would run
    named = text.map(lambda t: c.close("S", "s1") + c.parse("s1", t) + c.describe("S", "s1"))
    portal = c.close("P", "p1") + c.bind("p1", "s1") + c.describe("P", "p1") + c.execute("p1") + c.close("P", "p1")
    run = st.just(portal)
    again = st.just(c.bind("", "s1") + c.execute())
    return st.one_of(text.map(c.pbe), st.builds(lambda a, b, d: a + b + d, named, run, again), st.just(c.FLUSH))


def _copy(table: str, early: bool, lines: list[bytes], done: bool, extended: bool) -> Script:
    start = c.pbe(f"copy {table} from stdin") if extended else c.q(f"copy {table} from stdin")
    flush = [c.FLUSH] if extended and not early else []
    waiting: Script = [] if early else [WAIT]
    end = c.COPY_DONE if done else c.copy_fail()
    return [start, *flush, *waiting, *(c.copy_data(line) for line in lines), end, *([c.SYNC] if extended else [])]


def scripts(
    vocabulary: tuple[str, ...] = ANY, *, tables: tuple[str, ...] = ("t", "d"), polite: bool = False
) -> st.SearchStrategy[Script]:
    """Pieces in any order, with and without waiting; a Sync at the end. ``polite``: every batch has a Sync of its own,
    otherwise Queries and function calls come behind un-Synced messages as well."""
    lines = st.lists(st.sampled_from([b"1\n", b"2\n3\n", b"bad\n"]), max_size=2)
    message: st.SearchStrategy[bytes] = _polite(vocabulary) if polite else _messages(vocabulary)
    synced = st.lists(message | st.just(None), min_size=1, max_size=5).map(lambda f: [*f, c.SYNC])
    pieces: list[st.SearchStrategy[Script]] = [
        texts(tuple(v for v in vocabulary if not (polite and v in SAVEPOINTS)), several=True).map(lambda t: [c.q(t)]),
        texts(vocabulary, several=False).map(lambda text: [c.q(text)]),
        synced,
        st.just([WAIT]),
        *([] if polite else [st.sampled_from(CUNNING)]),
        st.builds(_copy, st.sampled_from(tables), st.booleans(), lines, st.booleans(), st.booleans()),
    ]
    if not polite:
        pieces.append(st.lists(_messages(vocabulary), min_size=1, max_size=5).map(lambda found: [*found]))
        pieces.append(st.sampled_from([20100, 20]).map(lambda oid: [c.call(oid)]))
    whole = st.lists(st.one_of(pieces), min_size=1, max_size=8)
    return whole.map(lambda found: [*(x for piece in found for x in piece), c.SYNC])
