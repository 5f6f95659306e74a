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
        if candidate is None or not await self._writer.take_the_place(candidate, self._files.adopt):
            return False
        self._candidate = None
        _log.info("index.adopted", offset=self._writer.progress().offset)
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
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            candidate.close()
