"""Compile the hot modules with mypyc where that is possible; everything else about the build is in pyproject.toml.

The compiled modules are ordinary typed Python files and run uncompiled as well, only slower. So whatever is missing
here (mypyc, a C compiler, Python's headers), the installation goes on without. PGGUARD_PURE=1 asks for plain Python.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup

# Slices of bytes in them must not end before they begin: mypyc raises SystemError where Python has b"".
COMPILED = [
    "pgguard/wire/framing.py",
    "pgguard/wire/frontend.py",
    "pgguard/audit/chain.py",
    "pgguard/sql/shape.py",
    "pgguard/evidence/counts.py",
    "pgguard/evidence/ledger.py",
    "pgguard/policy/figures.py",
    "pgguard/policy/account.py",
    "pgguard/policy/shared_account.py",
    "pgguard/policy/match.py",
    "pgguard/policy/limits.py",
    "pgguard/policy/budget.py",
    "pgguard/policy/decide.py",
    "pgguard/session/transaction.py",
    "pgguard/session/server.py",
    "pgguard/session/readings.py",
    "pgguard/session/settle.py",
    "pgguard/session/measure.py",
    "pgguard/session/commit.py",
    "pgguard/session/outstanding.py",
    "pgguard/session/names.py",
    "pgguard/session/replies.py",
    "pgguard/session/spending.py",
    "pgguard/session/gate.py",
    "pgguard/session/inbox.py",
    "pgguard/session/segment.py",
    "pgguard/session/streaming.py",
    "pgguard/session/following.py",
    "pgguard/session/judging.py",
    "pgguard/session/connection.py",
]

# One shared library for all of them, inside the package: a name of its own beside it would litter site-packages.
GROUP = "pgguard._compiled"


def compiler_works() -> bool:
    """Whether a C extension can be built here at all: mypyc itself would only find out half-way through the build."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    include = sysconfig.get_paths()["include"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\nint probe(void) { return PY_MAJOR_VERSION; }\n")
        command = [*compiler, f"-I{include}", "-fPIC", "-shared", str(source), "-o", str(Path(folder, "probe.so"))]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def extensions() -> list[Extension]:
    """The extension modules to build; none of them is needed."""
    sources = [path for path in COMPILED if Path(path).exists()]
    if not sources or os.environ.get("PGGUARD_PURE", "0") not in ("", "0") or not compiler_works():
        return []
    try:
        from mypyc.build import mypycify

        # The project's own strictness is the type checker's business; here other modules are followed for types only.
        options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]
        found = mypycify([*options, *sources], opt_level="3", debug_level="0", group_name=GROUP)
    except (Exception, SystemExit) as why:
        print(f"pgguard: running uncompiled, mypyc failed: {why}")
        return []
    for extension in found:
        extension.optional = True
    return found


setup(ext_modules=extensions())
