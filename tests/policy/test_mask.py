"""Masks name columns, in any schema or in one."""

from __future__ import annotations

import pytest

from pgguard.errors import PolicyError
from pgguard.policy.load import loads
from pgguard.policy.mask import hides


@pytest.mark.parametrize(
    ("mask", "hidden"),
    [
        ("accounts.email", True),
        ("Accounts.EMAIL", True),
        ("public.accounts.email", True),
        ("crm.accounts.email", False),
        ("*.e*", True),
        ("*.*", True),
        ("accounts.id", False),
        ("orders.email", False),
    ],
)
def test_what_a_mask_hides(mask: str, hidden: bool) -> None:
    assert hides((mask,), "public", "accounts", "email") == hidden
    assert hides(("other.x", mask), "public", "accounts", "email") == hidden


@pytest.mark.parametrize("mask", ["email", "a.b.c.d", "accounts.", ".email"])
def test_a_mask_that_names_no_column_is_an_error(mask: str) -> None:
    with pytest.raises(PolicyError, match="names no column: write table"):
        loads(f"version: 1\nmask: [{mask}]\n")
