"""Any line that is removed, changed, moved or added breaks the chain, where it happened."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from pgguard.audit.chain import (
    FIELDS,
    Broken,
    Link,
    Whole,
    continued_note,
    cut_short,
    iso,
    read,
    seal,
    torn_note,
    walk,
)  # fmt: skip
from pgguard.audit.record import AuditRecord


def record(number: int = 0, statement: str = "delete from t") -> AuditRecord:
    return AuditRecord(
        f"s{number}", "ann", "ann", "10.0.0.1", "psql", "shop", statement, "d", "delete", "refuse", "people",
        ("no-where",), {"public.t": {"inserted": 0, "updated": 0, "deleted": number}},
        ("table public.x dropped",), 17, None, 1.23456,
    )  # fmt: skip


def chain(count: int, statement: str = "delete from t") -> list[bytes]:
    lines, link = [], Link()
    for number in range(count):
        line, link = seal(record(number, statement), link, time=1.0 + number, node="n1", server="shop/77")
        lines.append(line)
    return lines


def test_a_line_is_json_with_the_documented_fields_in_order() -> None:
    values = json.loads(chain(1)[0])

    assert tuple(values) == FIELDS
    assert values["seq"] == 1
    assert values["prev"] == ""
    assert values["time"] == "1970-01-01T00:00:01.000000Z"
    assert values["duration_ms"] == 1.235
    assert values["measured"] == {"public.t": {"inserted": 0, "updated": 0, "deleted": 0}}
    assert values["server"] == "shop/77"
    assert values["checks"] == ["no-where"]


def test_the_hash_is_that_of_the_line_without_it() -> None:
    line = chain(2)[1].decode().rstrip("\n")
    values = json.loads(line)
    body = line.replace(f',"hash":"{values["hash"]}"', "")

    assert values["hash"] == hashlib.sha256(body.encode()).hexdigest()
    assert values["prev"] == json.loads(chain(1)[0])["hash"]


def test_a_whole_chain_is_whole() -> None:
    lines = chain(5)
    found = walk(lines)

    assert isinstance(found, Whole)
    assert (found.lines, found.end.seq, found.end.hash) == (5, 5, json.loads(lines[-1])["hash"])
    assert found.node == "n1"
    assert walk([]) == Whole(Link(), 0)


@given(st.data())
def test_a_changed_byte_is_found_in_its_line(data: st.DataObject) -> None:
    lines = chain(4)
    line = data.draw(st.integers(0, 3))
    place = data.draw(st.integers(0, len(lines[line]) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != lines[line][place] and b != 10))
    lines[line] = lines[line][:place] + bytes([byte]) + lines[line][place + 1 :]
    found = walk(lines)

    assert isinstance(found, Broken)
    assert found.line == line + 1


@given(st.integers(2, 8), st.data())
def test_a_removed_line_is_found(count: int, data: st.DataObject) -> None:
    """All but the last: a chain that ends early is a chain."""
    gone = data.draw(st.integers(0, count - 2))
    lines = chain(count)
    del lines[gone]
    found = walk(lines)

    assert isinstance(found, Broken)
    assert found.line == gone + 1
    assert found.what == f"record {gone + 1} is missing before record {gone + 2}"


@given(st.permutations(range(5)))
def test_reordered_lines_are_found(order: list[int]) -> None:
    lines = chain(5)
    found = walk([lines[n] for n in order])
    first_wrong = next((place for place, n in enumerate(order) if place != n), None)

    if first_wrong is None:
        assert isinstance(found, Whole)
    else:
        assert isinstance(found, Broken)
        assert found.line == first_wrong + 1


def test_a_doubled_line_and_a_stranger_line_are_found() -> None:
    lines = chain(3)

    assert walk([*lines, lines[2]]) == Broken(4, "record 3 stands behind record 3")
    assert walk([lines[0], b"hello\n", *lines[1:]]) == Broken(2, "not a record")
    assert walk([lines[0], b"\n", *lines[1:]]) == Broken(2, "not a record")


def test_a_line_sealed_anew_breaks_at_the_next_one() -> None:
    """Whoever knows the format can seal one changed line, but not without changing all that follow."""
    lines = chain(3)
    values = json.loads(lines[0])
    lines[1], _ = seal(record(9, "select 1"), Link(1, values["hash"]), time=2.0, node="n1", server="shop/77")

    assert walk(lines) == Broken(3, "record 3 does not follow from the record before it")


@given(st.integers(0, 300), st.integers(0, 3))
def test_a_torn_line_is_whole_only_with_its_own_note(cut: int, before: int) -> None:
    lines = chain(before + 1)
    torn = lines.pop()[:cut] + b"\n"
    end = Link(before, json.loads(lines[-1])["hash"]) if lines else Link()
    vouched, _ = seal(torn_note(torn), end, time=9.0, node="n1", server="")
    found = walk([*lines, torn, vouched])

    assert cut_short(torn, end)
    assert isinstance(found, Whole)
    assert (found.torn, found.end.seq) == (1, before + 1)
    assert isinstance(walk([*lines, torn]), Broken)
    assert walk([*lines, torn[:-1] + b"x\n", vouched]) == Broken(before + 1, "not a record")
    assert isinstance(walk([*lines, vouched]), Broken)


def known(lines: list[bytes]) -> Link:
    values = json.loads(lines[-1])
    return Link(values["seq"], values["hash"])


def goes_on(end: Link, count: int = 2) -> list[bytes]:
    """A new file behind ``end``."""
    line, link = seal(continued_note(end), end, time=9.0, node="n1", server="")
    lines = [line]
    for number in range(count):
        line, link = seal(record(number), link, time=9.0, node="n1", server="")
        lines.append(line)
    return lines


@given(st.integers(1, 6), st.integers(0, 6))
def test_an_end_that_was_cut_off_is_found_by_who_knows_it(count: int, cut: int) -> None:
    lines = chain(count)
    found = walk(lines[: count - cut] if cut < count else [], known=known(lines))

    if cut == 0:
        assert isinstance(found, Whole)
    else:
        assert isinstance(found, Broken)
        assert found.what.endswith("missing at the end")
        assert f"{max(count - cut, 0) + 1}" in found.what


def test_a_chain_written_anew_is_not_the_known_one() -> None:
    lines, anew = chain(5), chain(6, "select 1")

    assert walk(anew) == Whole(known(anew), 6, node="n1")
    assert walk(anew, known=known(lines)) == Broken(5, "record 5 is not the one that the state store knows")


def test_a_chain_goes_on_in_a_new_file() -> None:
    old = chain(3)
    new = goes_on(known(old))
    found = walk(new)

    assert isinstance(found, Whole)
    assert (found.begin, found.end.seq) == (known(old), 6)
    assert walk(new, after=known(old)) == found
    assert walk(new, known=known(old)) == found
    assert walk([*old, *new]) == Whole(found.end, 6, node="n1")
    assert walk(new, after=Link(2, "x")) == Broken(1, "record 3 is missing before record 4")
    assert walk(new, after=Link(3, "x")) == Broken(1, "record 4 does not follow from the record before it")


def test_the_beginning_of_a_file_cannot_be_cut_off() -> None:
    """Only a line that was sealed as the first of a file may begin one."""
    old = chain(3)

    assert walk(old[1:]) == Broken(1, "record 1 is missing before record 2")
    assert walk(goes_on(known(old))[1:]) == Broken(1, "records 1 to 4 are missing before record 5")


def test_a_note_vouches_for_no_changed_record() -> None:
    """A record that was altered has a hash, so it was not cut short."""
    lines = chain(2)
    changed = lines[1].replace(b"ann", b"bob")
    vouched, _ = seal(torn_note(changed), Link(1, json.loads(lines[0])["hash"]), time=9.0, node="n1", server="")

    assert not cut_short(changed, Link(1, ""))
    assert walk([lines[0], changed, vouched]) == Broken(2, "the record was changed: its hash does not fit its content")


@given(st.text())
def test_any_statement_survives_in_one_line(statement: str) -> None:
    line = chain(1, statement + "\x00\u2028\ud800")[0]
    values = read(line[:-1])

    assert line.count(b"\n") == 1
    assert isinstance(values, dict)
    assert values["statement"] == statement + "\x00\u2028\ud800"


def test_a_moment_is_iso_utc() -> None:
    assert iso(0.25) == "1970-01-01T00:00:00.250000Z"


@given(st.integers(1, 5), st.data())
def test_only_the_lines_as_they_were_written_are_whole(count: int, data: st.DataObject) -> None:
    """Whatever is removed, moved, replayed, or taken from another file, one written anew and sealed well included."""
    mine, other = chain(count), [*chain(2, "select 1"), *goes_on(known(chain(count)))]
    lines = data.draw(st.lists(st.sampled_from([*mine, *other]), max_size=8))
    found = walk(lines, known=known(mine))
    behind = lines[count:] if lines[:count] == mine else lines

    # What stands alone behind the known end was sealed as what follows it.
    follows = behind == other[2:][: len(behind)] and (lines[:count] == mine or behind)
    assert isinstance(found, Whole) == bool(follows)
