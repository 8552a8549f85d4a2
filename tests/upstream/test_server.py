"""Servers are an allowlist."""

from __future__ import annotations

import pytest

from pgguard.upstream.server import supported


@pytest.mark.parametrize("version", [150000, 150018, 160004, 180006])
def test_known_versions_pass(version):
    assert "" == supported(version)


def test_others_are_refused_unless_allowed():
    assert "PostgreSQL 14 is not supported: pgguard knows 15 to 18" == supported(140010)
    assert "--allow-server-major 19" in supported(190000)
    assert "" == supported(190000, allow_major=19)
    assert "" != supported(200000, allow_major=19)
