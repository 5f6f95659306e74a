"""Sign the next few requests of an upload that goes past the gateway, just in time."""

from dataclasses import dataclass, replace

from common.clock import Clock
from common.errors import RepriseError
from common.ids import UploadId
from upload_gateway.domain.presigning import (
    Asker,
    PartAsked,
    SignedRequest,
    allowed_urls,
    open_to,
    require_digests,
    require_parts,
)
from upload_gateway.domain.presigning_errors import UrlsExhausted
from upload_gateway.domain.upload import Upload, expiry_after
from upload_gateway.domain.ways_in import presigned_ways
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import Capabilities, PartStore, UrlSigner
from upload_gateway.usecases.look_again import look_again


@dataclass(frozen=True, slots=True)
class PartsWanted:
    """`key` is None where the client does not repeat it. A single PUT is its own part 1."""

    upload_id: UploadId
    asker: Asker
    key: str | None
    parts: tuple[PartAsked, ...]


@dataclass(frozen=True, slots=True)
class SignedParts:
    """What may be sent now, in the order it was asked for."""

    upload: Upload
    requests: list[SignedRequest]


@dataclass(frozen=True, slots=True)
class SignParts:
    """Each call counts as progress; `expiry` is seconds without any."""

    ledger: Ledger
    store: PartStore
    capabilities: Capabilities
    signer: UrlSigner
    clock: Clock
    expiry: int

    async def __call__(self, wanted: PartsWanted) -> SignedParts:
        """Raises what `open_to` and `require_parts` raise, UseTus, DigestNeeded, UrlsExhausted."""
        self.store.require()
        upload = await self.ledger.find(wanted.upload_id)
        open_to(upload, wanted.asker, wanted.key)
        require_parts(upload, wanted.parts)
        if upload.mode == "multipart":
            require_digests(presigned_ways(await self.capabilities.offered()), wanted.parts)
        multipart_id = await self._opened(upload)
        try:
            upload = await self._counted(wanted, multipart_id)
        except RepriseError:
            await look_again(self.ledger, upload.id)
            raise
        return SignedParts(upload, [self._signed(upload, part) for part in wanted.parts])

    async def _opened(self, upload: Upload) -> str | None:
        """Begun with the first part; of two begun at once one is dropped when the upload ends."""
        if upload.mode == "put" or upload.multipart_id is not None:
            return upload.multipart_id
        return await self.store.open(upload.key, upload.likely_type)

    async def _counted(self, wanted: PartsWanted, multipart_id: str | None) -> Upload:
        async with self.ledger.change() as tx:
            upload = open_to(await tx.locked(wanted.upload_id), wanted.asker, wanted.key)
            signed = upload.signed_urls + len(wanted.parts)
            if signed > allowed_urls(upload):
                raise UrlsExhausted(allowed_urls(upload))
            now = self.clock.now()
            upload = replace(
                upload,
                state="receiving",
                multipart_id=upload.multipart_id or multipart_id,
                signed_urls=signed,
                signed_until=now + self.signer.lifetime,
                expires_at=expiry_after(now, self.expiry),
            )
            await tx.hold(upload.id)
            await tx.save(upload)
        return upload

    def _signed(self, upload: Upload, part: PartAsked) -> SignedRequest:
        if upload.mode == "put":
            return self.signer.put(upload)
        return self.signer.part(upload, part)
