"""Which columns nobody gets to see in a request's sample of rows: ``mask: [accounts.email, "*.password*"]``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator

from pgguard.policy.fields import Texts, wrong


def _columns(masks: tuple[str, ...]) -> tuple[str, ...]:
    for mask in masks:
        if mask.count(".") not in (1, 2) or not all(mask.split(".")):
            raise wrong(f'"{mask}" names no column: write table.column or schema.table.column, * stands for any')
    return masks


Masks = Annotated[Texts, AfterValidator(_columns)]


def hides(masks: Sequence[str], schema: str, table: str, column: str) -> bool:
    """Whether the values of this column are not to be shown. A mask without schema speaks of every schema."""
    for mask in masks:
        parts = mask.split(".")
        names = (schema, table, column)[-len(parts) :]
        if all(fnmatchcase(name.lower(), part.lower()) for name, part in zip(names, parts, strict=True)):
            return True
    return False
