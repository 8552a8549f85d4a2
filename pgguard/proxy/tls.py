"""TLS on either side: contexts from files, the certificate's hash for channel binding, reloading."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from pgguard.errors import ConfigError
from pgguard.session.proving import PLAIN, Leg

# Direct TLS needs it, so that no other protocol can be mistaken for this one.
ALPN = "postgresql"
HANDSHAKE_SECONDS = 20.0
SHUTDOWN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of PEM files; None where there is none. ``authority``: whose signature the other side's certificate needs
    ("system": the machine's own list)."""

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None


class TlsForClients:
    """What clients meet. ``mode``: allow (plain as well), require, verify-ca (a certificate of theirs signed by the
    authority), verify-full (one that names the user)."""

    def __init__(self, files: Files, mode: str) -> None:
        self.files = files
        self.mode = mode
        self.current = self._load()  # a context and the binding of its certificate: never the one without the other

    def reload(self) -> None:
        """For handshakes to come. Raises ConfigError, and then everything stays as it was."""
        self.current = self._load()

    def _load(self) -> tuple[ssl.SSLContext, bytes]:
        context = _context(ssl.PROTOCOL_TLS_SERVER, self.files)
        context.options |= ssl.OP_NO_TICKET  # as PostgreSQL: nothing to resume, so nothing to steal
        context.num_tickets = 0
        if self.files.authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED if self.mode.startswith("verify") else ssl.CERT_OPTIONAL
        assert self.files.certificate is not None
        _check_secret(self.files.key or self.files.certificate)
        return context, end_point(ssl.PEM_cert_to_DER_cert(_first_certificate(self.files.certificate)))


class TlsToServer:
    """``mode``: require (anybody's certificate), verify-ca, verify-full (as libpq's sslmode)."""

    def __init__(self, files: Files, mode: str) -> None:
        self.files = files
        self.mode = mode
        self.context = self._load()

    def reload(self) -> None:
        """For connections to come. Raises ConfigError, and then everything stays as it was."""
        self.context = self._load()

    def _load(self) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_CLIENT, self.files)
        context.check_hostname = self.mode == "verify-full"
        context.verify_mode = ssl.CERT_NONE if self.mode == "require" else ssl.CERT_REQUIRED
        return context


def _context(protocol: int, files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols([ALPN])
    try:
        if files.certificate is not None:
            # A key that needs a passphrase would make OpenSSL ask for it on the terminal.
            context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
        if files.authority is not None and str(files.authority) == "system":
            context.load_default_certs()
        elif files.authority is not None:
            context.load_verify_locations(files.authority)
    except (OSError, ValueError) as trouble:
        names = ", ".join(str(one) for one in (files.certificate, files.key, files.authority) if one is not None)
        why = getattr(trouble, "reason", None) or getattr(trouble, "strerror", None) or trouble
        raise ConfigError(f"TLS: {names}: {why}") from None
    return context


def _check_secret(key: Path) -> None:
    if key.stat().st_mode & 0o007:
        raise ConfigError(f"TLS: {key}: everybody on this machine can read the private key")


def _first_certificate(path: Path) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    text = path.read_text("ascii", "replace")
    found = text[text.find(begin) :].partition(end)
    return found[0] + found[1]


def end_point(der: bytes) -> bytes:
    """The channel binding tls-server-end-point of a certificate (RFC 5929, section 4.1): its hash, by the hash function
    of its own signature, SHA-256 in place of MD5 and SHA-1; b"" where that signature has none (Ed25519)."""
    try:
        algorithm = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return b""
    if algorithm is None:
        return b""
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    return hashlib.new(name, der).digest()


def server_leg(transport: Any) -> Leg:
    """The connection to the server, as a sign-in must know it."""
    encrypted = transport.get_extra_info("ssl_object")
    if encrypted is None:
        return PLAIN
    der = encrypted.getpeercert(binary_form=True)
    return Leg(True, end_point(der) if der else b"")


def common_name(transport: Any) -> str:
    """The CN of the client's certificate, which was verified; "" when it gave none."""
    certificate = cast(dict[str, Any], transport.get_extra_info("peercert") or {})
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return str(names[-1]) if names else ""
