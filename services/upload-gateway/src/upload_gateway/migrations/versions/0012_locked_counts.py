"""Counts of what is open that nobody else is told of meanwhile, in one round trip each."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The lock comes first and the count is a statement of its own: it sees what those committed who
# held the lock before. Advisory locks belong to the whole database, hence the schema; they end
# with the transaction. A person's partial uploads are pieces of one file, sent at once: together
# they hold one slot.
_FUNCTION = """
CREATE FUNCTION {signature} RETURNS TABLE (moving bigint, uploads bigint, bytes numeric)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(
        hashtextextended(concat(current_schema(), '.admission.', {whose}), 0)
    );
    RETURN QUERY
    SELECT count(*) FILTER (WHERE upload_lease.until > clock_timestamp() AND concat <> 'partial')
            + count(DISTINCT user_id) FILTER (
                WHERE upload_lease.until > clock_timestamp() AND concat = 'partial'),
        count(*), coalesce(sum(coalesce(length, "offset")), 0)
    FROM upload LEFT JOIN upload_lease ON upload_lease.upload_id = upload.id
    WHERE (state IN ('created', 'receiving')
        OR (concat = 'partial' AND state = 'verifying' AND final_id IS NULL)) {mine};
END
$$
"""


def upgrade() -> None:
    op.execute(
        _FUNCTION.format(
            signature="locked_open_of(person uuid)", whose="person", mine="AND user_id = person"
        )
    )
    op.execute(_FUNCTION.format(signature="locked_open()", whose="'all'", mine=""))
