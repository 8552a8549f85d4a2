"""The exceptions of pgguard. A refused statement is never one of them: it is a value (``policy.verdict``).

    PgguardError
     +-- ProtocolViolation     a side sent what the protocol forbids
     |    +-- MalformedMessage a message of the client's that the server answers with an error and goes on
     +-- PolicyError           the policy file is wrong
     +-- ConfigError           the process cannot start like this
     +-- StoreUnavailable      shared state is away
     +-- UpstreamUnavailable   our own connection to PostgreSQL is away
     +-- AccountsUnavailable   what was spent of budgets is not to be had
"""

from __future__ import annotations


class PgguardError(Exception):
    """Root of everything that pgguard raises on purpose."""


class ProtocolViolation(PgguardError):
    """``side`` ("client" or "server") sent bytes that the protocol forbids at this point. ``code``: the SQLSTATE."""

    def __init__(self, side: str, what: str, code: str = "08P01") -> None:
        super().__init__(f"{side}: {what}")
        self.side = side
        self.what = what
        self.code = code


class MalformedMessage(ProtocolViolation):
    """A message of the client's whose fields do not fill its length: the server reads the whole of it before it does
    anything, and says so itself (pqformat.c)."""

    def __init__(self, what: str) -> None:
        super().__init__("client", what)


class PolicyError(PgguardError):
    """A policy file that cannot be used: ``file:line: what``, and the nearest valid name where there is one."""

    def __init__(self, what: str, *, file: str = "", line: int | None = None) -> None:
        place = file + (f":{line}" if line is not None else "")
        super().__init__(f"{place}: {what}" if place else what)
        self.what = what
        self.file = file
        self.line = line


class ConfigError(PgguardError):
    """The process cannot start with this configuration. ``exit_code`` is 2 (wrong) or 3 (something needed is away)."""

    def __init__(self, what: str, *, exit_code: int = 2) -> None:
        super().__init__(what)
        self.exit_code = exit_code


class StoreUnavailable(PgguardError):
    """The store did not answer, or not in time."""


class UpstreamUnavailable(PgguardError):
    """pgguard's own (admin) connection did not answer, or not in time."""


class AccountsUnavailable(PgguardError):
    """What all processes spent of budgets cannot be looked at, so nothing that a budget counts may pass."""
