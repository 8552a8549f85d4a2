"""A table that no statement names was probably reached by a foreign key whose action fits what happened."""

from __future__ import annotations

import pytest

from pgguard.evidence.measurement import Measurement, Rows, TableEffect
from pgguard.evidence.paths import with_paths
from tests.session import shop


def via(*tables: TableEffect) -> dict[str, str]:
    found = with_paths(Measurement(tables), shop.picture())
    return {table.name: table.via for table in found.tables}


DELETED = TableEffect(shop.P, "public.p", Rows(deleted=3), named=True)


@pytest.mark.parametrize(
    ("child", "path"),
    [
        (TableEffect(shop.C, "public.c", Rows(deleted=6)), "public.p"),
        (TableEffect(shop.C, "public.c", Rows(updated=6)), ""),  # the key says CASCADE: a trigger did that
        (TableEffect(shop.C, "public.c", Rows(deleted=6), named=True), ""),
        (TableEffect(shop.C, "public.c", Rows(inserted=6)), ""),
        (TableEffect(shop.D, "public.d", Rows(deleted=6)), ""),
        (TableEffect(99, "gone.x", Rows(deleted=6)), ""),
    ],
)
def test_by_which_key(child: TableEffect, path: str) -> None:
    assert via(DELETED, child)[child.name] == path


def test_a_parent_that_lost_nothing_is_no_reason() -> None:
    assert via(TableEffect(shop.C, "public.c", Rows(deleted=6))) == {"public.c": ""}


def test_without_a_picture_nothing_is_said() -> None:
    measured = Measurement((DELETED, TableEffect(shop.C, "public.c", Rows(deleted=6))))

    assert with_paths(measured, None) is measured
