"""The shape of every check's tests: statements of which it says something, and statements that it leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from pgguard.checks import Check
from pgguard.sql.read import read

SPEAKS: dict[str, Mapping[str, str]] = {}  # of every check whose tests were imported: statement -> what it says


def table(
    name: str, find: Check, *, speaks: Mapping[str, str], silent: Iterable[str], reaches: bool = False
) -> tuple[Callable[..., None], Callable[..., None]]:
    """The two tests of a check. ``reaches``: user code is reached by the statements of which it speaks."""
    SPEAKS[name] = {**SPEAKS.get(name, {}), **speaks}

    @pytest.mark.parametrize(("sql", "says"), speaks.items())
    def test_it_speaks(sql: str, says: str) -> None:
        found = find(read(sql.encode()).statements[0], sql, reaches)

        assert found is not None
        assert (name, says) == (found.check, found.says)

    @pytest.mark.parametrize("sql", silent)
    def test_it_is_silent(sql: str) -> None:
        (statement,) = read(sql.encode()).statements

        assert "" == statement.trouble
        assert find(statement, sql, False) is None

    return test_it_speaks, test_it_is_silent
