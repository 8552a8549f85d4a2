"""Where SCRAM verifiers of roles come from: a file in the format of PgBouncer's userlist, then a query."""

from __future__ import annotations

import re
from pathlib import Path

from pgguard.errors import ConfigError, UpstreamUnavailable
from pgguard.upstream.connection import Connection
from pgguard.wire.scram import Verifier, parse_verifier

# What a role needs for it: to be a superuser, or pg_read_all_data.
AUTHID_SQL = (
    "SELECT a.rolpassword FROM pg_catalog.pg_authid a"
    " WHERE a.rolname::pg_catalog.text OPERATOR(pg_catalog.=) $1 AND a.rolcanlogin"
)
_DEADLINE = 3.0
_NAME = 63  # bytes of a name that PostgreSQL looks at
_LINE = re.compile(r'\s*"((?:[^"]|"")*)"\s+"((?:[^"]|"")*)"(?:\s.*)?')


class Verifiers:
    """``query`` has one parameter, the user's name; the last column of its first row is the verifier. It runs over a
    connection of its own, in the database of the admin DSN. Nothing is kept: a changed password counts at once."""

    def __init__(self, dsn: str, query: str, file: Path | None = None) -> None:
        self._query = query
        self.file = file
        self._connection = Connection(dsn, None)
        self._listed, self.useless = _read(file) if file else ({}, [])

    def reload(self) -> None:
        """Read the file again. Raises ConfigError, and then the old content stays."""
        if self.file is not None:
            self._listed, self.useless = _read(self.file)

    async def find(self, user: str) -> Verifier | None:
        """None when there is no such user, or none with a SCRAM verifier. Raises UpstreamUnavailable."""
        try:
            user = user.encode()[:_NAME].decode("utf-8", "ignore")
        except UnicodeEncodeError:
            return None  # bytes that are no UTF-8: no role is called so
        if user in self._listed or not self._query:
            return self._listed.get(user)
        async with self._connection.use(_DEADLINE) as connection:
            row = await connection.fetchrow(self._query, user)
        return parse_verifier(str(row[-1])) if row is not None and row[-1] is not None else None

    async def trouble(self) -> str:
        """Why the query does not work; "" when it does."""
        if not self._query:
            return ""
        try:
            async with self._connection.use(_DEADLINE) as connection:
                await connection.fetchrow(self._query, "")
        except UpstreamUnavailable as trouble:
            return str(trouble)
        return ""

    async def close(self) -> None:
        await self._connection.close()


def _read(file: Path) -> tuple[dict[str, Verifier], list[int]]:
    """The verifiers by user, and the numbers of lines that hold none: md5 and plain passwords are of no use here."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise ConfigError(f"auth-file: {file}: {getattr(trouble, 'strerror', None) or trouble}") from None
    found: dict[str, Verifier] = {}
    useless: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith((";", "#")):
            continue
        matched = _LINE.fullmatch(line)
        verifier = parse_verifier(matched[2].replace('""', '"')) if matched else None
        if matched is None or verifier is None:
            useless.append(number)
        else:
            found[matched[1].replace('""', '"')] = verifier
    return found, useless
