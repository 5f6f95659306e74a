"""The catalog's tables as SQLAlchemy Core sees them.

What they guarantee is said in the migrations.
"""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData()
_TIME = DateTime(timezone=True)

asset = Table(
    "asset",
    METADATA,
    Column("asset_id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("upload_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("state_before", Text),
    Column("duplicate_of", Uuid),
    Column("size", BigInteger),
    Column("sha256", Text),
    Column("etag", Text),
    Column("content_type", Text),
    Column("media", JSONB(none_as_null=True)),
    Column("run", Integer, nullable=False),
    Column("planned", Boolean, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("original_policy", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("stored_at", _TIME),
    Column("ready_at", _TIME),
    Column("deleted_at", _TIME),
    Column("restorable_until", _TIME),
    Column("applied", JSONB, nullable=False),
    Column("facts", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)

rendition = Table(
    "rendition",
    METADATA,
    Column("asset_id", Uuid, primary_key=True),
    Column("run", Uuid, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("profile", Text, nullable=False),
    Column("required", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("key", Text),
    Column("size", BigInteger),
    Column("sha256", Text),
    Column("etag", Text),
    Column("content_type", Text),
    Column("media", JSONB(none_as_null=True)),
    Column("ready_at", _TIME),
)

library = Table(
    "library",
    METADATA,
    Column("user_id", Uuid, primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("asset_id", Uuid, nullable=False),
)

names = Table(
    "names",
    METADATA,
    Column("asset_id", Uuid, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("file_name", Text),
    Column("metadata", JSONB, nullable=False),
    Column("tags", JSONB, nullable=False),
    Column("cue", Text),
    Column("captured_at", _TIME),
)
