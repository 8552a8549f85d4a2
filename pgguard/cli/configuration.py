"""The configuration of ``serve``: flags over PGGUARD_* variables over the YAML file, the same keys everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from pgguard.errors import ConfigError, PolicyError
from pgguard.policy.load import plain
from pgguard.policy.suggest import nearest

CHOICES = {
    "log_level": ("debug", "info", "warning", "error"),
    "tls_clients": ("allow", "require", "verify-ca", "verify-full"),
    "upstream_tls": ("disable", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write"),
}


class Configuration(BaseModel):
    """All of it. Keys in a file and in flags have dashes, variables PGGUARD_ and underscores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str = Field(
        "127.0.0.1:6432",
        description="HOST:PORT to listen on, FOLDER:PORT for a unix socket; several with commas. Port 0: a free one.",
    )
    upstream: str = Field(
        "127.0.0.1:5432",
        description="HOST:PORT of PostgreSQL, or FOLDER:PORT of its socket; several with commas, tried in this order.",
    )
    target_session_attrs: str = Field("any", description="Of several upstreams: any, or read-write.")
    policies: Path = Field(description="The policy file.")
    state: str = Field("sqlite:///pgguard.db", description="Where requests and approvals are kept.")
    admin_dsn: str = Field(description="pgguard's own login, postgresql://pgguard_admin:...@host:port/postgres.")
    tls_cert: Path | None = Field(None, description="pgguard's certificate, PEM with its chain. Turns TLS on.")
    tls_key: Path | None = Field(None, description="Its private key; default: in the same file.")
    tls_clients: str = Field(
        "allow",
        description="allow (plain as well), require, verify-ca or verify-full (the certificate names the user).",
    )
    tls_client_ca: Path | None = Field(None, description="Who signs clients' certificates, PEM.")
    upstream_tls: str = Field("disable", description="To the server: disable, require, verify-ca or verify-full.")
    upstream_ca: Path | None = Field(None, description='Who signs the server\'s certificate, PEM, or "system".')
    upstream_cert: Path | None = Field(None, description="pgguard's certificate towards the server, PEM.")
    upstream_key: Path | None = Field(None, description="Its private key; default: in the same file.")
    auth_query: str | None = Field(
        None,
        description="SQL that gives the SCRAM verifier of user $1; default: from pg_authid, where that is allowed.",
    )
    auth_file: Path | None = Field(None, description="SCRAM verifiers in the format of PgBouncer's userlist.")
    max_connections: int = Field(0, ge=0, description="Clients at a time, the console aside; 0: as the server takes.")
    workers: int = Field(1, ge=1, le=64, description="Processes that share the work, each on one core.")
    connect_timeout: float = Field(10.0, gt=0, le=600, description="Seconds to reach the server.")
    tcp_keepalive: int = Field(60, ge=0, le=7200, description="Seconds of silence until a peer is probed; 0: never.")
    proxy_protocol_from: str = Field(
        "", description="Addresses or networks of balancers, with commas, that must begin with a PROXY protocol header."
    )
    audit: Path | None = Field(None, description="The audit file, JSON lines.")
    audit_redacted: bool = Field(False, description="Replace literals in audited statements.")
    token_key: Path | None = Field(None, description="The key of tokens; default: beside the state.")
    node: str = Field("", description="This node's name in the audit; default: the host's.")
    observe: bool = Field(False, description="Judge and record, and let everything pass.")
    allow_trust: bool = Field(False, description="Accept clients whom the server asks for no password.")
    allow_server_major: int | None = Field(None, description="Accept this newer PostgreSQL, untried.")
    catalog_age: float = Field(2.0, gt=0, le=60, description="Seconds that the catalog picture is believed.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    @field_validator("log_level", "tls_clients", "upstream_tls", "target_session_attrs")
    @classmethod
    def _one_of(cls, value: str, info: ValidationInfo) -> str:
        allowed = CHOICES[str(info.field_name)]
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
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


def dsn_place(dsn: str) -> str:
    """host:port of a DSN, without its password."""
    hosts = urlsplit(dsn).netloc.rpartition("@")[2]
    return hosts if ":" in hosts else f"{hosts or 'the local socket'}:5432"


def dsn_database(dsn: str) -> str:
    """The database of the admin DSN, on which console sign-ins are checked."""
    parts = urlsplit(dsn)
    if parts.scheme not in ("postgresql", "postgres") or (not parts.hostname and "host=" not in parts.query):
        raise ConfigError("admin-dsn: postgresql://user:password@host:port/database is needed")
    return parts.path.lstrip("/") or "postgres"
