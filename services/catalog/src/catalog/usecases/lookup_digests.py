"""Ask before uploading which bytes are in one's own library already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.ports import AssetReader
from common.ids import AssetId, UserId


@dataclass(frozen=True, slots=True)
class LookupDigests:
    """Answers for the asker's own library only.

    A digest of somebody else's is as unknown as any.
    """

    reader: AssetReader

    async def __call__(self, owner: UserId, digests: Sequence[str]) -> Mapping[str, AssetId]:
        return await self.reader.stored(owner, tuple(dict.fromkeys(digests)))
