"""Make the object of an upload's parts; an answer may be lost, so the object itself is asked."""

from dataclasses import dataclass

from common.errors import RepriseError
from common.failpoints import failpoint
from upload_gateway.domain.errors import PartsLost
from upload_gateway.domain.upload import Part, Stored, Upload
from upload_gateway.ports.store import PartStore


@dataclass(frozen=True, slots=True)
class Completed:
    """The object, and whether this very call made it of the parts as they were acknowledged."""

    found: Stored
    as_acknowledged: bool


@dataclass(frozen=True, slots=True)
class CompleteObject:
    """Safe to run again; no bytes are given up here."""

    store: PartStore

    async def __call__(self, upload: Upload, parts: list[Part]) -> Completed:
        """Raises what kept the object from being made: Unavailable or PartsLost."""
        await failpoint("gateway.before_complete")
        lost: RepriseError | None = None
        as_acknowledged = False
        try:
            as_acknowledged = await self._complete(upload, parts)
        except RepriseError as error:
            lost = error
        await failpoint("gateway.after_complete")
        found = await self.store.stat(upload.key)
        if found is None:
            raise lost or PartsLost("the store confirmed an object that it does not have")
        return Completed(found, as_acknowledged)

    async def _complete(self, upload: Upload, parts: list[Part]) -> bool:
        """False when a late writer replaced parts, and the object is made of what is there now.

        Which parts there are, and how large, is the ledger's word alone; only the names that the
        store has for them are taken from its listing. What they hold is judged by their checksums.
        """
        multipart_id = upload.multipart_id or ""
        try:
            await self.store.complete(upload.key, multipart_id, parts)
        except PartsLost:
            known = {part.number for part in parts}
            # the store may hold more: parts of a body whose checksum did not match
            held = [p for p in await self.store.held(upload.key, multipart_id) if p.number in known]
            if [(p.number, p.size) for p in held] != [(p.number, p.size) for p in parts]:
                raise
            await self.store.complete(upload.key, multipart_id, held)
            return False
        return True
