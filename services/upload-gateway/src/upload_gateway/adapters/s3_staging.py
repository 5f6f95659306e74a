"""Staged segments on S3: small objects under the upload's own prefix."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from common.errors import NotFound
from common.ids import UploadId, staging_key
from common.s3.objects import ObjectStore
from common.task_group import task_group
from upload_gateway.adapters.s3_parts import configured
from upload_gateway.domain.errors import PartsLost
from upload_gateway.domain.upload import Segment

_TYPE = "application/octet-stream"
# removed side by side: small chunks leave a hundred in each part. All buffers full of such clients
# still leave connections for parts.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class S3Staging:
    """`objects` is None where no store is configured."""

    objects: ObjectStore | None

    async def put(self, upload_id: UploadId, start: int, body: memoryview) -> Segment:
        key = staging_key(upload_id, start)
        await configured(self.objects).put(key, body, content_type=_TYPE)
        return Segment(start, len(body), key)

    async def read_into(self, segment: Segment, view: memoryview) -> None:
        at = 0
        try:
            async with aclosing(configured(self.objects).stream(segment.key)) as chunks:
                async for chunk in chunks:
                    if at + len(chunk) > len(view):
                        raise PartsLost("a staged segment is too long")
                    view[at : at + len(chunk)] = chunk
                    at += len(chunk)
        except NotFound as error:
            raise PartsLost("a staged segment is missing") from error
        if at != len(view):
            raise PartsLost("a staged segment is too short")

    async def remove(self, segments: Sequence[Segment]) -> None:
        await self._deleted([segment.key for segment in segments])

    async def clear(self, upload_id: UploadId) -> None:
        objects = configured(self.objects)
        found = [item.key async for item in objects.list(f"staging/{upload_id}/")]
        await self._deleted(found)

    async def _deleted(self, keys: Sequence[str]) -> None:
        objects = configured(self.objects)
        for first in range(0, len(keys), _AT_ONCE):
            async with task_group() as group:
                for key in keys[first : first + _AT_ONCE]:
                    group.create_task(objects.delete(key))
