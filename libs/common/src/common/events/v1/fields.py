"""What the fields mean that many records share: said once, read in every reference.

Units stand first. A meaning may be worded better at any time; type and constraints are frozen.
"""

from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import Field

MediaKind = Literal["audio", "image", "video", "avatar"]

# the words this version can judge (design §3: unknown means deny)
KINDS = frozenset(get_args(MediaKind))
VISIBILITIES = frozenset({"public", "circle", "owner"})
ASSET_STATES = frozenset(
    {"uploading", "stored", "processing", "ready", "failed", "abandoned"}
    | {"deleted", "purging", "purged"}
)

AssetRef = Annotated[
    UUID, Field(description="the asset; UUIDv7, given when its upload was created, kept for ever")
]
UserRef = Annotated[
    UUID, Field(description="the person, opaque: a keyed hash of who the identity provider names")
]
UploadRef = Annotated[UUID, Field(description="the upload that brought the bytes")]
RunRef = Annotated[
    UUID, Field(description="the processing run; follows from the asset and the run's number")
]
Kind = Annotated[MediaKind, Field(description="what the file is meant to be")]
Key = Annotated[
    str, Field(description="where the bytes lie in the bucket; immutable, never used again")
]
Keys = Annotated[tuple[str, ...], Field(description="keys of the objects that may be deleted")]
Size = Annotated[int, Field(ge=0, description="bytes")]
Sha256 = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of all bytes, lower-case hex")
]
ETag = Annotated[str, Field(description="the store's ETag, without quotes")]
ContentType = Annotated[str, Field(description="media type found in the bytes, not the client's")]
Reason = Annotated[str, Field(description="why, as a stable code")]
Rendition = Annotated[
    str, Field(description="what it is of the original: a name on the ladder, such as mp3-192")
]
Profile = Annotated[str, Field(description="the frozen entry of the ladder it was made by")]
Visibility = Annotated[
    str, Field(description="who may see it: public, circle, owner; any other word means deny")
]
Generation = Annotated[
    int, Field(description="of its tokens: one with a lower number opens nothing any more")
]
Viewer = Annotated[
    str | None, Field(description="first 8 bytes of the viewer's id, base64url; null is nobody")
]
Requires = Annotated[
    int, Field(description="what a reader must know; one that knows less denies the entity")
]
