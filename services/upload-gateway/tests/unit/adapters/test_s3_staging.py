import asyncio
from collections.abc import AsyncIterator

from typing_extensions import override

from common.clock import SystemClock
from common.ids import ObjectKey, new_upload_id
from common.s3.model import ObjectInfo
from common.s3.objects import ObjectStore
from upload_gateway.adapters.s3_staging import S3Staging
from upload_gateway.domain.upload import Segment

KEYS = [f"staging/it/{number}" for number in range(20)]


class Waiting(ObjectStore):
    """Deletes nothing before four are asked for at once."""

    def __init__(self) -> None:
        self.gone = list[str]()
        self.four = asyncio.Barrier(4)

    @override
    async def delete(self, key: str) -> None:
        await self.four.wait()
        self.gone.append(key)

    @override
    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        for key in KEYS:
            yield ObjectInfo(key, 1, "e", SystemClock().now())


async def test_many_small_pieces_are_removed_side_by_side() -> None:
    """Whoever completes a part waits until those it was put together of are gone."""
    store = Waiting()
    async with asyncio.timeout(5):
        await S3Staging(store).remove([Segment(n, 1, ObjectKey(k)) for n, k in enumerate(KEYS)])
    assert sorted(store.gone) == sorted(KEYS)
    async with asyncio.timeout(5):
        await S3Staging(store).clear(new_upload_id())
    assert sorted(store.gone) == sorted(2 * KEYS)
