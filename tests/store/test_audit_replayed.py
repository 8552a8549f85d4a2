"""An audit file that was put in the place of another while nobody wrote is refused, or its chain is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgguard.errors import ConfigError
from pgguard.store.audit_file import AuditFile
from pgguard.store.audit_reading import verify
from tests.store.test_audit_file import record


async def test_a_file_of_another_pgguard_or_an_old_copy_is_found(tmp_path: Path) -> None:
    for name, number in (("mine", 5), ("other", 7), ("shorter", 3)):
        file = AuditFile.open(tmp_path / name, name)
        for n in range(number):
            await file.write(record(str(n)))
        await file.close()
        if name == "mine":
            known = file.end
    old = (tmp_path / "mine").read_bytes().splitlines(keepends=True)
    with pytest.raises(ConfigError, match="record 5 is not the one that the state store knows"):
        AuditFile.open(tmp_path / "other", "mine", known=known)
    for name, lines in (("old", old[:3]), ("twice", [*old, *old[2:]]), ("shorter", None)):
        if lines is not None:
            (tmp_path / name).write_bytes(b"".join(lines))
        file = AuditFile.open(tmp_path / name, "mine", known=known)
        await file.write(record("select 9"))
        await file.close()

        assert verify(tmp_path / name) is not None, name
        if name != "twice":
            assert file.gap == 2
