"""Audit records, and files of them."""

from __future__ import annotations

from pathlib import Path

from pgguard.audit.record import AuditRecord
from pgguard.store.audit_file import AuditFile


def record(statement: str = "delete from t where id = 7", verdict: str = "refuse") -> AuditRecord:
    return AuditRecord("s1", "ann", "ann", "10.0.0.1", "psql", "shop", statement, "d", "delete", verdict)


async def write(path: Path, count: int) -> None:
    file = AuditFile.open(path, "n1", server="shop/77")
    for _ in range(count):
        await file.write(record())
    await file.close()
