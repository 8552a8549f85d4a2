"""What TLS can be told: who must use it, and whose certificates count, of clients and of the server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from live.certificates import Authority
from live.pgguard import PRODUCTION, Pgguard
from live.postgres import Postgres
from live.test_start import one_line, serve

pytestmark = pytest.mark.live

Start = Callable[..., Pgguard]
Guards = dict[str, Pgguard]


def presenting(pair: tuple[Path, Path]) -> list[str]:
    """The flags for pgguard's own certificate."""
    return ["--tls-cert", str(pair[0]), "--tls-key", str(pair[1])]


def works(guard: Pgguard, user: str = "ann", **options: object) -> bool:
    with guard.connect(user, "postgres", **{"sslmode": "require", **options}) as connection:
        return connection.execute("select session_user").fetchone() == (user,)


def refused(guard: Pgguard, user: str = "ann", **options: object) -> str:
    with pytest.raises(psycopg.OperationalError) as why:
        works(guard, user, **options)
    return str(why.value)


def test_required(postgres: Postgres, start_guard: Start, authority: Authority) -> None:
    flags = presenting(authority.issue("guard"))
    guard = start_guard(postgres, PRODUCTION, *flags, "--tls-clients", "require")

    assert works(guard)
    assert "encrypted connections only" in refused(guard, sslmode="disable")


@pytest.mark.parametrize("digest", [hashes.SHA224(), hashes.SHA384(), hashes.SHA512()], ids=lambda d: d.name)
def test_the_hash_of_its_signature_binds_a_certificate(
    postgres: Postgres, start_guard: Start, authority: Authority, digest: hashes.HashAlgorithm
) -> None:
    guard = start_guard(postgres, PRODUCTION, *presenting(authority.issue("hashed", digest=digest)))

    assert works(guard, channel_binding="require")


def test_a_certificate_to_which_nothing_can_be_bound(secure: Postgres, start_guard: Start, tmp_path: Path) -> None:
    """Ed25519 signs without a hash function: channel binding is not defined for it."""
    pair = Authority(tmp_path, "ed25519", ed25519.Ed25519PrivateKey.generate()).issue("guard")
    guard = start_guard(secure, PRODUCTION, *presenting(pair), "--upstream-tls", "require")

    assert works(guard)
    assert works(guard, channel_binding="disable")
    assert "channel binding" in refused(guard, channel_binding="require")


class TestClientCertificates:
    @pytest.fixture(scope="class")
    @classmethod
    def guards(cls, postgres: Postgres, authority: Authority) -> Iterator[Guards]:
        found = {}
        for mode in ("verify-ca", "verify-full"):
            flags = ["--tls-clients", mode, "--tls-client-ca", str(authority.certificate)]
            found[mode] = Pgguard(postgres, PRODUCTION, *presenting(authority.issue("guard")), *flags).start()
        yield found
        for guard in found.values():
            guard.stop()

    def of(self, authority: Authority, name: str) -> dict[str, str]:
        path, key = authority.issue(name, hosts=False)
        return {"sslcert": str(path), "sslkey": str(key)}

    @pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
    def test_ones_own(self, guards: Guards, authority: Authority, mode: str) -> None:
        assert works(guards[mode], **self.of(authority, "ann"))

    def test_somebody_elses(self, guards: Guards, authority: Authority) -> None:
        bobs = self.of(authority, "bob")

        assert works(guards["verify-ca"], **bobs)
        assert 'certificate authentication failed for user "ann"' in refused(guards["verify-full"], **bobs)

    @pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
    def test_none_and_a_strangers(self, guards: Guards, tmp_path: Path, mode: str) -> None:
        strangers = self.of(Authority(tmp_path, "stranger"), "ann")

        assert refused(guards[mode])
        assert refused(guards[mode], **strangers)
        assert "encrypted connections only" in refused(guards[mode], sslmode="disable")

    def test_the_servers_question_is_still_asked(self, guards: Guards, authority: Authority) -> None:
        anns = self.of(authority, "ann")

        assert "password authentication failed" in refused(guards["verify-full"], password="wrong", **anns)

    def test_it_counts_where_the_server_asks_nothing(self, guards: Guards, authority: Authority) -> None:
        tess = self.of(authority, "tess_trust")

        assert works(guards["verify-full"], "tess_trust", **tess)
        assert "everybody would be anybody" in refused(guards["verify-ca"], "tess_trust", **tess)


class TestAWayInForTheGuard:
    """Clients with certificates alone: the server asks pgguard for one, and lets it be everybody."""

    @pytest.fixture
    def lets_the_guard_in(self, secure: Postgres, authority: Authority) -> Iterator[None]:
        data = secure.directory / "data"
        shutil.copy(authority.certificate, data / "authority.crt")
        (data / "authority.crt").chmod(0o644)
        before = {name: (data / name).read_text() for name in ("pg_hba.conf", "pg_ident.conf")}
        (data / "pg_hba.conf").write_text("hostssl all eve 127.0.0.1/32 cert map=guard\n" + before["pg_hba.conf"])
        (data / "pg_ident.conf").write_text("guard upstream-guard eve\n")
        secure.sql("alter system set ssl_ca_file = 'authority.crt'")
        secure.reload()
        yield
        for name, text in before.items():
            (data / name).write_text(text)
        secure.sql("alter system reset ssl_ca_file")
        secure.reload()

    @pytest.mark.usefixtures("lets_the_guard_in")
    def test_certificates_alone(self, secure: Postgres, start_guard: Start, authority: Authority) -> None:
        ca, (own, key) = str(authority.certificate), authority.issue("upstream-guard", hosts=False)
        upstream = ["--upstream-tls", "verify-ca", "--upstream-ca", ca, "--upstream-cert", str(own),
                    "--upstream-key", str(key)]  # fmt: skip
        flags = [*presenting(authority.issue("guard")), "--tls-clients", "verify-full", "--tls-client-ca", ca]
        guard = start_guard(secure, PRODUCTION, *flags, *upstream)
        eves, anns = (authority.issue(name, hosts=False) for name in ("eve", "ann"))

        assert works(guard, "eve", password="not asked", sslcert=str(eves[0]), sslkey=str(eves[1]))
        assert "certificate authentication failed" in refused(guard, "eve", sslcert=str(anns[0]), sslkey=str(anns[1]))
        assert refused(guard, "eve")


class TestTheServersCertificate:
    @pytest.fixture
    def elsewhere(self, secure: Postgres, authority: Authority) -> Iterator[None]:
        """It names no host that we know."""
        secure.use_certificate(*authority.issue("elsewhere", hosts=False))
        yield
        secure.use_certificate(*authority.issue("server.example"))

    @pytest.mark.usefixtures("elsewhere")
    def test_of_another_host(self, secure: Postgres, start_guard: Start, tmp_path: Path, authority: Authority) -> None:
        ca = str(authority.certificate)

        one_line(serve(secure, tmp_path, upstream_tls="verify-full", upstream_ca=ca), "certificate", exit_code=3)
        assert works(start_guard(secure, PRODUCTION, "--upstream-tls", "verify-ca", "--upstream-ca", ca),
                     sslmode="disable")  # fmt: skip

    def test_of_another_authority(self, secure: Postgres, tmp_path: Path) -> None:
        other = str(Authority(tmp_path, "other").certificate)

        one_line(serve(secure, tmp_path, upstream_tls="verify-ca", upstream_ca=other), "certificate", exit_code=3)

    def test_none(self, postgres18: Postgres, tmp_path: Path) -> None:
        one_line(serve(postgres18, tmp_path, upstream_tls="require"), "does not support TLS", exit_code=3)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tls_clients": "require"}, ["tls-clients", "tls-cert"]),
        ({"tls_clients": "mostly"}, ["tls-clients", "must be one of allow, require"]),
        ({"tls_key": "x.key"}, ["tls-key", "tls-cert"]),
        ({"tls_cert": "/nosuch.crt"}, ["/nosuch.crt"]),
        ({"upstream_tls": "verify-full"}, ["upstream-ca"]),
        ({"upstream_ca": "x.crt"}, ["upstream-ca", "upstream-tls"]),
        ({"proxy_protocol_from": "10.0.0.0/99"}, ["proxy-protocol-from", "10.0.0.0/99"]),
        ({"listen": "::1:6432"}, ["brackets"]),
    ],
)
def test_what_cannot_be_used(
    postgres: Postgres, tmp_path: Path, changed: dict[str, str | None], words: list[str]
) -> None:
    one_line(serve(postgres, tmp_path, **changed), *words, exit_code=2)


def test_a_key_that_everybody_can_read(postgres: Postgres, tmp_path: Path, authority: Authority) -> None:
    certificate, key = authority.issue("careless")
    key.chmod(0o644)

    ran = serve(postgres, tmp_path, tls_cert=str(certificate), tls_key=str(key))

    one_line(ran, str(key), "read the private key", exit_code=2)
