"""Statements that count what is open and keep slots; the clock is the database's, for all."""

from typing import Any

from sqlalchemy import CursorResult, text

from upload_gateway.domain.limits import Open

# What everybody has open, without a lock; migration 0012 has the same with one, for decisions.
OPEN = text("""
SELECT count(*) FILTER (WHERE upload_lease.until > clock_timestamp() AND concat <> 'partial')
        + count(DISTINCT user_id) FILTER (
            WHERE upload_lease.until > clock_timestamp() AND concat = 'partial') AS moving,
    count(*) AS uploads, coalesce(sum(coalesce(length, "offset")), 0) AS bytes
FROM upload LEFT JOIN upload_lease ON upload_lease.upload_id = upload.id
WHERE (state IN ('created', 'receiving')
    OR (concat = 'partial' AND state = 'verifying' AND final_id IS NULL))
""")
LOCKED_OPEN_OF = text("SELECT * FROM locked_open_of(:user_id)")
LOCKED_OPEN = text("SELECT * FROM locked_open()")
# One statement sees one moment: an upload that ends meanwhile is open or kept, and never both.
TAKEN = text("""
SELECT coalesce(sum(bytes), 0) FROM (
    SELECT coalesce(size, length) AS bytes FROM upload
    WHERE user_id = :user_id AND state IN ('verifying', 'stored', 'withdrawn') AND NOT purged
        AND concat <> 'partial'
    UNION ALL SELECT coalesce(length, "offset") FROM upload
    WHERE user_id = :user_id AND state IN ('created', 'receiving')
    UNION ALL SELECT length FROM upload
    WHERE user_id = :user_id AND concat = 'partial' AND state = 'verifying' AND final_id IS NULL
) AS taken
""")
PURGED = text("UPDATE upload SET purged = true WHERE id = :upload_id AND NOT purged")
# in one order, so that two processes cannot wait for each other
HOLD = text("""
INSERT INTO upload_lease (upload_id, until)
SELECT id, clock_timestamp() + make_interval(secs => CAST(:lease AS double precision))
FROM unnest(CAST(:uploads AS uuid[])) AS id ORDER BY id
ON CONFLICT (upload_id) DO UPDATE SET until = excluded.until
""")
LEAVE = text("""
DELETE FROM upload_lease WHERE upload_id = :upload_id
AND EXISTS (SELECT FROM upload WHERE id = :upload_id AND generation = :generation)
""")
# a bucket that nobody touched for so long is full, whatever its pace
FORGET = (
    text("DELETE FROM upload_lease WHERE until < clock_timestamp() - interval '1 minute'"),
    text("DELETE FROM upload_pace WHERE at < clock_timestamp() - interval '1 hour'"),
)


def open_in(result: CursorResult[Any]) -> Open:
    row = result.one()
    return Open(row.moving, row.uploads, int(row.bytes))
