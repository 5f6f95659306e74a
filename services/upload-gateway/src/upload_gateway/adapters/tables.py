"""The gateway's tables as SQLAlchemy sees them; the migrations make them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

# a column for each field of domain.upload.Upload, of the same name
upload = Table(
    "upload",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("asset_id", Uuid),
    Column("user_id", Uuid),
    Column("kind", Text),
    Column("key", Text),
    Column("length", BigInteger),
    Column("max_length", BigInteger),
    Column("part_size", Integer),
    Column("created_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("file_name", Text),
    Column("declared_type", Text),
    Column("metadata", Text),
    Column("state", Text),
    Column("offset", BigInteger),
    Column("generation", Integer),
    Column("sequence", Integer),
    Column("details_sequence", Integer),
    Column("multipart_id", Text),
    Column("sha256", Text),
    Column("size", BigInteger),
    Column("etag", Text),
    Column("content_type", Text),
    Column("reason", Text),
    Column("duplicate_of", Uuid),
    Column("stored_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("cleared", Boolean),
    Column("concat", Text),
    Column("partials", ARRAY(Uuid, as_tuple=True)),
    Column("final_id", Uuid),
    Column("declared_sha256", Text),
    Column("mode", Text),
    Column("parent", Text),
    Column("signed_urls", Integer),
    Column("signed_until", DateTime(timezone=True)),
    Column("clear_at", DateTime(timezone=True)),
)

part = Table(
    "part",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("etag", Text),
    Column("size", BigInteger),
    Column("crc32c", BigInteger),
)

# whose slot is in use, and until when
lease = Table(
    "upload_lease",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("until", DateTime(timezone=True)),
)

# who writes now, in whichever process
writer = Table(
    "writer",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("generation", Integer),
    Column("seen_at", DateTime(timezone=True)),
    Column("asked", Boolean),
)

segment = Table(
    "segment",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("size", BigInteger),
    Column("key", Text),
)

# what owners were told, in the order of one person's commits
upload_event = Table(
    "upload_event",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("upload_id", Uuid),
    Column("asset_id", Uuid),
    Column("at", DateTime(timezone=True)),
    Column("about", Text),
    Column("state", Text),
    Column("reason", Text),
    Column("bytes", BigInteger),
    Column("total", BigInteger),
    Column("duplicate_of", Uuid),
    Column("rendition", Text),
    Column("planned", Integer),
    Column("ready", Integer),
    Column("failed", Integer),
)

# a column for each field of domain.journey.Journey
journey = Table(
    "journey",
    metadata,
    Column("asset_id", Uuid, primary_key=True),
    Column("upload_id", Uuid),
    Column("user_id", Uuid),
    Column("state", Text),
    Column("reason", Text),
    Column("run", Uuid),
    Column("renditions", JSONB),
    Column("ready_at", DateTime(timezone=True)),
    Column("heard", JSONB),
)
