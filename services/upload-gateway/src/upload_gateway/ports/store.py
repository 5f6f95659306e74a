"""What the one bucket keeps, and what it can do."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol

from common.ids import ObjectKey, UploadId
from upload_gateway.domain.presigning import PartAsked, SignedRequest
from upload_gateway.domain.upload import Part, Segment, Stored, Upload


class PartStore(Protocol):
    """Multipart uploads and finished objects of the one bucket.

    Raises Unavailable with code `storage_not_configured` or `storage_unavailable` (time-outs,
    refusals and throttling that outlived the client's own few tries).
    """

    def require(self) -> None:
        """Raise Unavailable(`storage_not_configured`) when there is no store; no I/O."""
        ...

    async def open(self, key: ObjectKey, content_type: str) -> str:
        """Begin a multipart upload; its id."""
        ...

    async def put_part(
        self, key: ObjectKey, multipart_id: str, number: int, body: memoryview
    ) -> str:
        """Store one part with a signed payload, so that a cut body is refused; its ETag.

        The same number again replaces it: also a late write of a writer that lost the fence, whose
        bytes are the same from an honest client and whose ETag may be another (some stores make
        it of more than the content). Raises MultipartForgotten.
        """
        ...

    async def complete(self, key: ObjectKey, multipart_id: str, parts: Sequence[Part]) -> None:
        """Make the object of these parts; after any error ask `stat`: it may exist all the same.

        Raises MultipartForgotten, or PartsLost when it has other parts than these.
        """
        ...

    async def held(self, key: ObjectKey, multipart_id: str) -> list[Part]:
        """The parts the store has now, by number; raises MultipartForgotten."""
        ...

    async def discard(self, key: ObjectKey, known: str | None) -> None:
        """Abort every open multipart of this key, also one whose id was never stored.

        `known` is the id that was: all there is to abort in a store that lists none.
        """
        ...

    async def remove(self, key: ObjectKey) -> None:
        """Delete an object nobody was told of; gone already is fine."""
        ...

    async def stat(self, key: ObjectKey) -> Stored | None:
        """Size, ETag and type of the object, or None."""
        ...

    async def opening(self, key: ObjectKey, size: int) -> bytes:
        """The first bytes of an object, at most `size`."""
        ...

    def stream(self, key: ObjectKey) -> AsyncIterator[bytes]:
        """All bytes of an object, in chunks."""
        ...


class Staging(Protocol):
    """Staged segments under `staging/<upload_id>/`; errors as in PartStore."""

    async def put(self, upload_id: UploadId, start: int, body: memoryview) -> Segment:
        """Write a new object, never over another one."""
        ...

    async def read_into(self, segment: Segment, view: memoryview) -> None:
        """Fill `view`, as large as the segment; raises PartsLost when it is not there in full."""
        ...

    async def remove(self, segments: Sequence[Segment]) -> None:
        """Delete these objects; one that is gone already is fine."""
        ...

    async def clear(self, upload_id: UploadId) -> None:
        """Delete everything staged for an upload, also what has no row."""
        ...


class UrlSigner(Protocol):
    """Requests that the store takes from whoever sends them, signed without I/O.

    Each binds method, key, size, what is said of the bytes, and its end: `lifetime` after it was
    made, at most 900 s. It cannot be taken back before (security.md, presigned writes).
    """

    @property
    def lifetime(self) -> timedelta:
        """How long each is good."""
        ...

    def put(self, upload: Upload) -> SignedRequest:
        """The whole file, once: its type, its declared sha256, and never over another object."""
        ...

    def part(self, upload: Upload, part: PartAsked) -> SignedRequest:
        """One part of its multipart, with its digest if there is one."""
        ...


class Capabilities(Protocol):
    """What the configured store can do beside the things the platform cannot do without."""

    async def offered(self) -> frozenset[str]:
        """Names of the lines of `reprise doctor s3` that this store passed when it was last asked.

        Empty when nobody has asked it: what is not known is not offered. Raises Unavailable.
        """
        ...
