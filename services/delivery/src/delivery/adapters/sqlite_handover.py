"""How a finished index reaches the writer: through links in the node's folder."""

import sqlite3

from common.telemetry.logs import get_logger
from delivery.adapters.index_files import IndexFiles
from delivery.adapters.sqlite_file import connect_reading
from delivery.adapters.sqlite_index import Bell
from delivery.adapters.sqlite_index_writer import SqliteIndexWriter
from delivery.ports import IndexWriter

_log = get_logger("delivery.index")


class SqliteHandover:
    """The `Handover` port, for the process that writes the live index."""

    def __init__(self, files: IndexFiles, writer: SqliteIndexWriter) -> None:
        self._files, self._writer = files, writer
        self._candidate: SqliteIndexWriter | None = None
        self._buried = False

    def candidate(self) -> IndexWriter | None:
        offered = self._files.offered()
        if offered is None or not offered.exists() or not self._writer.writes:
            return None
        if self._candidate is None:
            candidate = SqliteIndexWriter(offered, Bell())
            if not candidate.try_to_take_over():
                candidate.close()
                return None
            self._candidate = candidate
        return self._candidate

    async def adopt(self) -> bool:
        candidate = self._candidate
        if candidate is None or not await self._ready(candidate):
            return False
        if not await self._writer.take_the_place(candidate, self._files.adopt):
            return False
        self._candidate, self._buried = None, False
        _log.info("index.adopted", offset=self._writer.progress().offset)
        return True

    async def _ready(self, candidate: SqliteIndexWriter) -> bool:
        """Whether it may be tried: it has caught up, and was told what is gone.

        It is told once, outside of the step itself, as that takes as long as the index is large.
        What goes afterwards the candidate reads in the log before it takes the place.
        """
        theirs, mine = candidate.progress(), self._writer.progress()
        if not theirs.loaded or theirs.offset < mine.offset:
            return theirs.epoch != mine.epoch  # offsets of two logs cannot be compared: it refuses
        if theirs.epoch == mine.epoch and not self._buried:
            await candidate.bury(self._files.live)
            self._buried = True
        return True

    def refuse(self, reason: str) -> None:
        self.close()
        self._files.refuse()
        _log.error("index.refused", reason=reason)

    def behind(self) -> int | None:
        building = self._files.building()
        if building is None:
            return None
        try:
            connection = connect_reading(building)
            try:
                row = connection.execute("SELECT next_offset FROM progress").fetchone()
            finally:
                connection.close()
        except sqlite3.Error:
            return None  # it is being made this moment
        return max(0, self._writer.progress().offset - int(row[0]))

    def close(self) -> None:
        """Let go of what is offered; it stays offered."""
        candidate, self._candidate, self._buried = self._candidate, None, False
        if candidate is not None:
            candidate.close()
