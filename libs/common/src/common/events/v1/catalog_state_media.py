"""State of what people make of assets: images, music sets, posts, avatars (design §2, §6).

Each of them is a parent of its assets: it says to whom they are shown. An asset's own visibility is
the widest of its living parents, computed by the catalog; nobody else computes it again.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import Part, StateRecord
from common.events.topics import CATALOG_STATE
from common.events.v1.fields import AssetRef, Requires, UserRef, Visibility


class Attached(Part):
    """An asset under a parent.

    A receipt attaches once: the upload stays spent although the asset may hang on other parents.
    """

    asset_id: AssetRef
    upload_id: UUID | None = Field(
        default=None, description="the upload whose receipt was spent here; null: from the library"
    )


class Shown(StateRecord):
    """What all parents say: whose it is and who may see it."""

    TOPIC: ClassVar = CATALOG_STATE
    requires: Requires = 1
    user_id: UserRef
    visibility: Visibility
    circles: tuple[UUID, ...] = Field(
        default=(), description="circles it is shown to while its visibility is circle"
    )
    created_at: datetime = Field(description="when it was made")
    deleted_at: datetime | None = Field(
        default=None, description="hidden from all since; restorable until the tombstone"
    )


class ImageState(Shown):
    """An image of a gallery. Key `image/<image_id>`."""

    TYPE: ClassVar = "reprise.state.image.v1"
    KEY: ClassVar = "image/{image_id}"
    image_id: UUID = Field(description="the image as a catalog entry; its bytes are `media`")
    media: Attached = Field(description="its bytes")
    title: str | None = Field(default=None, description="for people")
    description: str | None = Field(default=None, description="also the text for who cannot see it")


class Track(Part):
    """A track of a set; where it stands in the list is where it stands in the set."""

    track_id: UUID = Field(description="stable in URLs, also when its bytes are replaced")
    media: Attached = Field(description="its bytes")
    title: str = Field(description="for people")
    artist: str | None = Field(default=None, description="for people; null: that of the set")
    visibility: Visibility | None = Field(
        default=None, description="narrower than the set's, never wider; null: that of the set"
    )
    circles: tuple[UUID, ...] = Field(
        default=(), description="circles it is shown to while its own visibility is circle"
    )


class MusicSetState(Shown):
    """An album, a mix, a set, with its tracks in order. Key `music-set/<set_id>`."""

    TYPE: ClassVar = "reprise.state.music-set.v1"
    KEY: ClassVar = "music-set/{set_id}"
    set_id: UUID = Field(description="the set")
    title: str = Field(description="for people")
    artist: str | None = Field(default=None, description="for people")
    description: str | None = Field(default=None, description="for people")
    cover: Attached | None = Field(default=None, description="an image")
    original_policy: str = Field(
        default="on-request",
        description="may originals of its tracks be streamed: never, on-request, always",
    )
    tracks: tuple[Track, ...] = Field(default=(), description="in playing order")


class PostState(Shown):
    """Something said, with up to ten attachments. Key `post/<post_id>`."""

    TYPE: ClassVar = "reprise.state.post.v1"
    KEY: ClassVar = "post/{post_id}"
    post_id: UUID = Field(description="the post")
    text: str = Field(default="", description="what was said")
    attachments: tuple[Attached, ...] = Field(default=(), description="in the order shown")


class AvatarState(StateRecord):
    """How somebody looks to the people of one facet. Key `avatar/<user_id>/<facet>`.

    Its facet says who may see it: everybody, or the members of that circle.
    """

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.avatar.v1"
    KEY: ClassVar = "avatar/{user_id}/{facet}"
    requires: Requires = 1
    user_id: UserRef
    facet: str = Field(description="public, or the id of one of the owner's circles")
    media: Attached = Field(description="its bytes; those of the avatar before it are purged")
    created_at: datetime = Field(description="when it was chosen")
