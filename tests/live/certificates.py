"""Certificates for the tests: an authority, and what it signs."""

from __future__ import annotations

import atexit
import datetime
import functools
import ipaddress
import os
import shutil
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Authority:
    """Signs certificates into files below ``directory``."""

    def __init__(self, directory: Path, name: str = "authority", key: Key | None = None) -> None:
        self.directory = directory
        self.name = name
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self.certificate = directory / f"{name}.crt"
        self.certificate.write_bytes(
            self._signed(name, self._key, authority=True).public_bytes(serialization.Encoding.PEM)
        )

    def issue(
        self, name: str, *, digest: hashes.HashAlgorithm | None = None, key: Key | None = None, hosts: bool = True
    ) -> tuple[Path, Path]:
        """The files of a certificate with this CN, for 127.0.0.1 and localhost unless not ``hosts``, and of its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        signed = self._signed(name, key, digest=digest, hosts=hosts)
        certificate, secret = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        secret.touch(0o600)
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, secret

    def _signed(
        self, name: str, key: Key, *, digest: hashes.HashAlgorithm | None = None, authority: bool = False,
        hosts: bool = False,
    ) -> x509.Certificate:  # fmt: skip
        now = datetime.datetime.now(datetime.UTC)
        building = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if hosts:
            places = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            building = building.add_extension(x509.SubjectAlternativeName(places), critical=False)
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return building.sign(self._key, None)
        return building.sign(self._key, digest or hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@functools.cache
def everywhere() -> Authority | None:
    """With LIVE_TLS in the environment every server that can accepts TLS, and every pgguard uses it on both sides, as
    then do all clients that try it first: libpq's way. Their authority; else None."""
    if not os.environ.get("LIVE_TLS"):
        return None
    directory = Path(tempfile.mkdtemp(prefix="certificates-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Authority(directory)
