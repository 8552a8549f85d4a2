"""One audit record, as the session makes it; the file adds seq, time, node, prev and hash."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_NOTHING: Mapping[str, Mapping[str, int]] = MappingProxyType({})


class AuditRecord(NamedTuple):
    """``measured``: table -> {"inserted", "updated", "deleted"}; ``destroyed``: "kind name how". ``requester``: whose
    request a decision of ``caller`` is about; ``approved_by``: who allowed what ran.

    A tuple, because one is made for every proved write."""

    session: str
    caller: str
    role: str
    client: str
    application: str
    database: str
    statement: str
    digest: str
    kind: str
    verdict: str  # docs/audit.md has them all
    rule: str = ""
    checks: tuple[str, ...] = ()  # names of those that saw something
    measured: Mapping[str, Mapping[str, int]] = _NOTHING
    destroyed: tuple[str, ...] = ()
    request: int | None = None
    approval: int | None = None
    duration_ms: float = 0.0
    requester: str = ""
    approved_by: str = ""
