"""New certificates count for new connections, and nobody who is connected notices."""

from __future__ import annotations

import shutil
import socket
import ssl
from pathlib import Path

import pytest
from live import frontend as f
from live.certificates import Authority
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.live


def seen(guard: Pgguard) -> bytes:
    """The certificate that a client meets now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((guard.host, guard.port), timeout=PATIENCE) as plain:
        plain.sendall(f.ssl_request())
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as encrypted:
            return encrypted.getpeercert(binary_form=True) or b""


def issued(authority: Authority, name: str, place: Path) -> bytes:
    """A new certificate, put where pgguard's is; what it is."""
    certificate, key = authority.issue(name)
    shutil.copy(key, place / "guard.key")
    shutil.copy(certificate, place / "guard.crt")
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


@pytest.mark.parametrize("signal", [True, False], ids=["SIGHUP", "watched"])
def test_a_new_certificate(postgres: Postgres, authority: Authority, tmp_path: Path, signal: bool) -> None:
    first = issued(authority, "first", tmp_path)
    files = ["--tls-cert", str(tmp_path / "guard.crt"), "--tls-key", str(tmp_path / "guard.key")]
    guard = Pgguard(postgres, PRODUCTION, *files).start()
    try:
        with guard.connect("ann", "postgres", sslmode="require", channel_binding="require") as before:
            assert seen(guard) == first
            second = issued(authority, "second", tmp_path)
            if signal:
                guard.reload()
            wait_until(lambda: seen(guard) == second, guard.logs)
            assert before.execute("select 1").fetchone() == (1,)
            guard.connect("ann", "postgres", sslmode="require", channel_binding="require").close()

            (tmp_path / "guard.crt").write_text("nonsense")
            guard.wait_for_log("the last good one stays in force")
            assert seen(guard) == second
    finally:
        guard.stop()
