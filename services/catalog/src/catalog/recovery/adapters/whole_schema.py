"""Keeps the catalog from working on a schema whose recovery was begun and not ended."""

import asyncio
from collections.abc import Mapping

from catalog.recovery.adapters.postgres_rebuilding import unfinished
from common.errors import Conflict, Unavailable
from common.postgres.engine import Database
from common.telemetry.logs import get_logger
from common.web.loops import Loop, wait_for

PAUSE = 1.0  # seconds between looks while the database does not answer

_log = get_logger("catalog.recovery")


class WholeSchema:
    """Rows that are not there yet would be taken for assets that never were.

    A database that does not answer says nothing, so it is asked until it does; what it said once
    stays: recovery does not begin while anybody is connected.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._whole = database, False

    async def look(self) -> None:
        """Raises Conflict (`recovery_unfinished`), and Unavailable while nobody can tell."""
        if self._whole:
            return
        if await unfinished(self._database):
            raise Conflict(
                "the schema is half recovered; end it with `reprise recover catalog --yes`",
                code="recovery_unfinished",
            )
        self._whole = True

    async def admit(self) -> None:
        """The same for a request, whose caller cannot help it: try again later."""
        try:
            await self.look()
        except Conflict as error:
            raise Unavailable(error.detail, code=error.code) from error

    def gated(self, loops: Mapping[str, Loop]) -> dict[str, Loop]:
        """Loops that begin when the schema is known to be whole."""
        return {name: self._gated(loop) for name, loop in loops.items()}

    def _gated(self, loop: Loop) -> Loop:
        async def wait_and_run(stop: asyncio.Event) -> None:
            while not stop.is_set():
                try:
                    await self.look()
                except (Conflict, Unavailable) as error:
                    _log.warning("loop.held", code=error.code)
                    await wait_for(stop, PAUSE)
                else:
                    await loop(stop)
                    return

        return wait_and_run
