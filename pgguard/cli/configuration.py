"""The configuration of ``serve``: flags over PGGUARD_* variables over the YAML file, the same keys everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pgguard.errors import ConfigError, PolicyError
from pgguard.policy.fields import nearest
from pgguard.policy.load import plain

LEVELS = ("debug", "info", "warning", "error")


class Configuration(BaseModel):
    """All of it. Keys in a file and in flags have dashes, variables PGGUARD_ and underscores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str = Field("127.0.0.1:6432", description="HOST:PORT to listen on; port 0 takes a free one.")
    upstream: str = Field("127.0.0.1:5432", description="HOST:PORT of PostgreSQL, or FOLDER:PORT of its socket.")
    policies: Path = Field(description="The policy file.")
    state: str = Field("sqlite:///pgguard.db", description="Where requests and approvals are kept.")
    admin_dsn: str = Field(description="pgguard's own login, postgresql://pgguard_admin:...@host:port/postgres.")
    audit: Path | None = Field(None, description="The audit file, JSON lines.")
    audit_redacted: bool = Field(False, description="Replace literals in audited statements.")
    token_key: Path | None = Field(None, description="The key of tokens; default: beside the state.")
    node: str = Field("", description="This node's name in the audit; default: the host's.")
    observe: bool = Field(False, description="Judge and record, and let everything pass.")
    allow_trust: bool = Field(False, description="Accept clients whom the server asks for no password.")
    allow_server_major: int | None = Field(None, description="Accept this newer PostgreSQL, untried.")
    catalog_age: float = Field(2.0, gt=0, le=60, description="Seconds that the catalog picture is believed.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return value


def configure(flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None) -> Configuration:
    """The configuration in force. Raises ConfigError with one clear sentence."""
    found: dict[str, Any] = {}
    if file is not None:
        found.update(_from_file(file))
    for name in Configuration.model_fields:
        value = environment.get("PGGUARD_" + name.upper())
        if value is not None and value != "":
            found[name] = value
    found.update({name: value for name, value in flags.items() if value is not None})
    for name in ("policies", "admin_dsn"):
        if name not in found:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} is missing (or PGGUARD_{name.upper()}, or {name.replace('_', '-')} in --config)")
    try:
        return Configuration.model_validate(found)
    except ValidationError as trouble:
        first = trouble.errors(include_url=False)[0]
        key = str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"{key}: {first['msg'].removeprefix('Value error, ')}, not {first['input']!r}") from None


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise ConfigError(f"{file}: cannot be read: {getattr(trouble, 'strerror', None) or trouble}") from None
    try:
        content, lines = plain(text, str(file))
    except PolicyError as trouble:
        raise ConfigError(str(trouble)) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file}:1: a mapping of keys is needed here")
    known = {name.replace("_", "-") for name in Configuration.model_fields}
    for key in content:
        if key not in known:
            line = lines.get((key,), 1)
            raise ConfigError(f'{file}:{line}: "{key}" is not known here{nearest(str(key), known)}')
    return {key.replace("-", "_"): value for key, value in content.items()}


def address(text: str, what: str) -> tuple[str, int]:
    """HOST:PORT, [HOST]:PORT, or /folder:PORT for a unix socket."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise ConfigError(f"{what}: HOST:PORT is needed, not {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def dsn_place(dsn: str) -> str:
    """host:port of a DSN, without its password."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'the local socket'}:{parts.port or 5432}"


def dsn_database(dsn: str) -> str:
    """The database of the admin DSN, on which console sign-ins are checked."""
    parts = urlsplit(dsn)
    if parts.scheme not in ("postgresql", "postgres") or (not parts.hostname and "host=" not in parts.query):
        raise ConfigError("admin-dsn: postgresql://user:password@host:port/database is needed")
    return parts.path.lstrip("/") or "postgres"
