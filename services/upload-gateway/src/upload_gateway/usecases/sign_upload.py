"""Begin an upload whose bytes go past the gateway, straight into the store."""

from dataclasses import dataclass, replace

from common.clock import Clock
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.presigning import SignedRequest, Way, chosen_way
from upload_gateway.domain.upload import Upload
from upload_gateway.domain.ways_in import Presigned, presigned_ways
from upload_gateway.ports.store import Capabilities, PartStore, UrlSigner
from upload_gateway.usecases.create_upload import CreateUpload


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """The new upload; `request` sends a whole file, None where parts are asked for one by one."""

    upload: Upload
    request: SignedRequest | None
    ways: Presigned


@dataclass(frozen=True, slots=True)
class SignUpload:
    """Admitted and accepted as every other upload; the store itself hears nothing of it yet."""

    create: CreateUpload
    store: PartStore
    capabilities: Capabilities
    signer: UrlSigner
    clock: Clock

    async def __call__(self, new: NewUpload, way: Way | None) -> SignedUpload:
        """Raises UseTus or DigestNeeded where tus must be taken, and what a creation raises."""
        self.store.require()
        ways = presigned_ways(await self.capabilities.offered())
        mode = chosen_way(ways, way, new.length or 0, new.metadata.get("sha256"))
        if mode == "multipart":
            return SignedUpload(await self.create(replace(new, mode=mode)), None, ways)
        until = self.clock.now() + self.signer.lifetime
        upload = await self.create(replace(new, mode=mode, signed_until=until))
        return SignedUpload(upload, self.signer.put(upload), ways)
