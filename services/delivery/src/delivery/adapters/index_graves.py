"""What is gone in one index is entered in another, which may have read a log that forgot it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from delivery.adapters.sqlite_file import connect_reading

# a row of an earlier filling was not met by this one, or not yet: the log need not know it at all
_GONE = """
SELECT asset_id, sequence, fill = (SELECT fill FROM progress) FROM asset
WHERE standing = 'gone' OR fill < (SELECT fill FROM progress)
"""
# Where both were told by this log, the higher sequence is the truth. A grave that is left from
# before (its number may be of another log) counts for nothing but the absence of better knowledge,
# so it is entered as older than every filling.
_BURY = """
INSERT INTO asset (asset_id, sequence, fill, standing, body)
VALUES (?1, ?2, iif(?3, (SELECT fill FROM progress), 0), 'gone', x'')
ON CONFLICT (asset_id) DO UPDATE SET
    sequence = excluded.sequence, fill = excluded.fill, standing = 'gone', body = x''
WHERE ?3 AND excluded.sequence > asset.sequence
"""


def bury(connection: sqlite3.Connection, live: Path) -> int:
    """Enter what is gone in `live`, an index of the same log that has come no further than ours.

    410 must never turn into 404, let alone 200. At equal sequences ours stays: it is what the log
    says, and the live one was damaged.
    """
    with closing(connect_reading(live)) as reading:
        return connection.executemany(_BURY, reading.execute(_GONE)).rowcount
