"""Reloads certificates and the file of verifiers when they change; connections that are there do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog
from watchfiles import awatch

from pgguard.errors import ConfigError
from pgguard.proxy.services import Services
from pgguard.proxy.tls import Files

log = structlog.get_logger()


class CredentialsWatch:
    """Whole folders are watched: a certificate and its key are two files, and orchestrators swap a link beside them."""

    def __init__(self, services: Services) -> None:
        self._stop = asyncio.Event()
        self._sources: list[tuple[str, list[Path], Callable[[], None]]] = []
        for what, tls in (
            ("the certificate for clients", services.network.tls_for_clients),
            ("TLS to the server", services.network.tls_to_server),
        ):
            if tls is not None:
                self._sources.append((what, _paths(tls.files), tls.reload))
        verifiers = services.verifiers
        if verifiers is not None and verifiers.file is not None:
            self._sources.append(("auth-file", [verifiers.file], verifiers.reload))
        self._seen = {what: _content(paths) for what, paths, _ in self._sources}
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Until ``stop``."""
        folders = {path.parent for _, paths, _ in self._sources for path in paths}
        if not folders:
            return
        async for _ in awatch(*folders, stop_event=self._stop, recursive=False, step=50, debounce=200):
            await self.reload()

    def stop(self) -> None:
        self._stop.set()

    async def reload(self) -> str:
        """Take what has changed. What cannot be used, a new certificate without its new key say, changes nothing; it is
        answered in words."""
        async with self._turn:
            return await self._reload()

    async def _reload(self) -> str:
        wrong = []
        for what, paths, take in self._sources:
            content = await asyncio.to_thread(_content, paths)
            if content == self._seen[what]:
                continue
            try:
                await asyncio.to_thread(take)
            except ConfigError as trouble:
                log.error("not reloaded, the last good one stays in force", what=what, why=str(trouble))
                wrong.append(f"{what} not reloaded: {trouble}")
                continue
            self._seen[what] = content
            log.info("reloaded", what=what)
        return "; ".join(wrong)


def _paths(files: Files) -> list[Path]:
    found = (files.certificate, files.key, files.authority)
    return [path for path in found if path is not None and str(path) != "system"]


def _content(paths: list[Path]) -> list[bytes]:
    found = []
    for path in paths:
        try:
            found.append(path.read_bytes())
        except OSError:
            found.append(b"")  # whoever loads it says why
    return found
