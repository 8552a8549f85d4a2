"""An approval as a signed text that can be handed over: short, single use, worthless to anybody else."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pgguard.errors import ConfigError

_LONGEST = 1024  # ours have about 200 characters


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: approval ``number``, of the binding whose digest begins with ``digest``, until ``expires``."""

    number: int
    digest: str
    expires: int
    jti: str


class TokenKey:
    """The Ed25519 key in ``path``: made with mode 0600 at the first token, refused when others can read it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._key: Ed25519PrivateKey | None = None
        if path is not None and os.path.lexists(path):
            self._key = _read(path)

    def sign(self, number: int, digest: str, expires: float, jti: str) -> str:
        """The token. Raises ConfigError when there is no key and none can be made."""
        if self._path is None:
            raise ConfigError("no token key is configured, see --token-key")
        if self._key is None:
            self._key = _make(self._path)
        claims = {"n": number, "d": shortened(digest), "exp": int(expires), "jti": jti}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": None})

    def read(self, token: str) -> Claims | str:
        """What a token signed with this key says, expired or not; else why it is none, in words."""
        key = self._known()
        if key is None or len(token) > _LONGEST:
            return "token is not one of this pgguard"
        try:
            # The expiry is judged by the store's own clock, and again when the approval is claimed.
            said = jwt.decode(token, key.public_key(), algorithms=["EdDSA"],
                              options={"require": ["exp", "jti"], "verify_exp": False})  # fmt: skip
        except jwt.InvalidTokenError:
            return "token is not one of this pgguard, or was changed"
        match said:
            case {"n": int(number), "d": str(digest), "exp": int(expires), "jti": str(jti)}:
                return Claims(number, digest, expires, jti)
        return "token is not one of this pgguard"

    def _known(self) -> Ed25519PrivateKey | None:
        # Another process beside the same state may have made the key after we started.
        if self._key is None and self._path is not None and os.path.lexists(self._path):
            try:
                self._key = _read(self._path)
            except ConfigError:
                return None
        return self._key


def new_jti() -> str:
    """A fresh name for a token."""
    return secrets.token_urlsafe(9)


def shortened(digest: str) -> str:
    """Half of a SHA-256 in few characters, so that the token can be pasted; the store compares the whole digest."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest)[:16]).rstrip(b"=").decode()


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            pem = file.read(4096)
    except OSError as trouble:
        raise ConfigError(f"token key {path}: {(trouble.strerror or str(trouble)).lower()}") from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise ConfigError(f"token key {path}: others can read it (mode {stat.S_IMODE(mode):04o}), use chmod 600")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"token key {path}: not a PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"token key {path}: not an Ed25519 key")
    return key


def _make(path: Path) -> Ed25519PrivateKey:
    """Makes the key file, or reads the one that another process made first: link() never replaces a file."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    except OSError as trouble:
        raise ConfigError(f"token key {path}: {(trouble.strerror or str(trouble)).lower()}") from None
    return _read(path)
