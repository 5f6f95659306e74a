"""Reads two index files side by side, in the order of their keys."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from delivery.adapters.sqlite_file import connect_reading
from delivery.domain.comparison import Comparison

_ROWS = "SELECT asset_id, sequence, standing, body FROM asset ORDER BY asset_id"
_PLACE = "SELECT next_offset, epoch, loaded FROM progress"

Row = tuple[bytes, int, str, bytes]


class LiveSnapshot:
    """The live index as it stood when this was opened, however its writer goes on."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_reading(path)
        self._connection.execute("BEGIN")
        row = self._connection.execute(_PLACE).fetchone()
        self.offset: int = row[0]
        self.epoch = UUID(row[1]) if row[1] else None
        self.loaded = bool(row[2])

    def rows(self) -> Iterator[Row]:
        """Every entry, by its key."""
        yield from self._connection.execute(_ROWS)

    def close(self) -> None:
        self._connection.close()


def compare(live: LiveSnapshot, rebuilt: Path) -> Comparison:
    """Count how the entries stand to each other."""
    connection = connect_reading(rebuilt)
    counts: Counter[str] = Counter()
    ours, theirs = sha256(), sha256()
    try:
        for left, right in _pairs(live.rows(), iter(connection.execute(_ROWS))):
            verdict = _verdict(left, right)
            counts[verdict] += 1
            if verdict == "forgotten":
                continue
            ours.update(_bytes(left))
            theirs.update(_bytes(right))
            counts["live"] += left is not None
            counts["rebuilt"] += right is not None
        offset = connection.execute(_PLACE).fetchone()[0]
    finally:
        connection.close()
    return Comparison(
        live=counts["live"] + counts["forgotten"],
        rebuilt=counts["rebuilt"],
        unknown_to_log=counts["unknown_to_log"],
        forgotten=counts["forgotten"],
        missing=counts["missing"],
        differing=counts["differing"],
        ahead=counts["ahead"],
        behind=counts["behind"],
        same_offset=offset == live.offset,
        live_digest=ours.hexdigest(),
        rebuilt_digest=theirs.hexdigest(),
    )


def _pairs(left: Iterator[Row], right: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            yield one, None
            one = next(left, None)
        elif one is None or other[0] < one[0]:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)


def _verdict(live: Row | None, rebuilt: Row | None) -> str:
    if live is None or rebuilt is None:
        if live is None:
            return "missing"
        return "forgotten" if live[2] == "gone" else "unknown_to_log"
    if live[1] != rebuilt[1]:
        return "ahead" if live[1] > rebuilt[1] else "behind"
    return "same" if live[2:] == rebuilt[2:] else "differing"


def _bytes(row: Row | None) -> bytes:
    if row is None:
        return b""
    return b"\x00".join((row[0], str(row[1]).encode(), row[2].encode(), row[3])) + b"\x01"
