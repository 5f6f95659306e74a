"""What the catalog last said of each asset, also of one that nothing was asked for yet."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# `sequence` is that of the catalog's fact; a fact below it changes nothing any more.
ASSET_LIFE = """
CREATE TABLE asset_life (
    asset_id uuid   PRIMARY KEY,
    word     text   NOT NULL DEFAULT 'alive' CHECK (word IN ('alive', 'deleted', 'gone')),
    sequence bigint NOT NULL DEFAULT 0 CHECK (sequence >= 0)
)
"""
# those known before stand where their row says
KNOWN = """
INSERT INTO asset_life (asset_id, word)
SELECT asset_id, CASE state WHEN 'gone' THEN 'gone' WHEN 'stopped' THEN 'deleted' ELSE 'alive' END
FROM processing
"""


def upgrade() -> None:
    op.execute(ASSET_LIFE)
    op.execute(KNOWN)
