"""The process that reads long texts: it may be ended by one, at no cost but its own.

Texts come on standard input and answers go to standard output, each behind its length (8 bytes). It ends with its
input. It knows no secrets: its environment is empty, and nobody but pgguard talks to it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

from pgguard.sql.examine import examine
from pgguard.sql.read import unread

LENGTH = struct.Struct("!Q")
MAX_MEMORY = 3 * 1024 * 1024 * 1024
SMALL = 1024 * 1024
# Of processor time: what the machine does besides is not the text's fault.
SMALL_SECONDS = 5
SECONDS = 20


def main() -> None:
    _confine()
    source, sink = sys.stdin.buffer, _private(sys.stdout.fileno())
    answer(b"select 1")  # the library is loaded, and its tables are made, before anybody waits
    while (text := _next(source)) is not None:
        _allow(SMALL_SECONDS if len(text) <= SMALL else SECONDS)
        found = answer(text)
        sink.write(LENGTH.pack(len(found)))
        sink.write(found)
        sink.flush()
        text = found = b""  # the next one may be as long


def answer(text: bytes) -> bytes:
    """What is read of ``text``, for the one who asked."""
    try:
        return pickle.dumps(examine(text), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return pickle.dumps(unread(text, "the text takes too much memory to be read"), pickle.HIGHEST_PROTOCOL)


def _private(stream: int) -> BinaryIO:
    """Where answers go. libpg_query says on standard output and standard error what it does when memory runs out."""
    own = os.fdopen(os.dup(stream), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    return own


def _next(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    text = source.read(size)
    return text if len(text) == size else None


def _allow(seconds: int) -> None:
    """From now on; then the kernel ends this process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, most))


def _confine() -> None:
    logging.disable()  # sqlglot tells of what it cannot read, in the client's words
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # pgguard's own end is the end of our input
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    with contextlib.suppress(OSError):
        os.nice(5)  # statements of others first
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # and if memory runs out, this process first


if __name__ == "__main__":
    main()
